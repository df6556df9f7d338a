/* Threads take chunks in order under one lock, ask for the pages of their target at once, and read into them. The caller's
 * thread works too and reports between chunks. The first error stops the taking; chunks that are being read are waited for.
 */
#include "core/tensor/transcode/bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/units.h"

/* Large enough that the calls do not count, small enough to be warm when the bytes come. */
#define CHUNK_BYTES (4 * MIB)
#define THREADS_MAX 8
#define BYTES_PER_THREAD (16 * MIB) /* less is not worth starting one */

/* What the threads share. Chunks are taken in order under the lock: two integers, for two million bytes. */
struct bulk {
	const char *path;
	int fd;
	const struct bulk_piece *pieces;
	size_t count;
	const struct bulk_watcher *watcher;
	uint64_t total_bytes;
	atomic_uint_fast64_t done_bytes;
	atomic_bool stopped;
	pthread_mutex_t lock;
	size_t piece; /* the next chunk begins here */
	uint64_t offset;
	struct error error; /* the first one, under the lock */
};

static bool next_chunk(struct bulk *bulk, struct bulk_piece *chunk)
{
	bool found;

	pthread_mutex_lock(&bulk->lock);
	while (bulk->piece < bulk->count && bulk->offset == bulk->pieces[bulk->piece].size_bytes) {
		bulk->piece++;
		bulk->offset = 0;
	}
	found = bulk->piece < bulk->count;
	if (found) {
		const struct bulk_piece *piece = &bulk->pieces[bulk->piece];
		uint64_t left = piece->size_bytes - bulk->offset;

		chunk->to = (char *)piece->to + bulk->offset;
		chunk->file_offset = piece->file_offset + bulk->offset;
		chunk->size_bytes = left < CHUNK_BYTES ? left : CHUNK_BYTES;
		bulk->offset += chunk->size_bytes;
	}
	pthread_mutex_unlock(&bulk->lock);
	return found;
}

__attribute__((format(printf, 3, 4))) static void stop(struct bulk *bulk, enum error_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	pthread_mutex_lock(&bulk->lock);
	error_set_v(&bulk->error, kind, format, arguments);
	pthread_mutex_unlock(&bulk->lock);
	va_end(arguments);
	atomic_store(&bulk->stopped, true);
}

/* New memory is taken in one call, not page by page while it is written; a kernel that cannot do so ignores it. Huge pages are
 * not asked for: where memory is new to the machine under this one, their first touch took four times as long. */
static void take_pages(const struct bulk_piece *chunk)
{
#ifdef MADV_POPULATE_WRITE
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = ((uintptr_t)chunk->to + page - 1) / page * page;
	uintptr_t end = ((uintptr_t)chunk->to + chunk->size_bytes) / page * page;

	if (end > first)
		madvise((void *)first, end - first, MADV_POPULATE_WRITE);
#else
	(void)chunk;
#endif
}

static void read_chunk(struct bulk *bulk, struct bulk_piece chunk)
{
	take_pages(&chunk);
	while (chunk.size_bytes) {
		ssize_t got = pread(bulk->fd, chunk.to, chunk.size_bytes, (off_t)chunk.file_offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			stop(bulk, ERROR_IO, "cannot read %s at offset %llu: %s", bulk->path,
			     (unsigned long long)chunk.file_offset, strerror(errno));
			return;
		}
		if (got == 0) {
			stop(bulk, ERROR_IO, "%s ends at offset %llu, %llu bytes early: was it cut off?", bulk->path,
			     (unsigned long long)chunk.file_offset, (unsigned long long)chunk.size_bytes);
			return;
		}
		chunk.to = (char *)chunk.to + got;
		chunk.file_offset += (uint64_t)got;
		chunk.size_bytes -= (uint64_t)got;
		atomic_fetch_add(&bulk->done_bytes, (uint64_t)got);
	}
}

static void *work(void *context)
{
	struct bulk *bulk = context;
	struct bulk_piece chunk;

	while (!atomic_load(&bulk->stopped) && next_chunk(bulk, &chunk))
		read_chunk(bulk, chunk);
	return NULL;
}

/* The caller's thread reads too, and looks up between chunks. */
static void work_and_watch(struct bulk *bulk)
{
	const struct bulk_watcher *watcher = bulk->watcher;
	struct bulk_piece chunk;

	while (!atomic_load(&bulk->stopped) && next_chunk(bulk, &chunk)) {
		read_chunk(bulk, chunk);
		if (watcher && watcher->progress)
			watcher->progress(watcher->context, atomic_load(&bulk->done_bytes), bulk->total_bytes);
		if (watcher && watcher->interrupted && *watcher->interrupted)
			stop(bulk, ERROR_INTERRUPTED, "interrupted while reading %s", bulk->path);
	}
}

static size_t helpers_wanted(uint64_t total_bytes)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t wanted = total_bytes / BYTES_PER_THREAD;

	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	if (processors > 0 && wanted > (uint64_t)processors)
		wanted = (uint64_t)processors;
	return wanted ? (size_t)wanted - 1 : 0;
}

bool bulk_read(const char *path, const struct bulk_piece *pieces, size_t count, const struct bulk_watcher *watcher,
	       struct error *e)
{
	struct bulk bulk = {
		.path = path, .pieces = pieces, .count = count, .watcher = watcher, .lock = PTHREAD_MUTEX_INITIALIZER
	};
	pthread_t helpers[THREADS_MAX];
	size_t started = 0;

	bulk.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (bulk.fd < 0)
		return error_set(e, ERROR_MISSING, "cannot open %s: %s", path, strerror(errno));
	for (size_t i = 0; i < count; i++)
		bulk.total_bytes += pieces[i].size_bytes;
	/* A thread that cannot be started is no error: the others do its work. */
	for (size_t wanted = helpers_wanted(bulk.total_bytes); started < wanted; started++) {
		if (pthread_create(&helpers[started], NULL, work, &bulk) != 0)
			break;
	}
	work_and_watch(&bulk);
	for (size_t i = 0; i < started; i++)
		pthread_join(helpers[i], NULL);
	if (watcher && watcher->progress && !atomic_load(&bulk.stopped))
		watcher->progress(watcher->context, bulk.total_bytes, bulk.total_bytes);
	close(bulk.fd);
	return !error_is_set(&bulk.error) || error_set(e, bulk.error.kind, "%s", bulk.error.text);
}
