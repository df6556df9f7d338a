/* partial.h - a file written piece by piece that appears whole or not at all.
 *
 * Pieces go to PATH.partial-PID beside path; partial_finish syncs and renames it over path. Whatever fails, or is abandoned,
 * leaves neither the part nor a changed path.
 */
#ifndef RESIDENCY_BASE_PARTIAL_H
#define RESIDENCY_BASE_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

/* Zeroed when nothing is open. The members are private. */
struct partial {
	FILE *stream;
	char *path;
	char *partial_path;
};

/* ERROR_IO names path, not the part. On failure nothing is owned. */
bool partial_open(struct partial *partial, const char *path, struct error *e);

bool partial_write(struct partial *partial, const void *bytes, size_t size_bytes, struct error *e);

/* So many zeros, left out as a hole where the file system can. */
bool partial_skip(struct partial *partial, uint64_t size_bytes, struct error *e);

/* Ends it either way. */
bool partial_finish(struct partial *partial, struct error *e);

/* Removes the part. A zeroed one is fine. */
void partial_abandon(struct partial *partial);

#endif
