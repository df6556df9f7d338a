/* weights_read.c - the bytes of a model's parameters, out of files and to where the parameters rest.
 *
 * The runs of a file are read in the order of their offsets, straight into the memory of the parameters where this processor may
 * follow its address. Elsewhere they pass through memory of the host, and so do bytes that change on the way. All parameters are
 * read at once on host; elsewhere a window of them at a time, so that no more than STAGED_MAX, or one parameter that is larger,
 * stands beside the devices.
 */
#include "core/workflow/library/weights_read.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/convert/quantise.h"

#define STAGED_MAX (64 * MIB) /* enough for several reads at a time of the largest chunk */

/* A run of a file's bytes, and where it goes. */
struct weights_run {
	const char *path;
	struct bulk_piece piece;
};

struct reader {
	struct model *model;
	const struct parameter_origin *origins;
	const struct bulk_watcher *watcher;
	struct weights_run *runs;
	size_t run_count;
	struct mapping *places; /* by parameter; owned, and unmapped at the end */
	unsigned char **beside; /* by parameter: what is read beside its place first; owned */
	size_t first, end; /* the window of parameters */
	uint64_t done_bytes, total_bytes; /* of what was read before, and of all */
};

/* ---- what goes where ---- */

static uint64_t bytes_of(const struct parameter_origin *origin, size_t piece)
{
	return origin->rows[piece]->size_bytes / origin->part_count[piece];
}

static bool changes_on_the_way(const struct parameter_origin *origin)
{
	return origin->transposed || origin->heads || origin->converted;
}

static uint64_t all_bytes_of(const struct parameter_origin *origin)
{
	uint64_t size_bytes = 0;

	for (size_t i = 0; i < origin->piece_count; i++)
		size_bytes += bytes_of(origin, i);
	return size_bytes;
}

static bool add_runs(struct reader *reader, size_t index, struct error *e)
{
	const struct parameter_origin *origin = &reader->origins[index];
	const struct parameter *parameter = &reader->model->parameters[index];
	unsigned char *to;
	uint64_t size_bytes = all_bytes_of(origin);

	if (size_bytes == 0)
		return true;
	if (!device_map(&parameter->resting, MAP_WRITE, &reader->places[index], e))
		return false;
	to = reader->places[index].bytes;
	if (changes_on_the_way(origin)) {
		to = reader->beside[index] = array_new(size_bytes, 1, e);
		if (!to)
			return false;
	} else if (size_bytes != parameter->size_bytes) {
		return error_set(e, ERROR_BUG, "%s takes %llu bytes, and %llu come for it", parameter->name,
				 (unsigned long long)parameter->size_bytes, (unsigned long long)size_bytes);
	}
	for (size_t i = 0; i < origin->piece_count; i++) {
		const struct tensor_row *row = origin->rows[i];
		uint64_t bytes = bytes_of(origin, i);

		reader->runs[reader->run_count++] = (struct weights_run) {
			.path = row->path ? row->path : origin->path,
			.piece = { .file_offset = row->file_offset + origin->part[i] * bytes, .size_bytes = bytes, .to = to }
		};
		to += bytes;
	}
	return true;
}

static bool begin(struct reader *reader, struct error *e)
{
	size_t count = reader->model->parameter_count;

	reader->runs = array_new(count * LAYOUT_PIECES_MAX + 1, sizeof(*reader->runs), e);
	reader->beside = array_new(count + 1, sizeof(*reader->beside), e);
	reader->places = array_new(count + 1, sizeof(*reader->places), e);
	if (!reader->runs || !reader->beside || !reader->places)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (reader->origins[i].path)
			reader->total_bytes += all_bytes_of(&reader->origins[i]);
	}
	return true;
}

/* The window from `first` on. */
static void plan_window(struct reader *reader, size_t first)
{
	const struct model *model = reader->model;
	bool is_staged = !machine_backend(model->machine)->host_addressable;
	uint64_t staged_bytes = 0;

	reader->first = first;
	reader->end = first;
	while (reader->end < model->parameter_count) {
		staged_bytes += model->parameters[reader->end].size_bytes;
		if (is_staged && reader->end > first && staged_bytes > STAGED_MAX)
			return;
		reader->end++;
	}
}

static bool plan_runs(struct reader *reader, struct error *e)
{
	reader->run_count = 0;
	for (size_t i = reader->first; i < reader->end; i++) {
		if (reader->origins[i].path && !add_runs(reader, i, e))
			return false;
	}
	return true;
}

/* ---- reading, file by file ---- */

static void on_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
	const struct reader *reader = context;

	(void)total_bytes;
	reader->watcher->progress(reader->watcher->context, reader->done_bytes + done_bytes, reader->total_bytes);
}

static int compare_paths(const void *a, const void *b)
{
	const struct weights_run *left = a;
	const struct weights_run *right = b;
	int order = strcmp(left->path, right->path);

	if (order)
		return order;
	return (left->piece.file_offset > right->piece.file_offset) - (left->piece.file_offset < right->piece.file_offset);
}

static bool read_file(struct reader *reader, const struct weights_run *runs, size_t count, struct bulk_piece *pieces,
		      struct error *e)
{
	struct bulk_watcher watcher = { .context = reader };
	uint64_t size_bytes = 0;

	if (reader->watcher)
		watcher.interrupted = reader->watcher->interrupted;
	if (reader->watcher && reader->watcher->progress)
		watcher.progress = on_progress;
	for (size_t i = 0; i < count; i++) {
		pieces[i] = runs[i].piece;
		size_bytes += pieces[i].size_bytes;
	}
	if (!bulk_read(runs[0].path, pieces, count, &watcher, e))
		return false;
	reader->done_bytes += size_bytes;
	return true;
}

static bool read_files(struct reader *reader, struct error *e)
{
	struct bulk_piece *pieces = array_new(reader->run_count + 1, sizeof(*pieces), e);
	bool fine = pieces != NULL;

	if (fine && reader->run_count)
		qsort(reader->runs, reader->run_count, sizeof(*reader->runs), compare_paths);
	for (size_t i = 0; fine && i < reader->run_count;) {
		size_t count = 1;

		while (i + count < reader->run_count && strcmp(reader->runs[i].path, reader->runs[i + count].path) == 0)
			count++;
		fine = read_file(reader, &reader->runs[i], count, pieces, e);
		i += count;
	}
	free(pieces);
	return fine;
}

/* ---- what changes on the way ---- */

/* llama.cpp has the two halves of a head's rows by turns; upstream has one half after the other. */
static void order_heads(const struct parameter *parameter, unsigned heads, const unsigned char *from, unsigned char *to)
{
	size_t rows = (size_t)parameter->shape[0];
	size_t row_bytes = parameter->size_bytes / rows;
	size_t half = rows / heads / 2;

	for (size_t i = 0; i < rows; i++) {
		size_t head = i / (2 * half);
		size_t in_head = i % (2 * half);
		size_t source = head * 2 * half + in_head % half * 2 + in_head / half;

		memcpy(to + i * row_bytes, from + source * row_bytes, row_bytes);
	}
}

/* A number of each of two frames after the other, a kernel at a time. */
static void alternate(const struct parameter *parameter, const float *frames, float *to)
{
	size_t kernel = (size_t)(parameter->shape[3] * parameter->shape[4]);
	size_t kernels = (size_t)(parameter->shape[0] * parameter->shape[1]);

	for (size_t i = 0; i < kernels; i++) {
		for (size_t frame = 0; frame < 2; frame++)
			memcpy(to + (2 * i + frame) * kernel, frames + (frame * kernels + i) * kernel, kernel * sizeof(*to));
	}
}

/* The rows' elements, one row after the other. */
static bool dequantise_rows(const struct model *model, const struct parameter_origin *origin, const unsigned char *from,
			    float *values, size_t count, struct error *e)
{
	size_t done = 0;

	for (size_t i = 0; i < origin->piece_count; i++) {
		enum quant type = origin->rows[i]->type;
		size_t elements = (size_t)(bytes_of(origin, i) / quant_block_bytes(type)) * quant_block_elements(type);

		if (elements > count - done)
			return error_set(e, ERROR_BUG, "%s has more elements than there is room for", origin->rows[i]->name);
		if (!convert_dequantise(type, model->way, from, values + done, elements, e))
			return false;
		from += bytes_of(origin, i);
		done += elements;
	}
	return true;
}

static bool to_numbers(const struct model *model, const struct parameter *parameter, const struct parameter_origin *origin,
		       const unsigned char *from, void *to, struct error *e)
{
	size_t count = model_parameter_element_count(parameter);
	float *values = array_new(count, sizeof(*values), e);
	float *turned = origin->alternates ? array_new(count, sizeof(*turned), e) : values;
	bool fine = values && turned && dequantise_rows(model, origin, from, values, count, e);

	if (fine && origin->alternates)
		alternate(parameter, values, turned);
	fine = fine && convert_from_f32(parameter->dtype, turned, to, count, e);
	if (turned != values)
		free(turned);
	free(values);
	return fine;
}

static bool settle(const struct reader *reader, size_t index, struct error *e)
{
	const struct parameter_origin *origin = &reader->origins[index];
	const struct parameter *parameter = &reader->model->parameters[index];
	const unsigned char *from = reader->beside[index];
	unsigned char *to = reader->places[index].bytes;

	if (!from)
		return true;
	if (origin->transposed)
		layout_transpose(from, to, (size_t)parameter->shape[0], (size_t)parameter->shape[1],
				 dtype_size_bytes(parameter->dtype));
	else if (origin->heads)
		order_heads(parameter, origin->heads, from, to);
	else
		return to_numbers(reader->model, parameter, origin, from, to, e);
	return true;
}

static bool read_window(struct reader *reader, struct error *e)
{
	bool fine = plan_runs(reader, e) && read_files(reader, e);

	for (size_t i = reader->first; fine && i < reader->end; i++)
		fine = settle(reader, i, e);
	for (size_t i = reader->first; i < reader->end; i++) {
		fine = device_unmap(&reader->places[i], fine, e);
		free(reader->beside[i]);
		reader->beside[i] = NULL;
	}
	return fine;
}

bool weights_read(struct model *model, const struct parameter_origin *origins, const struct bulk_watcher *watcher,
		  struct error *e)
{
	struct reader reader = { .model = model, .origins = origins, .watcher = watcher };
	bool fine = begin(&reader, e);

	while (fine && reader.end < model->parameter_count) {
		plan_window(&reader, reader.end);
		fine = read_window(&reader, e);
	}
	free(reader.places);
	free(reader.beside);
	free(reader.runs);
	return fine;
}
