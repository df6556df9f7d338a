/* file_units.h - the weights that LoRAs mean, out of the tensors of a file. Private to core/patch/file.
 *
 * Cut as upstream cuts, a weight is a tensor of the file. Diffusers and open_clip cut otherwise: a weight is several of their tensors,
 * or rows of one, or one whose rows are columns. Where such a model is recognised its weights are put together, patched whole (so
 * that what is added and how it is rounded is what it would be at load), and taken apart again.
 *
 *	struct file_units units;
 *	if (!file_units_make(&units, &weights, &table, metadata, path, &e)) ...
 *	for (size_t i = 0; i < units.count; i++) ... units.targets[i].key ...
 *	file_units_end(&units);
 */
#ifndef RESIDENCY_PATCH_FILE_UNITS_H
#define RESIDENCY_PATCH_FILE_UNITS_H

#include "core/model/detect/layout.h"
#include "core/model/tensors/tensor_table.h"
#include "core/patch/keys/key_rules.h"
#include "core/tensor/weights/weights.h"

/* A run of elements: where it is in a tensor of the file, and in the weight. */
struct unit_piece {
	size_t tensor; /* index in the weights */
	uint64_t in_tensor, in_whole, count; /* elements */
};

/* A weight. */
struct file_unit {
	char key[KEY_MAX_BYTES]; /* upstream's full name */
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX]; /* as upstream has it; unused where it is a tensor */
	struct unit_piece pieces[LAYOUT_PIECES_MAX];
	size_t piece_count;
	bool transposed; /* of the one piece */
	bool is_tensor; /* the one piece is all of a tensor, as it is */
};

/* The pieces that a tensor is of. */
#define TENSOR_USES_MAX 4
struct tensor_uses {
	struct tensor_use {
		size_t unit, piece;
	} items[TENSOR_USES_MAX];
	size_t count;
};

struct file_units {
	struct file_unit *units;
	struct key_target *targets; /* by unit */
	size_t count, capacity;
	struct tensor_uses *uses; /* by tensor */
	size_t *order; /* of all tensors: those of one weight follow each other */
};

/* Of all tensors of the file; table is the same by name, metadata the text under FAMILY_METADATA or NULL, and `where` names the file.
 * The caller ends it, also on failure. */
bool file_units_make(struct file_units *units, const struct weights *weights, const struct tensor_table *table,
		     const char *metadata, const char *where, struct error *e);
void file_units_end(struct file_units *units);

/* Elements of a piece from its tensor to its place in the weight, and back. */
void file_unit_put_together(const struct file_unit *unit, size_t piece, size_t element_bytes, const void *tensor, void *whole);
void file_unit_take_apart(const struct file_unit *unit, size_t piece, size_t element_bytes, const void *whole, void *tensor);

#endif
