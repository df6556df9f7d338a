/* transcode.h - a file of weights into another format, another element type, or both.
 *
 * What would be lost is refused, by name, before anything is written: quantised elements into a format without them, element
 * types that the new format does not have, values that are no text into a format of texts. What the caller asks for by naming a
 * type is no loss, but a number that the type cannot hold at all (and that would become infinite) is. Tensors stream through in
 * pieces; the new file appears whole or not at all (partial.h).
 */
#ifndef RESIDENCY_TENSOR_TRANSCODE_H
#define RESIDENCY_TENSOR_TRANSCODE_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/tensor/transcode/bulk.h"
#include "core/tensor/weights/weights.h"

struct transcode_request {
	const char *from;
	const char *to;
	enum weights_format format; /* of the new file */
	/* The new type of every floating point or quantised tensor; NULL: as they are. A quantised type is for matrices whose rows
	 * are whole blocks; other tensors stay as they are, or become F32 where they were quantised otherwise. */
	const struct weights_type *type;
	bool in_half; /* quantised elements become numbers in half precision, as ComfyUI-GGUF's do; else exactly */
	bool stochastic; /* F8 by chance, seeded by each tensor's name (stochastic.h) */
	const char *architecture; /* general.architecture of a GGUF file; NULL: what the old file says */
	bool drop_values; /* values that the new format cannot hold go */
	const struct bulk_watcher *watcher; /* may be NULL */
	const struct log_sink *log; /* warnings: what is fine and still worth knowing */
};

/* What was done. */
struct transcode_result {
	size_t tensors, changed; /* changed: whose elements are of another type now */
	size_t unscaled; /* weights whose scales were multiplied in, and left out */
	uint64_t from_bytes, to_bytes; /* of elements */
};

/* ERROR_UNSUPPORTED names what would be lost. */
bool transcode(const struct transcode_request *request, struct transcode_result *result, struct error *e);

#endif
