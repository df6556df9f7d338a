/* file.h - whole files in, whole files out; nothing half-written stays behind. */
#ifndef RESIDENCY_BASE_FILE_H
#define RESIDENCY_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* The whole file and a terminating NUL after it; the caller frees. ERROR_MISSING if it cannot be opened, ERROR_IO later. "-"
 * reads standard input. */
char *file_read_whole(const char *path, size_t *length, struct error *e);

/* Writes to PATH.partial-PID beside path, syncs, renames over path. On failure neither the part nor a changed path remains. */
bool file_write_whole(const char *path, const void *bytes, size_t length, struct error *e);

/* mkdir -p. */
bool file_make_folder(const char *path, struct error *e);

/* rm -r, as far as it goes: what cannot be removed stays. Links are removed, not followed. */
void file_remove_folder(const char *path);

/* A file mapped for reading. file_map takes a snapshot of nothing: a file that another process cuts off while it is mapped faults, so
 * sizes are checked against the mapping's, taken once. */
struct file_mapping {
	const uint8_t *bytes; /* NULL for an empty file */
	size_t size_bytes;
};
bool file_map(struct file_mapping *mapping, const char *path, struct error *e);
void file_unmap(struct file_mapping *mapping);

/* Reads up to length bytes at an offset; *got of them where the file ends before. ERROR_MISSING, ERROR_IO. */
bool file_read_at(const char *path, uint64_t offset, void *to, size_t length, size_t *got, struct error *e);

/* How long a file is. ERROR_MISSING. */
bool file_size(const char *path, uint64_t *size_bytes, struct error *e);

#endif
