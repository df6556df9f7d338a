/* synthesis_file.h - a synthetic copy of a published file: its tensors' names, shapes and types, with seeded values or none.
 *
 * Written beside the path and renamed when whole. Runs of zeros become holes where the file system has them, so that with
 * `zeros` a file of any size takes a header's room and a moment.
 */
#ifndef RESIDENCY_MODEL_SYNTHESIS_FILE_H
#define RESIDENCY_MODEL_SYNTHESIS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/recipe.h"

struct synthesis_order {
	const struct recipe *recipe;
	bool small; /* the families' small configurations, told in the file's metadata where it is of one model */
	bool zeros; /* all values are 0 */
	bool scaled; /* fp8 with scales; dtype is that of the others */
	enum dtype dtype;
	uint64_t seed;
	/* Called as bytes are written; false stops with ERROR_INTERRUPTED. May be NULL. */
	bool (*told)(void *context, uint64_t done_bytes, uint64_t total_bytes);
	void *context;
};

struct synthesis_result {
	uint64_t data_bytes, written_bytes; /* the rest are holes */
	size_t tensor_count;
};

/* On failure nothing stays behind. ERROR_IO when the disk is full. */
bool synthesis_write_file(const struct synthesis_order *order, const char *path, struct synthesis_result *result,
			  struct error *e);

#endif
