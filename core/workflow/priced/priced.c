/* priced.c - a pass as a walk over costs.
 *
 * The model's blocks become a load list, whose costs are told by its family's row; the walk charges them in the order in which they
 * run. Blocks of containers are in no load list and cost nothing.
 */
#include "core/workflow/priced/priced.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/plan/suggest/costs.h"

#define LATENT_PIXELS 8 /* a side; what most autoencoders make of a pixel of the latent */
#define LATENT_FRAMES 4

/* Blocks of the load list, and where each is in the model. */
struct priced_list {
	struct plan_block *blocks;
	size_t *index;
	size_t count;
};

static bool list_blocks(const struct model *model, struct priced_list *list, struct error *e)
{
	*list = (struct priced_list) { .blocks = array_new(model->block_count, sizeof(*list->blocks), e),
				       .index = array_new(model->block_count, sizeof(*list->index), e) };
	if (!list->blocks || !list->index)
		return false;
	for (size_t i = 0; i < model->block_count; i++) {
		const struct block *block = &model->blocks[i];

		if (block->of_container)
			continue;
		list->index[list->count] = i;
		list->blocks[list->count++] = (struct plan_block) { .name = block->name,
								    .size_bytes = block->size_bytes,
								    .weight_size_bytes = block->weight_size_bytes,
								    .has_bias = block->has_bias };
	}
	return true;
}

static void list_free(struct priced_list *list)
{
	free(list->blocks);
	free(list->index);
}

/* What the latent will be a picture of. */
static struct picture picture_of(const struct price_request *request)
{
	const struct values *latent = request->latent;
	struct picture picture = { .width = 1024, .height = 1024, .frames = 1 };

	if (latent && latent->rank >= 4) {
		picture.height = (unsigned)(latent->shape[latent->rank - 2] * LATENT_PIXELS);
		picture.width = (unsigned)(latent->shape[latent->rank - 1] * LATENT_PIXELS);
	}
	if (latent && latent->rank == 5 && latent->shape[2] > 0)
		picture.frames = (unsigned)((latent->shape[2] - 1) * LATENT_FRAMES + 1);
	return picture;
}

static struct kernel_cost kernel_of(const struct pass_costs *costs, const struct priced_list *list, size_t at, double rows)
{
	const struct block_cost *cost = &costs->blocks[at];
	struct kernel_cost kernel = { .bytes = (double)list->blocks[at].size_bytes };

	if (isnan(cost->elements) || isnan(cost->flops))
		return kernel;
	kernel.flops = rows * (cost->flops + cost->attention_flops);
	kernel.bytes = costs->element_size_bytes *
		       (cost->elements + rows * (cost->activations + COST_TRAFFIC_BETWEEN * cost->outputs));
	return kernel;
}

bool priced_pass(void *context, struct compute *c, const struct price_request *request)
{
	struct picture picture = picture_of(request);
	struct pass_costs costs = { .count = 0 };
	struct priced_list list;
	bool fine;

	(void)context;
	fine = list_blocks(c->model, &list, c->error) && costs_make(list.blocks, list.count, &picture, &costs, c->error);
	for (size_t i = 0; fine && i < costs.count; i++) {
		size_t at = costs.order[i];
		struct kernel_cost kernel = kernel_of(&costs, &list, at, (double)request->rows);

		if (!costs.blocks[at].is_skipped)
			fine = compute_charge_block(c, list.index[at], &kernel);
	}
	costs_free(&costs);
	list_free(&list);
	return fine;
}
