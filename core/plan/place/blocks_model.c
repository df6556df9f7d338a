/* A family's architecture as a load list, and what the planner makes of any list before it looks at devices. Blocks are the
 * architecture's modules in their order. Their sizes are the description's, or, of a recognised file, what its tensors take
 * once they are loaded.
 */
#include <stdio.h>

#include "core/base/string.h"
#include "core/model/detect/detect.h"
#include "core/model/detect/layout.h"
#include "core/plan/place/blocks.h"

static uint64_t size_of(const struct parameter_description *parameters, size_t count)
{
	uint64_t size_bytes = 0;

	for (size_t i = 0; i < count; i++)
		size_bytes += architecture_parameter_size_bytes(&parameters[i]);
	return size_bytes;
}

bool block_list_from_architecture(struct block_list *list, const struct architecture *a, const char *root, struct error *e)
{
	size_t at = 0;

	for (size_t i = 0; i < a->block_count; at += a->blocks[i].parameter_count, i++) {
		const struct block_description *from = &a->blocks[i];
		struct plan_block block = { .size_bytes = size_of(a->parameters + at, from->parameter_count),
					    .weight_size_bytes = from->weight_size_bytes == UINT64_MAX
									 ? PLAN_NO_SIZE
									 : from->weight_size_bytes,
					    .has_bias = from->has_bias };
		char name[512];

		if (from->of_container)
			continue;
		snprintf(name, sizeof(name), "%s%s", root, from->name);
		if (!block_list_add(list, &block, span_of(name), from->type, e))
			return false;
	}
	return true;
}

/* What a parameter weighs once it is loaded from the file, and the scales beside it; as described where the file lacks it. */
static bool loaded_bytes(const struct parameter_description *parameter, const struct detected *part,
			 const struct tensor_table *table, struct layout_map *map, uint64_t *size_bytes, uint64_t *scale_bytes,
			 struct error *e)
{
	struct tensor_view view = { table, part->prefix };
	struct origin origin;

	*size_bytes = *scale_bytes = 0;
	if (!layout_origin(map, parameter->name, &origin, e))
		return false;
	for (size_t i = 0; i < origin.piece_count; i++) {
		const struct tensor_row *row = tensor_view_find(&view, "%s", origin.pieces[i].name);

		if (!row) {
			*size_bytes = architecture_parameter_size_bytes(parameter);
			return true;
		}
		*size_bytes += tensor_row_loaded_bytes(row) / origin.pieces[i].part_count;
		if (row->scaled && !part->scales_linears)
			*scale_bytes += row->scaled->size_bytes - row->size_bytes;
	}
	if (string_ends_with(parameter->name, ".scale_weight")) {
		*scale_bytes = *size_bytes;
		*size_bytes = 0;
	}
	return true;
}

/* What the tensors of a file with blocks or scales weigh, where they stand for the modules' own. */
static bool take_file_sizes(struct block_list *list, const struct architecture *a, const struct detected *part,
			    const struct tensor_table *table, struct error *e)
{
	struct layout_map map = { .next = 0 };
	size_t block = 0;
	size_t at = 0;
	bool fine = layout_map_begin(&map, part->family, part->config, part->layout, e);

	for (size_t i = 0; fine && i < a->block_count; at += a->blocks[i].parameter_count, i++) {
		uint64_t size_bytes = 0;
		uint64_t scales_bytes = 0;
		uint64_t bytes;
		uint64_t scale_bytes;

		if (a->blocks[i].of_container)
			continue;
		for (size_t j = 0; fine && j < a->blocks[i].parameter_count; j++) {
			fine = loaded_bytes(&a->parameters[at + j], part, table, &map, &bytes, &scale_bytes, e);
			size_bytes += bytes;
			scales_bytes += scale_bytes;
		}
		if (list->blocks[block].weight_size_bytes != PLAN_NO_SIZE && a->blocks[i].parameter_count)
			list->blocks[block].weight_size_bytes = size_bytes;
		list->blocks[block++].size_bytes = size_bytes + scales_bytes;
	}
	layout_map_end(&map);
	return fine;
}

bool block_list_from_detected(struct block_list *list, const struct detected *part, const struct tensor_table *table,
			      struct error *e)
{
	struct architecture a;
	bool fine = detect_describe(part, true, &a, e) && block_list_from_architecture(list, &a, part->family->root, e);

	if (fine && (part->quantised || part->scaled))
		fine = take_file_sizes(list, &a, part, table, e);
	architecture_end(&a);
	return fine;
}

struct block_summary block_list_summarise(const struct block_list *list)
{
	struct block_summary summary = { .size_bytes = 0 };

	for (size_t i = 0; i < list->count; i++)
		summary.size_bytes += list->blocks[i].size_bytes == PLAN_NO_SIZE ? 0 : list->blocks[i].size_bytes;
	summary.threshold_bytes = (double)summary.size_bytes * 0.0001;
	for (size_t i = 0; i < list->count; i++) {
		const struct plan_block *block = &list->blocks[i];

		if (block->size_bytes == PLAN_NO_SIZE || !block->has_bias ||
		    (double)block->size_bytes < summary.threshold_bytes)
			continue;
		summary.distributed_count++;
		summary.distributed_bytes += block->size_bytes;
	}
	return summary;
}
