/* bench_load.c - one file, three ways to load it, interleaved over rounds.
 *
 * The file's bytes follow a pattern that depends on the offset alone, so that a tensor in the wrong place is noticed.
 * The first round warms the page cache and does not count.
 */
#include "scenarios/bench/bench_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/units.h"
#include "core/device/device.h"
#include "core/tensor/safetensors/safetensors.h"
#include "scenarios/bench/bench.h"

#define PATTERN_BYTES MIB
#define SIZE_BY_DEFAULT (4 * GIB)

/* What the file's tensors weigh, over and over: a transformer's matrices and the small things between them. */
static const uint64_t tensor_bytes[] = { 54 * MIB, 18 * MIB, 6 * KIB, 72 * MIB, 24 * KIB, 72 * MIB, 6 * KIB, 256 };

struct load_rig {
	const struct bench_load_options *options;
	char path[4096];
	uint64_t size_bytes; /* of the tensors */
	struct safetensors_entry *entries;
	char (*names)[40];
	int64_t *shapes;
	size_t count;
	uint8_t *pattern;
	double seconds[LOAD_WAYS][BENCH_LOAD_REPEATS_MAX];
};

const char *bench_load_way_name(enum bench_load_way way)
{
	static const char *const names[LOAD_WAYS] = { "bare read", "copy of a mapping", "into place" };

	return names[way];
}

/* ---- the file ---- */

static bool describe_file(struct load_rig *bench, struct error *e)
{
	size_t most = (size_t)(bench->size_bytes / (20 * MIB)) + 16;
	uint64_t left = bench->size_bytes;

	bench->entries = array_new(most, sizeof(*bench->entries), e);
	bench->names = array_new(most, sizeof(*bench->names), e);
	bench->shapes = array_new(most, sizeof(*bench->shapes), e);
	if (!bench->entries || !bench->names || !bench->shapes)
		return false;
	for (size_t i = 0; left && i < most; i++) {
		uint64_t size = tensor_bytes[i % ARRAY_SIZE(tensor_bytes)];

		size = size < left && i + 1 < most ? size : left;
		snprintf(bench->names[i], sizeof(bench->names[i]), "blocks.%zu.weight", i);
		bench->shapes[i] = (int64_t)(size / 2);
		bench->entries[i] = (struct safetensors_entry) {
			.name = bench->names[i], .dtype = DTYPE_BF16, .rank = 1, .shape = &bench->shapes[i]
		};
		bench->count++;
		left -= size;
	}
	return true;
}

/* The bytes at an offset of the data are the pattern's there, so that a tensor in another's place is noticed. */
static void make_pattern(uint8_t *pattern)
{
	uint32_t state = 1;

	for (size_t i = 0; i < PATTERN_BYTES; i++) {
		state = state * 1664525U + 1013904223U;
		pattern[i] = (uint8_t)(state >> 24);
	}
}

static bool watch(const struct load_rig *bench, uint64_t done, struct error *e)
{
	const struct bulk_watcher *watcher = bench->options->watcher;

	if (watcher && watcher->progress)
		watcher->progress(watcher->context, done, bench->size_bytes);
	return !watcher || !watcher->interrupted || !*watcher->interrupted ||
	       error_set(e, ERROR_INTERRUPTED, "interrupted while making %s", bench->path);
}

static bool make_file(struct load_rig *bench, struct error *e)
{
	struct safetensors_writer *writer = safetensors_writer_open(bench->path, bench->entries, bench->count, NULL, e);

	for (uint64_t done = 0; writer && done < bench->size_bytes;) {
		uint64_t some = bench->size_bytes - done < PATTERN_BYTES ? bench->size_bytes - done : PATTERN_BYTES;

		if (!safetensors_writer_put(writer, bench->pattern, (size_t)some, e) || !watch(bench, done, e)) {
			safetensors_writer_abandon(writer);
			return false;
		}
		done += some;
	}
	return writer && safetensors_writer_finish(writer, e);
}

/* ---- three ways to load it ---- */

static bool read_fully(int fd, uint8_t *to, size_t size_bytes)
{
	for (size_t done = 0; done < size_bytes;) {
		ssize_t got = read(fd, to + done, size_bytes - done);

		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static bool bare_read(struct load_rig *bench, struct error *e)
{
	int fd = open(bench->path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	uint8_t *memory = size > 0 ? malloc((size_t)size) : NULL;
	bool fine = memory && lseek(fd, 0, SEEK_SET) == 0 && read_fully(fd, memory, (size_t)size);

	if (!fine)
		error_set(e, ERROR_IO, "cannot read %s: %s", bench->path, strerror(errno));
	free(memory);
	if (fd >= 0)
		close(fd);
	return fine;
}

static bool mapped_copy(struct load_rig *bench, struct error *e)
{
	struct file_mapping mapping;
	uint8_t *memory;

	if (!file_map(&mapping, bench->path, e))
		return false;
	memory = malloc(mapping.size_bytes);
	if (memory)
		memcpy(memory, mapping.bytes, mapping.size_bytes);
	/* The compiler may not find out that it is never read. */
	__asm__ volatile("" : : "r"(memory) : "memory");
	free(memory);
	file_unmap(&mapping);
	return memory || error_no_memory(e);
}

static bool compare(const struct load_rig *bench, const struct bulk_piece *pieces, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *bytes = pieces[i].to;
		uint64_t first = pieces[i].file_offset;

		for (uint64_t done = 0; done < pieces[i].size_bytes;) {
			uint64_t at = (first + done) % PATTERN_BYTES;
			uint64_t some = PATTERN_BYTES - at;

			some = some < pieces[i].size_bytes - done ? some : pieces[i].size_bytes - done;
			if (memcmp(bytes + done, bench->pattern + at, (size_t)some) != 0)
				return error_set(e, ERROR_BUG, "tensor %zu of %s was loaded wrong", i, bench->path);
			done += some;
		}
	}
	return true;
}

/* Allocates every tensor on the device and reads all of them; *ended_ns is when the last byte was there. */
static bool load_tensors(struct load_rig *bench, struct device *device, const struct safetensors *file, struct buffer *buffers,
			 struct mapping *places, struct bulk_piece *pieces, uint64_t *ended_ns, struct error *e)
{
	size_t count = safetensors_count(file);
	uint64_t data_offset = safetensors_tensor(file, 0)->file_offset;
	bool fine = true;

	for (size_t i = 0; fine && i < count; i++) {
		const struct safetensors_tensor *t = safetensors_tensor(file, i);

		fine = device_alloc(device, t->size_bytes, &buffers[i], e) && device_map(&buffers[i], MAP_WRITE, &places[i], e);
		pieces[i] = (struct bulk_piece) { t->file_offset, t->size_bytes, places[i].bytes };
	}
	fine = fine && bulk_read(bench->path, pieces, count, bench->options->watcher, e);
	*ended_ns = clock_now_ns();
	for (size_t i = 0; fine && i < count; i++)
		pieces[i].file_offset -= data_offset;
	return fine && compare(bench, pieces, count, e);
}

static bool into_place(struct load_rig *bench, const struct topology *topology, uint64_t *ended_ns, struct error *e)
{
	struct safetensors *file = safetensors_open(bench->path, e);
	size_t count = file ? safetensors_count(file) : 0;
	struct machine *machine = file ? machine_open(topology, &host_backend, e) : NULL;
	struct buffer *buffers = array_new(count + 1, sizeof(*buffers), e);
	struct mapping *places = array_new(count + 1, sizeof(*places), e);
	struct bulk_piece *pieces = array_new(count + 1, sizeof(*pieces), e);
	bool fine = machine && buffers && places && pieces &&
		    load_tensors(bench, machine_device(machine, 0), file, buffers, places, pieces, ended_ns, e);

	for (size_t i = 0; places && i < count; i++)
		fine = device_unmap(&places[i], fine, e);
	for (size_t i = 0; buffers && i < count; i++)
		device_free(&buffers[i]);
	free(buffers);
	free(places);
	free(pieces);
	machine_close(machine);
	safetensors_close(file);
	return fine;
}

/* ---- the measurement ---- */

static void put_sample(const struct load_rig *bench, enum bench_load_way way, unsigned repeat)
{
	struct record_sample sample = { .x = (double)bench->size_bytes,
					.value = (double)bench->size_bytes / bench->seconds[way][repeat],
					.repeat = repeat };

	record_text(sample.series, sizeof(sample.series), "load");
	record_text(sample.backend, sizeof(sample.backend), "host");
	record_text(sample.label, sizeof(sample.label), bench_load_way_name(way));
	if (bench->options->sink)
		record_put(bench->options->sink, RECORD_SAMPLE, &sample, sizeof(sample));
}

static bool load_once(struct load_rig *bench, enum bench_load_way way, const struct topology *topology, unsigned repeat,
		      struct error *e)
{
	uint64_t started_ns = clock_now_ns();
	uint64_t ended_ns = 0;
	bool fine;

	switch (way) {
	case LOAD_BARE_READ:
		fine = bare_read(bench, e);
		break;
	case LOAD_MAPPED_COPY:
		fine = mapped_copy(bench, e);
		break;
	default:
		fine = into_place(bench, topology, &ended_ns, e);
		break;
	}
	if (!ended_ns)
		ended_ns = clock_now_ns();
	bench->seconds[way][repeat] = (double)(ended_ns - started_ns) / 1e9;
	if (fine)
		put_sample(bench, way, repeat);
	return fine;
}

/* Interleaved, so that what else the machine does falls on all ways alike. The first round warms the cache and does not count. */
static bool load_all(struct load_rig *bench, unsigned repeats, struct error *e)
{
	static const char text[] = "{\"schema\":1,\"name\":\"load\",\"devices\":[{\"name\":\"cpu\",\"capacity_bytes\":"
				   "1099511627776}],\"links\":[]}";
	struct topology *topology = topology_parse(text, sizeof(text) - 1, "bench load", e);
	bool fine = topology && bare_read(bench, e);

	for (unsigned i = 0; fine && i < repeats; i++) {
		for (unsigned way = 0; fine && way < LOAD_WAYS; way++)
			fine = load_once(bench, (enum bench_load_way)way, topology, i, e) && watch(bench, bench->size_bytes, e);
	}
	topology_free(topology);
	return fine;
}

bool bench_load(const struct bench_load_options *options, struct bench_load *result, struct error *e)
{
	struct load_rig *bench = array_new(1, sizeof(*bench), e);
	unsigned repeats = options->repeats ? options->repeats : 5;
	bool fine;

	*result = (struct bench_load) { .size_bytes = options->size_bytes ? options->size_bytes / 2 * 2 : SIZE_BY_DEFAULT };
	if (!bench)
		return false;
	if (repeats > BENCH_LOAD_REPEATS_MAX)
		repeats = BENCH_LOAD_REPEATS_MAX;
	bench->options = options;
	bench->size_bytes = result->size_bytes;
	bench->pattern = array_new(PATTERN_BYTES, 1, e);
	snprintf(bench->path, sizeof(bench->path), "%s/residency-bench-load-%ld.safetensors", options->folder, (long)getpid());
	fine = bench->pattern && describe_file(bench, e);
	if (fine) {
		make_pattern(bench->pattern);
		fine = make_file(bench, e) && load_all(bench, repeats, e);
		unlink(bench->path);
	}
	result->tensor_count = bench->count;
	for (unsigned way = 0; fine && way < LOAD_WAYS; way++)
		result->seconds[way] = spread_of(bench->seconds[way], repeats);
	free(bench->entries);
	free(bench->names);
	free(bench->shapes);
	free(bench->pattern);
	free(bench);
	return fine;
}

/* Whoever watches is told of the whole file at each call, not of the piece that is being made or read. */
static void tell_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
	const struct bench_request *request = context;

	(void)total_bytes;
	if (request->on_progress)
		request->on_progress(request->context, "loading", done_bytes,
				     request->largest_bytes ? request->largest_bytes : SIZE_BY_DEFAULT);
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	struct bench_request told = *request;
	const struct bulk_watcher watcher = { .progress = tell_progress,
					      .context = &told,
					      .interrupted = request->interrupted };
	const struct bench_load_options options = {
		.folder = bench_folder(),
		.size_bytes = request->largest_bytes,
		.repeats = request->repeats,
		.watcher = &watcher,
		.sink = request->sink,
	};

	return bench_load(&options, result, e);
}

const struct bench bench_row_load = {
	.name = "load",
	.summary = "a safetensors file from the page cache into a host device, against a bare read",
	.result_size_bytes = sizeof(struct bench_load),
	.measure = measure,
};
