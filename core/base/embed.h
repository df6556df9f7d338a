/* embed.h - files built into the binary (cmake/Embed.cmake makes the arrays; a row with a NULL name ends one). */
#ifndef RESIDENCY_BASE_EMBED_H
#define RESIDENCY_BASE_EMBED_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

struct embedded_file {
	const char *name; /* without its folder: "2x3090-nvlink.json" */
	const char *bytes; /* a NUL follows the last byte */
	const char *end;
};

static inline size_t embed_length(const struct embedded_file *file)
{
	return (size_t)(file->end - file->bytes);
}

/* The row called name, or NULL. */
const struct embedded_file *embed_find(const struct embedded_file *files, const char *name);

/* Appends the file whose name without ".json" is near to the error, as nearest_suggest does. Returns false. */
bool embed_suggest(const struct embedded_file *files, const char *wanted, struct error *e);

#endif
