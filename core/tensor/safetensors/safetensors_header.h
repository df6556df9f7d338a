/* safetensors_header.h - the JSON header of a safetensors file, read without building a tree. Private to core/tensor/safetensors.
 *
 * One pass that measures and one that reads: every string is decoded into one block, tensors and numbers go to others. jansson
 * does not fit here: it refuses NULs in names and numbers past 63 bits wherever they stand, and hides a member given
 * twice.
 */
#ifndef RESIDENCY_TENSOR_SAFETENSORS_HEADER_H
#define RESIDENCY_TENSOR_SAFETENSORS_HEADER_H

#include "core/tensor/safetensors/safetensors.h"

/* Small, because a hostile header may name millions; a header's length fits 32 bits. */
struct header_tensor {
	const char *name;
	uint64_t begin, end; /* in the data area */
	uint32_t name_length;
	uint32_t text_offset; /* of its name in the header, for messages; later members of one name have larger ones */
	uint32_t rank;
	uint32_t first_dimension; /* into dimensions */
	enum dtype dtype;
};

struct header_pair {
	const char *key, *value;
	size_t key_length;
	size_t text_offset;
};

/* Owns its arrays; freed with safetensors_header_free(). */
struct header {
	struct header_tensor *tensors; /* in the order of the text, duplicates included */
	size_t tensor_count, tensor_capacity;
	struct header_pair *metadata;
	size_t metadata_count, metadata_capacity;
	uint64_t *dimensions;
	size_t dimension_count, dimension_capacity;
	char *strings;
};

/* ERROR_FORMAT names `where` and the offset in the file (the header starts at 8). On failure nothing is owned. */
bool safetensors_header_parse(struct header *header, const char *text, size_t length, const char *where, struct error *e);
void safetensors_header_free(struct header *header);

#endif
