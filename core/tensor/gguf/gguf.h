/* gguf.h - tensors and values in a GGUF file: read where they lie, written as they come.
 *
 * A file is a magic number, values under keys, the tensors' descriptions, padding, and the tensors' bytes. Reading maps the file
 * and copies nothing but names: `bytes` point into the mapping and are not aligned to anything. What is refused and what is
 * accepted is what the reference reader (gguf-py 0.19's GGUFReader) refuses and accepts: versions 2 and 3, in the byte order of
 * this machine or the other; keys and names unique and UTF-8; an alignment that is a power of two; rows of whole blocks; every
 * tensor inside the file, though tensors may overlap. All of that is checked at open, before anything is allocated that the
 * file's counts ask for, so that nothing can fault later. One thing it lets pass is refused: a file that ends inside a value.
 * Errors name the file, the offset in it and what was found.
 *
 *	struct gguf *file = gguf_open("flux1-dev-Q4_K_S.gguf", &e);
 *	const struct gguf_tensor *t = file ? gguf_find(file, "img_in.weight") : NULL;
 */
#ifndef RESIDENCY_TENSOR_GGUF_H
#define RESIDENCY_TENSOR_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"
#include "core/tensor/quant/quant.h"

#define GGUF_ALIGNMENT 32u /* unless general.alignment says otherwise */
#define GGUF_RANK_MAX 64u

struct gguf;

struct gguf_tensor {
	const char *name; /* terminated; a name may hold NULs, name_length counts them */
	const uint64_t *shape; /* slowest dimension first, as PyTorch has it: the file's order reversed */
	const uint8_t *bytes; /* not aligned; not NULL even where size_bytes is 0 */
	uint64_t size_bytes;
	uint32_t name_length;
	uint8_t type; /* an enum quant, in a byte: hostile files may have millions of these */
	uint8_t rank; /* 0 is one element */
};

/* Maps and checks. The caller closes. NULL with ERROR_MISSING, ERROR_FORMAT, ERROR_MEMORY. */
struct gguf *gguf_open(const char *path, struct error *e);

/* Whether a file begins as one does. One that cannot be read does not: whoever opens it says why. */
bool gguf_is_file(const char *path);

/* The same over bytes in memory, which must live as long as the result. `where` names them in messages. */
struct gguf *gguf_parse(const uint8_t *bytes, size_t size_bytes, const char *where, struct error *e);

/* Ends the mapping: every tensor, name and value got from it is gone. NULL is fine. */
void gguf_close(struct gguf *file);

uint32_t gguf_version(const struct gguf *file);
uint32_t gguf_alignment(const struct gguf *file);
/* Whether the file is of the other byte order: elements of two bytes and more must be swapped before use. */
bool gguf_is_swapped(const struct gguf *file);

size_t gguf_count(const struct gguf *file);
/* By index, in the order of the descriptions in the file. Borrowed. */
const struct gguf_tensor *gguf_tensor(const struct gguf *file, size_t index);
/* By name, or NULL. */
const struct gguf_tensor *gguf_find(const struct gguf *file, const char *name);
uint64_t gguf_element_count(const struct gguf_tensor *tensor);
uint64_t gguf_file_offset(const struct gguf *file, const struct gguf_tensor *tensor);

/* ---- values under keys ---- */

/* name, number in a file, bytes; 0 where they vary */
#define GGUF_TYPES(X)                                                                                                          \
	X(U8, 0, 1)                                                                                                            \
	X(I8, 1, 1)                                                                                                            \
	X(U16, 2, 2)                                                                                                           \
	X(I16, 3, 2)                                                                                                           \
	X(U32, 4, 4)                                                                                                           \
	X(I32, 5, 4)                                                                                                           \
	X(F32, 6, 4)                                                                                                           \
	X(BOOL, 7, 1)                                                                                                          \
	X(STRING, 8, 0)                                                                                                        \
	X(ARRAY, 9, 0)                                                                                                         \
	X(U64, 10, 8)                                                                                                          \
	X(I64, 11, 8)                                                                                                          \
	X(F64, 12, 8)

enum gguf_type {
#define GGUF_ENUM(name, number, bytes) GGUF_##name = (number),
	GGUF_TYPES(GGUF_ENUM)
#undef GGUF_ENUM
		GGUF_TYPE_COUNT
};

/* Borrowed from the file. Texts are not terminated. */
struct gguf_value {
	const char *key;
	size_t key_length;
	enum gguf_type type;
	uint32_t item_type; /* of an array's items, else the type itself; no enum: an empty array may name any number */
	uint64_t count; /* items of an array, bytes of a string, else 1 */
	const uint8_t *bytes; /* the first item's, in the file's byte order; items of strings and arrays vary in size */
	const uint8_t *raw; /* the whole value as it stands after its type */
	size_t raw_size_bytes;
	bool swapped;
};

size_t gguf_value_count(const struct gguf *file);
/* In the order of the file. */
struct gguf_value gguf_value_at(const struct gguf *file, size_t index);
bool gguf_value_find(const struct gguf *file, const char *key, struct gguf_value *value);

/* The whole number that a number is, or that an array of numbers has at index (0 for a number); false where it is not one or does
 * not fit. */
bool gguf_value_integer(const struct gguf_value *value, uint64_t index, int64_t *number);
/* The same for any number, as a double. */
bool gguf_value_number(const struct gguf_value *value, uint64_t index, double *number);
/* A string's text, or NULL. */
const char *gguf_value_text(const struct gguf_value *value, size_t *length);

/* The shape that a tensor had before it was made to fit blocks: ComfyUI-GGUF's comfy.gguf.orig_shape.NAME. False where there is
 * none, or none of as many elements. */
bool gguf_original_shape(const struct gguf *file, const struct gguf_tensor *tensor, uint64_t shape[GGUF_RANK_MAX],
			 unsigned *rank);

/* Whether the file is one of several parts of a model (split.no, split.count): which, from 1 on, and of how many. */
bool gguf_split(const struct gguf *file, uint64_t *part, uint64_t *count);

/* ---- writing ---- */

/* Values for a new file, encoded as they are added; a failed allocation is told by gguf_writer_open. Zeroed when empty; freed
 * with gguf_metadata_free(). */
struct gguf_metadata {
	struct strbuf encoded;
	uint64_t count;
};
void gguf_metadata_text(struct gguf_metadata *metadata, const char *key, const char *text);
void gguf_metadata_u32(struct gguf_metadata *metadata, const char *key, uint32_t number);
void gguf_metadata_i32s(struct gguf_metadata *metadata, const char *key, const int32_t *numbers, size_t count);
/* Of a file of this machine's byte order. */
void gguf_metadata_copy(struct gguf_metadata *metadata, const struct gguf_value *value);
void gguf_metadata_free(struct gguf_metadata *metadata);

/* What a file will hold; shape as in struct gguf_tensor. `bytes` is used by gguf_write only. */
struct gguf_entry {
	const char *name;
	enum quant type;
	size_t rank;
	const int64_t *shape;
	const void *bytes;
};

struct gguf_writer;

/* Begins a partial file (partial.h) of version 3 with all values and descriptions. Nothing of the arguments is kept.
 * ERROR_FORMAT for two entries of one name, an impossible shape, rows that are not whole blocks. metadata may be NULL. */
struct gguf_writer *gguf_writer_open(const char *path, const struct gguf_entry *entries, size_t count,
				     const struct gguf_metadata *metadata, struct error *e);

/* The data's next bytes, in the entries' order, in pieces of any size; padding is put between tensors. */
bool gguf_writer_put(struct gguf_writer *writer, const void *bytes, size_t size_bytes, struct error *e);

/* Ends the file and the writer; fails when bytes are missing. */
bool gguf_writer_finish(struct gguf_writer *writer, struct error *e);

/* Removes the partial file and frees the writer. NULL is fine. */
void gguf_writer_abandon(struct gguf_writer *writer);

/* All of the above for tensors that are in memory. */
bool gguf_write(const char *path, const struct gguf_entry *entries, size_t count, const struct gguf_metadata *metadata,
		struct error *e);

#endif
