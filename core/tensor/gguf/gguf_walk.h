/* gguf_walk.h - one pass over a GGUF file's head that checks all of it and allocates nothing. Private to core/tensor/gguf.
 *
 * gguf_walk_file checks and counts; after it succeeded the other functions read again, without checks, what it has seen.
 */
#ifndef RESIDENCY_TENSOR_GGUF_WALK_H
#define RESIDENCY_TENSOR_GGUF_WALK_H

#include "core/tensor/gguf/gguf.h"

struct gguf_walk {
	/* given */
	const uint8_t *bytes;
	size_t size_bytes;
	const char *where; /* for messages; not used after gguf_walk_file */
	/* found */
	bool swapped;
	uint32_t version;
	uint32_t alignment;
	uint64_t value_count, tensor_count;
	uint64_t values_offset, tensors_offset, data_offset;
	uint64_t name_bytes, dimension_count; /* of all tensors together */
};

bool gguf_walk_file(struct gguf_walk *walk, struct error *e);

/* The key whose length stands at `at`; its value; and where the next one is. Keys are not terminated. */
const char *gguf_walk_key(const struct gguf_walk *walk, uint64_t at, size_t *length);
struct gguf_value gguf_walk_value(const struct gguf_walk *walk, uint64_t at);
uint64_t gguf_walk_after_value(const struct gguf_walk *walk, uint64_t at);

/* Fills a tensor from its description at `at`, its name and dimensions into the room given. Returns where the next one is. */
uint64_t gguf_walk_fill(const struct gguf_walk *walk, uint64_t at, struct gguf_tensor *tensor, char *name,
			uint64_t *dimensions);

#endif
