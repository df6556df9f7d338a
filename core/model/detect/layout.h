/* layout.h - a family's parameters out of a file's tensors, also where another program named and cut them.
 *
 * A family says in rules (families/layout_rule.h) where each of its parameters comes from: of which tensors, or of which rows of them, and in what order; a
 * family whose modules are the same ones in both layouts (the UNets) needs none, since the n-th parameter is the n-th tensor.
 *
 *	struct layout_map map;
 *	struct origin origin;
 *	if (!layout_map_begin(&map, family, config, LAYOUT_DIFFUSERS, &e) || !layout_origin(&map, name, &origin, &e)) ...
 *	layout_map_end(&map);
 */
#ifndef RESIDENCY_MODEL_LAYOUT_H
#define RESIDENCY_MODEL_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/model/architecture.h"
#include "core/model/families/family.h"
#include "core/model/families/layout_rule.h"

/* Rows of a tensor: the part-th of so many equal parts. */
struct origin_piece {
	char name[256];
	unsigned part, part_count;
};

struct origin {
	struct origin_piece pieces[LAYOUT_PIECES_MAX]; /* their rows follow each other */
	size_t piece_count;
	bool transposed; /* of the one piece */
};

struct layout_map {
	const char *trunk; /* of upstream's own layout: names without it; NULL: another layout */
	const struct layout_rule *rules; /* of another; NULL: by position in the two below */
	struct architecture own, other;
	size_t next; /* position asked for last, and one: names are asked for in their order */
};

/* Ended with layout_map_end() also when it fails. */
bool layout_map_begin(struct layout_map *map, const struct family *family, const void *config, enum layout layout,
		      struct error *e);
void layout_map_end(struct layout_map *map);

/* Where the family's parameter comes from: of upstream's own layout the tensor of its name. ERROR_BUG for one that no rule names. */
bool layout_origin(struct layout_map *map, const char *parameter, struct origin *origin, struct error *e);

/* Elements by columns to elements by rows: `to` has rows x columns of them. */
void layout_transpose(const void *from, void *to, size_t rows, size_t columns, size_t element_bytes);

#endif
