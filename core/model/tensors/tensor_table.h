/* tensor_table.h - names, types and shapes of a file's tensors, whatever kind of file it is: what detection reads.
 *
 * A view is the part of a table under one prefix ("model.diffusion_model."); names are asked for without it.
 */
#ifndef RESIDENCY_MODEL_TENSOR_TABLE_H
#define RESIDENCY_MODEL_TENSOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/model.h"
#include "core/tensor/dtype/dtype.h"
#include "core/tensor/weights/weights.h"

struct architecture;

struct tensor_row {
	const char *name; /* borrowed */
	enum dtype dtype; /* of quantised elements what ComfyUI-GGUF makes of them: F16 */
	const char *quant; /* how they are quantised, "Q4_K"; NULL: not. Static text */
	bool in_blocks; /* ComfyUI-GGUF keeps it as it is and turns it into numbers when it is used */
	enum quant type; /* of those blocks, or of what it converts at once */
	bool loads_converted; /* it becomes loads_as while it is loaded */
	enum dtype loads_as;
	unsigned rank; /* TENSOR_RANK_MAX + 1 stands for any rank above */
	int64_t shape[TENSOR_RANK_MAX];
	uint64_t size_bytes;
	uint64_t file_offset; /* of the first byte; 0 where the table is of no file */
	const void *bytes; /* borrowed; NULL where the table is of no file */
	const char *path; /* of the file that it lies in where the table is of several, else NULL. Borrowed */
	const struct tensor_row *parts; /* that it is made of while it is loaded; NULL: it is in the file itself. The table's */
	size_t part_count;
	bool alternates; /* the parts are the places along the third dimension; else their rows follow each other */
	const struct scaled_layer *scaled; /* a weight that is stored with scales beside it; the table's. NULL: it is not */
	bool is_scale; /* a scale of such a weight, or its mark: no model's own */
};

/* What it takes in memory once it is loaded. */
uint64_t tensor_row_loaded_bytes(const struct tensor_row *row);

struct tensor_table {
	struct tensor_row *rows; /* sorted by name; of one name there is one */
	size_t count, capacity;
	char **names; /* owned: those that are not the file's own */
	size_t name_count, name_capacity;
	struct tensor_row *parts; /* owned: of rows that are made of several */
	struct scaled_map scaled; /* of safetensors, by row: see tensor_table_find_scales */
};

/* Names are borrowed and must live as long. Rows come in any order; tensor_table_sort ends it. */
bool tensor_table_add(struct tensor_table *table, const struct tensor_row *row, struct error *e);
void tensor_table_sort(struct tensor_table *table);
void tensor_table_free(struct tensor_table *table);

/* Larger dimensions than any model has are cut to this, which is small enough to be multiplied. */
#define DIMENSION_MAX (INT64_C(1) << 40)
struct tensor_row tensor_row_of_safetensors(const struct safetensors_tensor *tensor);

/* Tells rows that are sorted apart into weights with scales and their scales; the functions below that take safetensors have done so.
 * metadata are the files' texts under SCALED_METADATA. The shape of a packed weight becomes that of what it stands for. No row may
 * move afterwards. */
bool tensor_table_find_scales(struct tensor_table *table, const char *const *metadata, size_t count, struct error *e);

/* All tensors of an open file, which must live as long. */
bool tensor_table_of_safetensors(struct tensor_table *table, const struct safetensors *file, struct error *e);

/* All tensors of an open GGUF file, which must live as long. Shapes are those before quantisation. llama.cpp's names of T5's and
 * Llama's tensors are replaced by upstream's, as ComfyUI-GGUF does. */
bool tensor_table_of_gguf(struct tensor_table *table, const struct gguf *file, struct error *e);

/* Adds the vision tower of a Qwen2.5-VL, which GGUF has in a file of its own: q, k and v become one tensor as upstream has it, and the
 * two frames of the patch embedding, too. `path` must live as long. */
bool tensor_table_add_vision(struct tensor_table *table, const struct gguf *file, const char *path, struct error *e);

/* All tensors of a sharded model, which must live as long; `index` is the path of its index, beside which the files are. */
bool tensor_table_of_shards(struct tensor_table *table, const struct shards *shards, const char *index, struct error *e);

/* Whichever of these it is. */
bool tensor_table_of_weights(struct tensor_table *table, const struct weights *weights, struct error *e);

/* All parameters of a description. */
bool tensor_table_of_architecture(struct tensor_table *table, const struct architecture *a, struct error *e);

struct tensor_view {
	const struct tensor_table *table;
	const char *prefix;
};

/* The tensor PREFIX + name, or NULL. */
__attribute__((format(printf, 2, 3))) const struct tensor_row *tensor_view_find(const struct tensor_view *view,
										const char *name, ...);

/* One dimension of it; 0 where there is no such tensor or it has not so many dimensions. */
__attribute__((format(printf, 3, 4))) int64_t tensor_view_dimension(const struct tensor_view *view, unsigned axis,
								    const char *name, ...);

/* Whether any tensor's name begins with PREFIX + text. */
__attribute__((format(printf, 2, 3))) bool tensor_view_has(const struct tensor_view *view, const char *text, ...);

/* How many of BEGINNING + "0.", "1.", ... are there without a gap. */
__attribute__((format(printf, 2, 3))) int64_t tensor_view_count(const struct tensor_view *view, const char *beginning, ...);

#endif
