/* sampled.c - writes down which patches a sampler should work with, and which it does.
 *
 * What the workflow wants is read from the graph: from the sampler back along its model inputs, LoRA by LoRA, and printed in the
 * order of application. What is in the weights is the list of the patcher that the manager applied last. The judge compares the
 * two texts, so both are printed by one function.
 */
#include "core/workflow/nodes/sampled.h"

#include <stdio.h>
#include <string.h>

#include "core/patch/lora/lora.h"
#include "core/workflow/graph/graph.h"

#define PATCHES_MAX 16

struct patch_name {
	const char *file;
	double strength;
};

static void print_patches(const struct patch_name *patches, size_t count, bool backwards, char *text, size_t size_bytes)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && length < size_bytes; i++) {
		const struct patch_name *patch = &patches[backwards ? count - 1 - i : i];

		length += (size_t)snprintf(text + length, size_bytes - length, "%s%.60s at %g", i ? ", " : "", patch->file,
					   patch->strength);
	}
}

/* ---- what the workflow says ---- */

static const struct graph_input *find_input(const struct graph_node *node, const char *name)
{
	for (size_t i = 0; i < node->input_count; i++) {
		if (strcmp(node->inputs[i].name, name) == 0)
			return &node->inputs[i];
	}
	return NULL;
}

/* The LoRA nodes between the sampler and its loader. One of strength 0 does not count. */
static void print_wanted(const struct call *call, char *text, size_t size_bytes)
{
	const struct graph_node *node = &call->graph->nodes[call->node];
	struct patch_name patches[PATCHES_MAX];
	size_t count = 0;

	while (node) {
		const struct graph_input *file = find_input(node, "lora_name");
		const struct graph_input *strength = find_input(node, "strength_model");
		const struct graph_input *next = find_input(node, "model");

		if (file && strength && file->literal && strength->literal && count < PATCHES_MAX &&
		    json_number_value(strength->literal) != 0)
			patches[count++] =
				(struct patch_name) { json_string_value(file->literal), json_number_value(strength->literal) };
		if (!next)
			next = find_input(node, "guider");
		node = next && !next->literal ? &call->graph->nodes[next->source] : NULL;
	}
	print_patches(patches, count, true, text, size_bytes);
}

/* ---- what the manager believes ---- */

static void print_found(const struct patcher *sampled, char *text, size_t size_bytes)
{
	const struct patcher *applied;
	bool any = patcher_applied(sampled, &applied);
	struct patch_list list = applied ? patcher_patches(applied) : (struct patch_list) { .uses = NULL };
	struct patch_name patches[PATCHES_MAX] = { { .file = "" } };
	size_t count = 0;

	for (size_t i = 0; i < list.use_count && i < PATCHES_MAX; i++)
		patches[count++] = (struct patch_name) { lora_name(list.uses[i].match->lora), list.uses[i].strength };
	print_patches(patches, count, false, text, size_bytes);
	if (any && !applied)
		snprintf(text, size_bytes, "those of a patcher that is gone");
}

void sampled_tell(const struct call *call, const struct patcher *patcher)
{
	const struct observer *observer = call->services->observer;
	char wanted[256];
	char found[256];

	if (!observer || !observer->sampled || !call->graph)
		return;
	print_wanted(call, wanted, sizeof(wanted));
	print_found(patcher, found, sizeof(found));
	observer->sampled(observer->context, &(struct sampled_event) { .object = patcher_object(patcher)->id,
								       .node = call->node_id,
								       .wanted_patches = wanted,
								       .found_patches = found });
}
