/* shards.h - one model in several safetensors files, told by an index (`*.safetensors.index.json`).
 *
 * The index is hostile input like any file: it may name only plain files beside it, each is opened and checked whole, and every
 * tensor that it promises must be in the file that it names. What a file holds beyond that is not shown, but counted.
 */
#ifndef RESIDENCY_TENSOR_SHARDS_H
#define RESIDENCY_TENSOR_SHARDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/tensor/safetensors/safetensors.h"

#define SHARDS_INDEX_MAX ((size_t)100000000) /* bytes of the index */
#define SHARDS_FILES_MAX ((size_t)4096)

struct shards;

/* How the files that an index names are opened. The shards close what they were given. */
struct shards_opener {
	struct safetensors *(*open)(void *context, const char *name, struct error *e);
	void *context;
};

/* Whether a path ends as an index does. */
bool shards_is_index(const char *path);

/* Opens the index and, from its folder, all files. The caller closes. NULL with ERROR_MISSING, ERROR_FORMAT, ERROR_MEMORY. */
struct shards *shards_open(const char *path, struct error *e);

/* The same for an index in memory; nothing of text is kept. */
struct shards *shards_parse(const char *text, size_t length, const char *where, const struct shards_opener *opener,
			    struct error *e);

void shards_close(struct shards *shards);

size_t shards_file_count(const struct shards *shards);
const char *shards_file_name(const struct shards *shards, size_t file);
const struct safetensors *shards_file(const struct shards *shards, size_t file);

/* The tensors of the index, sorted by name; *file (may be NULL) is where it lies. Borrowed. */
size_t shards_count(const struct shards *shards);
const struct safetensors_tensor *shards_tensor(const struct shards *shards, size_t index, size_t *file);
/* By name, or NULL. */
const struct safetensors_tensor *shards_find(const struct shards *shards, const char *name, size_t *file);

/* Tensors in the files that the index does not list there. */
size_t shards_unlisted(const struct shards *shards);

#endif
