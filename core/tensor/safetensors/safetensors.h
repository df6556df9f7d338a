/* safetensors.h - tensors in a file: read where they lie, written as they come.
 *
 * A file is eight bytes of header length, a JSON header, and the tensors' bytes. Reading maps the file and copies nothing: a
 * tensor's `bytes` point into the mapping and are not aligned to anything. What is refused and what is accepted is what the
 * reference reader (safetensors 0.8.0) refuses and accepts: a header of at most 100,000,000 bytes of UTF-8; ranges that tile the
 * data area without gap, overlap or remainder; metadata that is null, or whose values are all strings; unknown members ignored; of
 * a tensor named twice the last counts. All of that is checked at open, so that nothing can fault later. Errors name the file, the
 * offset in it, the tensor, and what was found.
 *
 *	struct safetensors *file = safetensors_open("flux.safetensors", &e);
 *	const struct safetensors_tensor *t = file ? safetensors_find(file, "img_in.weight") : NULL;
 */
#ifndef RESIDENCY_TENSOR_SAFETENSORS_H
#define RESIDENCY_TENSOR_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/tensor/dtype/dtype.h"

#define SAFETENSORS_HEADER_MAX UINT64_C(100000000)

struct safetensors;

struct safetensors_tensor {
	const char *name; /* terminated; a name may hold NULs, name_length counts them */
	size_t name_length;
	enum dtype dtype;
	size_t rank; /* 0 is one element; has no limit here */
	const uint64_t *shape;
	const uint8_t *bytes; /* not aligned; not NULL even where size_bytes is 0, but see safetensors_open_head */
	uint64_t size_bytes;
	uint64_t element_count;
	uint64_t file_offset; /* of the first byte */
};

/* Maps and checks. The caller closes. NULL with ERROR_MISSING, ERROR_FORMAT, ERROR_MEMORY. */
struct safetensors *safetensors_open(const char *path, struct error *e);

/* The same for whoever reads names, types and shapes: where the address space has no room for the file, only its head and what is in
 * small tensors (4 KiB at most) is read, and the others' `bytes` are NULL. */
struct safetensors *safetensors_open_head(const char *path, struct error *e);

/* The same over bytes in memory, which must live as long as the result. `where` names them in messages. */
struct safetensors *safetensors_parse(const uint8_t *bytes, size_t size_bytes, const char *where, struct error *e);

/* Ends the mapping: every tensor, name and value got from it is gone. NULL is fine. */
void safetensors_close(struct safetensors *file);

size_t safetensors_count(const struct safetensors *file);

/* By index, in the order of the data in the file. Borrowed. */
const struct safetensors_tensor *safetensors_tensor(const struct safetensors *file, size_t index);

/* By name, or NULL. */
const struct safetensors_tensor *safetensors_find(const struct safetensors *file, const char *name);

/* The `__metadata__` member, sorted by key; index < safetensors_metadata_count(). */
size_t safetensors_metadata_count(const struct safetensors *file);
void safetensors_metadata_at(const struct safetensors *file, size_t index, const char **key, const char **value);
/* The value, or NULL. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* ---- writing ---- */

/* What a file will hold: sizes follow from dtype and shape. `bytes` is used by safetensors_write only. */
struct safetensors_entry {
	const char *name;
	enum dtype dtype;
	size_t rank;
	const int64_t *shape;
	const void *bytes;
};

struct safetensors_writer;

/* Begins PATH.partial-PID with the header for all entries, in their order; metadata is key, value, key, value, ...,
 * NULL (or NULL). Nothing of the arguments is kept. ERROR_FORMAT for two entries of one name or an impossible shape. */
struct safetensors_writer *safetensors_writer_open(const char *path, const struct safetensors_entry *entries, size_t count,
						   const char *const *metadata, struct error *e);

/* The data's next bytes, in the entries' order, in pieces of any size. */
bool safetensors_writer_put(struct safetensors_writer *writer, const void *bytes, size_t size_bytes, struct error *e);

/* The data's next bytes are zeros, left out as a hole where the file system can. */
bool safetensors_writer_skip(struct safetensors_writer *writer, uint64_t size_bytes, struct error *e);

/* Syncs and renames over path; fails, as it does when bytes are missing, without leaving a partial file. Frees the
 * writer. */
bool safetensors_writer_finish(struct safetensors_writer *writer, struct error *e);

/* Removes the partial file and frees the writer. NULL is fine. */
void safetensors_writer_abandon(struct safetensors_writer *writer);

/* All of the above for tensors that are in memory. */
bool safetensors_write(const char *path, const struct safetensors_entry *entries, size_t count, const char *const *metadata,
		       struct error *e);

#endif
