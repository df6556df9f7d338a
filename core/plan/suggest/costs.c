/* The blocks are walked in the order in which a pass runs them, which for some families is not that of registration. The
 * walk keeps where the pass is (how large the picture is at this level, what a way up will want), and each block is given
 * products, attention and traffic from what it sees there and what it multiplies by.
 */
#include "core/plan/suggest/costs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/model/families/family.h"
#include "core/plan/suggest/cost_rows.h"

#define TOWERS_MAX 4u

/* ---- what a family's blocks multiply by ---- */

struct block_shape {
	const char *name; /* the architecture's */
	double elements;
	double in, out; /* channels; 0 for a vector */
};

struct shapes {
	struct architecture architecture;
	struct block_shape *items; /* by name */
	size_t count;
};

static int compare_shapes(const void *a, const void *b)
{
	return strcmp(((const struct block_shape *)a)->name, ((const struct block_shape *)b)->name);
}

static struct block_shape shape_of(const struct block_description *block, const struct parameter_description *parameters)
{
	struct block_shape shape = { .name = block->name };

	for (size_t i = 0; i < block->parameter_count; i++) {
		double elements = 1;

		for (unsigned j = 0; j < parameters[i].rank; j++)
			elements *= (double)parameters[i].shape[j];
		shape.elements += elements;
		if (parameters[i].rank < 2 || shape.out > 0)
			continue;
		shape.out = (double)parameters[i].shape[0];
		shape.in = (double)parameters[i].shape[1];
	}
	return shape;
}

static bool describe(struct architecture *a, const char *variant_name, struct error *e)
{
	const struct family_variant *variant = NULL;
	const struct family *family = family_find_variant(variant_name, &variant);
	void *config = family ? family_config_new(family, variant->config, e) : NULL;

	architecture_begin(a, DTYPE_BF16, e);
	if (!config)
		return family ? false : error_set(e, ERROR_BUG, "there is no family %s", variant_name);
	family->describe(config, a);
	free(config);
	return architecture_ok(a);
}

static bool shapes_make(struct shapes *shapes, const char *variant, struct error *e)
{
	size_t at = 0;

	if (!describe(&shapes->architecture, variant, e))
		return false;
	shapes->items = array_new(shapes->architecture.block_count, sizeof(*shapes->items), e);
	if (!shapes->items)
		return false;
	shapes->count = shapes->architecture.block_count;
	for (size_t i = 0; i < shapes->count; i++) {
		const struct block_description *block = &shapes->architecture.blocks[i];

		shapes->items[i] = shape_of(block, shapes->architecture.parameters + at);
		at += block->parameter_count;
	}
	qsort(shapes->items, shapes->count, sizeof(*shapes->items), compare_shapes);
	return true;
}

static void shapes_free(struct shapes *shapes)
{
	free(shapes->items);
	architecture_end(&shapes->architecture);
}

/* A square one where the family has no such block, or none of a size that fits these bytes. */
static struct block_shape shape_find(const struct shapes *shapes, const char *name, double size_bytes, double bytes_per_element)
{
	struct block_shape key = { .name = name };
	const struct block_shape *found = bsearch(&key, shapes->items, shapes->count, sizeof(key), compare_shapes);
	bool may_be_quantised = !cost_is_stored(bytes_per_element, false);

	if (found && found->elements > 0 && cost_is_stored(size_bytes / found->elements, may_be_quantised))
		return *found;
	key.elements = size_bytes / bytes_per_element;
	key.in = sqrt(key.elements);
	key.out = key.in;
	return key;
}

/* ---- a diffusion model ---- */

static bool contains_any(const char *name, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strstr(name, words[i]))
			return true;
	}
	return false;
}

/* Modulation and embeddings of time see one vector. */
static bool sees_one_vector(const char *name)
{
	static const char *const words[] = { "mod",	   "adaLN",	  "adaln",	    "time_",
					     "vector_in",  "guidance_in", "t_embedder",	    "c_embedder",
					     "emb_layers", "label_emb",	  "norm_out.linear" };

	return contains_any(name, words, ARRAY_SIZE(words));
}

static bool sees_text(const char *name)
{
	static const char *const words[] = { "txt_", "text_",	"add_",	      "caption",    "cross_attn.k", "cross_attn.v",
					     "_y",   "img_emb", "to_add_out", "attn2.to_k", "attn2.to_v" };

	return contains_any(name, words, ARRAY_SIZE(words));
}

static bool begins_with(const char *name, const char *start)
{
	return strncmp(name, start, strlen(start)) == 0;
}

/* When a block runs, where that is not when it was registered, or where a file says only its name. */
static unsigned rank_of(const char *name)
{
	static const struct {
		const char *start;
		unsigned rank;
	} ranks[] = {
		{ .start = "double_blocks.", .rank = 1 }, { .start = "transformer_blocks.", .rank = 1 },
		{ .start = "blocks.", .rank = 1 },	  { .start = "input_blocks.", .rank = 1 },
		{ .start = "single_blocks.", .rank = 2 }, { .start = "middle_block.", .rank = 2 },
		{ .start = "output_blocks.", .rank = 3 }, { .start = "final_layer.", .rank = 4 },
		{ .start = "norm_out", .rank = 4 },	  { .start = "proj_out", .rank = 4 },
		{ .start = "head.", .rank = 4 },	  { .start = "out.", .rank = 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranks); i++) {
		if (begins_with(name, ranks[i].start))
			return ranks[i].rank;
	}
	return 0;
}

/* Where a pass is: what each of its blocks sees. */
struct cost_walk {
	const struct cost_row *row;
	double width, height, frames; /* in tokens */
	unsigned level; /* of a UNet: each halves width and height */
	double state; /* elements */
};

static struct cost_walk walk_begin(const struct cost_row *row, const struct picture *picture)
{
	unsigned after_first = picture->frames ? picture->frames - 1 : 0;
	struct cost_walk walk = { .row = row,
				  .width = ceil((double)picture->width / row->pixels),
				  .height = ceil((double)picture->height / row->pixels),
				  .frames = row->frames ? after_first / row->frames + 1 : 1 };

	walk.state = row->batch * (walk.width * walk.height * walk.frames + row->text_tokens) * row->hidden;
	return walk;
}

/* Of one member of the batch. */
static double picture_tokens(const struct cost_walk *walk)
{
	double side = ldexp(1, (int)walk->level);

	return ceil(walk->width / side) * ceil(walk->height / side) * walk->frames;
}

/* A level down before a convolution with a stride, up before one that follows an enlargement. */
static void walk_to(struct cost_walk *walk, const char *name)
{
	if (walk->row->hidden > 0)
		return;
	if (begins_with(name, "input_blocks.") && string_ends_with(name, ".op"))
		walk->level++;
	else if (begins_with(name, "output_blocks.") && string_ends_with(name, ".conv") && walk->level)
		walk->level--;
}

static double tokens_of(const struct cost_walk *walk, const char *name)
{
	if (sees_one_vector(name))
		return 1;
	if (sees_text(name))
		return walk->row->text_tokens;
	return picture_tokens(walk) + (begins_with(name, "single_blocks.") ? walk->row->text_tokens : 0);
}

static double attention_flops(const struct cost_walk *walk, const char *name, double channels)
{
	const struct cost_row *row = walk->row;
	double picture = picture_tokens(walk);
	double tokens = picture + (row->is_joint ? row->text_tokens : 0);

	for (size_t i = 0; i < ARRAY_SIZE(row->attention); i++) {
		if (row->attention[i] && string_ends_with(name, row->attention[i]))
			return 4 * row->batch * channels * tokens * tokens;
	}
	if (row->cross_attention && string_ends_with(name, row->cross_attention))
		return 4 * row->batch * channels * picture * row->text_tokens;
	return 0;
}

/* What a UNet's way down leaves for its way up. */
static bool is_left_for_later(const char *name)
{
	return begins_with(name, "input_blocks.") && (string_ends_with(name, ".out_layers.3") ||
						      string_ends_with(name, ".op") || strcmp(name, "input_blocks.0.0") == 0);
}

static struct block_cost cost_in(struct cost_walk *walk, const struct shapes *shapes, const char *name, double size_bytes,
				 double bytes_per_element)
{
	struct block_shape shape = shape_find(shapes, name, size_bytes, bytes_per_element);
	struct block_cost cost = { .elements = shape.elements };
	double tokens;

	walk_to(walk, name);
	if (shape.out <= 0)
		return cost; /* norms are in the traffic between products */
	tokens = walk->row->batch * tokens_of(walk, name);
	cost.flops = 2 * tokens * shape.elements;
	cost.activations = tokens * (shape.in + shape.out);
	cost.outputs = tokens * shape.out;
	cost.attention_flops = attention_flops(walk, name, walk->row->hidden > 0 ? walk->row->hidden : shape.out);
	if (walk->row->hidden <= 0 && is_left_for_later(name))
		walk->state += tokens * shape.out;
	return cost;
}

static void mark_types(struct block_cost *cost, double size_bytes, double element_size_bytes, bool has_eight_bits)
{
	double per_element = cost->elements > 0 ? size_bytes / cost->elements : element_size_bytes;

	cost->is_cast = fabs(per_element - element_size_bytes) > 0.01 * element_size_bytes;
	cost->is_eight_bits = has_eight_bits && fabs(per_element - 1) < 0.02;
}

static double size_of(const struct plan_block *block)
{
	return block->size_bytes == PLAN_NO_SIZE ? 0 : (double)block->size_bytes;
}

static bool cost_diffusion(struct pass_costs *costs, const struct plan_block *blocks, const struct cost_row *row,
			   const struct picture *picture, struct error *e)
{
	struct shapes shapes = { .items = NULL };
	struct cost_walk walk = walk_begin(row, picture);
	double bytes_per_element = costs->profile.bytes_per_element;
	bool has_eight_bits = fabs(bytes_per_element - 1) < 0.01;
	bool fine = shapes_make(&shapes, row->variant, e);

	for (size_t i = 0; fine && i < costs->count; i++) {
		size_t at = costs->order[i];
		double size_bytes = size_of(&blocks[at]);

		costs->blocks[at] = cost_in(&walk, &shapes, cost_inner_name(blocks[at].name), size_bytes, bytes_per_element);
		mark_types(&costs->blocks[at], size_bytes, costs->element_size_bytes, has_eight_bits);
	}
	costs->state_bytes = (uint64_t)(walk.state * costs->element_size_bytes);
	shapes_free(&shapes);
	return fine;
}

/* ---- text encoders ---- */

struct tower {
	const struct tower_row *row;
	const char *name; /* of the block that it is known by; the prefix is its beginning */
	size_t prefix_length;
	double bytes_per_element;
};

static size_t find_towers(const struct plan_block *blocks, size_t count, struct tower towers[TOWERS_MAX])
{
	size_t found = 0;

	for (size_t i = 0; i < count && found < TOWERS_MAX; i++) {
		struct tower *tower = &towers[found];

		tower->name = blocks[i].name;
		tower->row = cost_tower_of(&blocks[i], &tower->prefix_length, &tower->bytes_per_element);
		found += tower->row != NULL;
	}
	return found;
}

static const struct tower *tower_of(const struct tower *towers, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(name, towers[i].name, towers[i].prefix_length) == 0)
			return &towers[i];
	}
	return NULL;
}

/* The one that weighs most: an encoder's precision is its. */
static const struct tower *largest(const struct tower *towers, size_t count)
{
	const struct tower *found = towers;

	for (size_t i = 1; i < count; i++) {
		if (towers[i].row->elements > found->row->elements)
			found = &towers[i];
	}
	return found;
}

/* A table of embeddings is looked up, not multiplied by. */
static struct block_cost cost_of_text(const struct tower *tower, const char *name, double size_bytes)
{
	struct block_cost cost = { .elements = size_bytes / tower->bytes_per_element };
	double side = sqrt(cost.elements);

	cost.is_skipped = strstr(name, "visual.") != NULL;
	if (strstr(name, "embed") || strstr(name, "shared") || cost.elements < 1e5)
		return cost;
	cost.flops = 2 * tower->row->tokens * cost.elements;
	cost.activations = tower->row->tokens * 2 * side;
	cost.outputs = tower->row->tokens * side;
	return cost;
}

static void cost_text(struct pass_costs *costs, const struct plan_block *blocks, const struct tower *towers, size_t tower_count)
{
	for (size_t i = 0; i < costs->count; i++) {
		const struct tower *tower = tower_of(towers, tower_count, blocks[i].name);
		double size_bytes = size_of(&blocks[i]);

		tower = tower ? tower : towers;
		costs->blocks[i] = cost_of_text(tower, blocks[i].name, size_bytes);
		mark_types(&costs->blocks[i], size_bytes, costs->element_size_bytes, fabs(tower->bytes_per_element - 1) < 0.01);
	}
	for (size_t i = 0; i < tower_count; i++)
		costs->state_bytes +=
			(uint64_t)(costs->element_size_bytes * towers[i].row->tokens * sqrt(towers[i].row->elements));
}

/* ---- the whole ---- */

struct ranked {
	unsigned rank;
	size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a;
	const struct ranked *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

static bool put_in_order(struct pass_costs *costs, const struct plan_block *blocks, bool is_diffusion, struct error *e)
{
	struct ranked *ranked = array_new(costs->count ? costs->count : 1, sizeof(*ranked), e);

	if (!ranked)
		return false;
	for (size_t i = 0; i < costs->count; i++)
		ranked[i] = (struct ranked) { is_diffusion ? rank_of(cost_inner_name(blocks[i].name)) : 0, i };
	if (costs->count)
		qsort(ranked, costs->count, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < costs->count; i++)
		costs->order[i] = ranked[i].index;
	free(ranked);
	return true;
}

static void cost_unknown(struct pass_costs *costs)
{
	for (size_t i = 0; i < costs->count; i++)
		costs->blocks[i] = (struct block_cost) { .elements = (double)NAN };
}

static double pass_flops(const struct pass_costs *costs)
{
	double flops = 0;

	for (size_t i = 0; i < costs->count; i++)
		flops += costs->blocks[i].flops + costs->blocks[i].attention_flops;
	return flops;
}

/* A pass computes in 16 bits, or as its weights are where they have 32. */
static double element_size_of(double bytes_per_element)
{
	return fabs(bytes_per_element - 4) < 0.04 ? 4 : 2;
}

bool costs_make(const struct plan_block *blocks, size_t count, const struct picture *picture, struct pass_costs *costs,
		struct error *e)
{
	struct tower towers[TOWERS_MAX];
	struct model_profile profile = {
		.family = "unknown", .bytes_per_element = (double)NAN, .passes = 1, .flops = (double)NAN
	};
	const struct cost_row *row = cost_row_find(blocks, count, &profile.bytes_per_element);
	size_t tower_count = row ? 0 : find_towers(blocks, count, towers);

	*costs = (struct pass_costs) { .count = count, .profile = profile };
	costs->blocks = array_new(count ? count : 1, sizeof(*costs->blocks), e);
	costs->order = array_new(count ? count : 1, sizeof(*costs->order), e);
	if (!costs->blocks || !costs->order || !put_in_order(costs, blocks, row != NULL, e))
		return false;
	if (tower_count)
		costs->profile.bytes_per_element = largest(towers, tower_count)->bytes_per_element;
	costs->element_size_bytes = element_size_of(costs->profile.bytes_per_element);
	if (!row && !tower_count) {
		cost_unknown(costs);
		return true;
	}
	if (row) {
		costs->profile.family = row->family;
		costs->profile.is_video = row->frames > 0;
		costs->profile.passes = row->passes;
		if (!cost_diffusion(costs, blocks, row, picture, e))
			return false;
	} else {
		costs->profile.family = tower_count == 1 ? towers[0].row->family : "text encoders";
		costs->profile.is_text = true;
		cost_text(costs, blocks, towers, tower_count);
	}
	costs->profile.flops = pass_flops(costs);
	return true;
}

void costs_free(struct pass_costs *costs)
{
	free(costs->blocks);
	free(costs->order);
	*costs = (struct pass_costs) { .blocks = NULL };
}
