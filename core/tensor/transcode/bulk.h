/* bulk.h - many bytes of a file into place, several reads in flight.
 *
 * A model is loaded by saying for each tensor where in the file it lies and where in memory it goes. Pieces are cut into chunks
 * that a few threads read at once, so that neither the disk nor the first touch of new memory is waited for alone. Bytes are read,
 * not mapped: they end in private memory without a second copy, and a disk that fails is an error instead of a fault.
 */
#ifndef RESIDENCY_TENSOR_BULK_H
#define RESIDENCY_TENSOR_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* A run of bytes of the file, and where it goes. */
struct bulk_piece {
	uint64_t file_offset;
	uint64_t size_bytes;
	void *to;
};

/* Both may be NULL. progress is called from the caller's thread, often. */
struct bulk_watcher {
	void (*progress)(void *context, uint64_t done_bytes, uint64_t total_bytes);
	void *context;
	const bool *interrupted; /* polled between chunks; ERROR_INTERRUPTED when it becomes true */
};

/* Reads all pieces, in no particular order; they must not overlap in memory. ERROR_MISSING when path cannot be opened, ERROR_IO
 * when it cannot be read or ends early; what is in the pieces' memory is then undefined. watcher may be NULL. */
bool bulk_read(const char *path, const struct bulk_piece *pieces, size_t count, const struct bulk_watcher *watcher,
	       struct error *e);

#endif
