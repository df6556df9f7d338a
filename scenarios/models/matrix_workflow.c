/* matrix_workflow.c - the built-in matrices as data, and a builder that turns models into nodes of an API prompt.
 *
 * The builder numbers nodes in order and remembers a failed allocation, which is reported once at the end.
 */
#include "scenarios/models/matrix_workflow.h"

#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"

#define UNET(model_name, asked)                                                                                                \
	{                                                                                                                      \
		.name = (model_name), .kind = MODEL_UNET, .keep = (asked)                                                      \
	}
#define CLIP(model_name, asked)                                                                                                \
	{                                                                                                                      \
		.name = (model_name), .kind = MODEL_CLIP, .keep = (asked)                                                      \
	}
#define VAE(model_name, asked)                                                                                                 \
	{                                                                                                                      \
		.name = (model_name), .kind = MODEL_VAE, .keep = (asked)                                                       \
	}
#define CLONED(use)                                                                                                            \
	{                                                                                                                      \
		.name = "K", .kind = MODEL_UNET, .keep = KEEP_YES, .lora = (use), .strength = 1                                \
	}

#define MATRIX(identifier, matrix_name, matrix_alias, words, ...)                                                              \
	static const struct matrix_model identifier##_models[] = { __VA_ARGS__ };                                              \
	static const struct matrix identifier = { matrix_name, matrix_alias, words, identifier##_models,                       \
						  ARRAY_SIZE(identifier##_models) };

MATRIX(abc, "abc", "M1", "A not kept; B and C kept", UNET("A", KEEP_NO), CLIP("B", KEEP_YES), VAE("C", KEEP_YES))
MATRIX(de, "de", "M2", "D and E, all kept", UNET("D", KEEP_YES), CLIP("E", KEEP_YES))
MATRIX(none_kept, "none-kept", "M3", "three models, none kept", UNET("A", KEEP_NO), CLIP("B", KEEP_NO), VAE("C", KEEP_NO))
MATRIX(beside_stock, "beside-stock", "M4", "S from a stock loader beside K, kept", UNET("S", KEEP_NONE), UNET("K", KEEP_YES))
MATRIX(abc_unets, "abc-unets", "M1u", "as abc, all of them UNets", UNET("A", KEEP_NO), UNET("B", KEEP_YES), UNET("C", KEEP_YES))
MATRIX(de_unets, "de-unets", "M2u", "as de, both of them UNets", UNET("D", KEEP_YES), UNET("E", KEEP_YES))
MATRIX(none_unets, "none-kept-unets", "M3u", "as none-kept, all of them UNets", UNET("A", KEEP_NO), UNET("B", KEEP_NO),
       UNET("C", KEEP_NO))
MATRIX(clone, "clone", "ML1", "K with a LoRA", CLONED(LORA_ONLY))
MATRIX(clone_beside, "clone-beside", "ML1s", "A not kept, K with a LoRA", UNET("A", KEEP_NO), CLONED(LORA_ONLY))
MATRIX(base_clone, "base-clone", "ML2", "K, then K with a LoRA", CLONED(LORA_BASE_THEN_CLONE))
MATRIX(base_clone_beside, "base-clone-beside", "ML2s", "A not kept; K, then K with a LoRA", UNET("A", KEEP_NO),
       CLONED(LORA_BASE_THEN_CLONE))
MATRIX(clone_base, "clone-base", "ML3", "K with a LoRA, then K", CLONED(LORA_CLONE_THEN_BASE))
MATRIX(clone_base_beside, "clone-base-beside", "ML3s", "A not kept; K with a LoRA, then K", UNET("A", KEEP_NO),
       CLONED(LORA_CLONE_THEN_BASE))

const struct matrix *const matrix_list[] = {
	&abc,	&de,	       &none_kept,  &beside_stock,	&abc_unets,  &de_unets,		 &none_unets,
	&clone, &clone_beside, &base_clone, &base_clone_beside, &clone_base, &clone_base_beside, NULL,
};

const struct matrix *matrix_find(const char *name_or_alias)
{
	for (size_t i = 0; matrix_list[i]; i++) {
		if (strcmp(matrix_list[i]->name, name_or_alias) == 0 || strcmp(matrix_list[i]->alias, name_or_alias) == 0)
			return matrix_list[i];
	}
	return NULL;
}

/* ---- the workflow ---- */

struct builder {
	json_t *workflow;
	const char *device;
	uint64_t seed;
	unsigned next; /* id of the next node */
	bool failed;
};

/* A new node; its id is written into id. Takes inputs over. */
static void add(struct builder *b, const char *class_type, json_t *inputs, char id[16])
{
	json_t *node = json_pack("{ss so}", "class_type", class_type, "inputs", inputs);

	snprintf(id, 16, "%u", b->next++);
	if (!node || json_object_set_new(b->workflow, id, node) != 0)
		b->failed = true;
}

/* Takes the value over. An input that is absent was not set: it must not get lost. */
static void set(struct builder *b, json_t *inputs, const char *name, json_t *value)
{
	if (json_object_set_new(inputs, name, value) != 0)
		b->failed = true;
}

static void add_loader(struct builder *b, const struct matrix_model *model, char id[16])
{
	static const char *const stock[] = { "UNETLoader", "CLIPLoader", "VAELoader" };
	static const char *const distorch[] = { "UNETLoaderDisTorch2MultiGPU", "CLIPLoaderDisTorch2MultiGPU",
						"VAELoaderDisTorch2MultiGPU" };
	static const char *const names[] = { "unet_name", "clip_name", "vae_name" };
	bool has_flag = model->keep != KEEP_NONE;
	json_t *inputs = json_pack("{ss}", names[model->kind], model->name);

	if (model->size_mb)
		set(b, inputs, "size_mb", json_integer((json_int_t)model->size_mb));
	if (has_flag) {
		set(b, inputs, model->kind == MODEL_CLIP ? "device" : "compute_device",
		    json_string(model->device ? model->device : b->device));
		set(b, inputs, "virtual_vram_gb", json_real(1.0));
		set(b, inputs, "donor_device", json_string("cpu"));
		set(b, inputs, "expert_mode_allocations", json_string(""));
		set(b, inputs, "keep_loaded", json_boolean(model->keep == KEEP_YES));
	}
	add(b, (has_flag ? distorch : stock)[model->kind], inputs, id);
}

static void add_constant(struct builder *b, const char *class_type, int seed, char id[16])
{
	add(b, class_type, json_pack("{si}", "seed", seed), id);
}

static void add_output(struct builder *b, const char *source)
{
	char id[16];

	add(b, "PreviewAny", json_pack("{s[si]}", "source", source, 0), id);
}

/* A sampler of one step; latent "" means a constant one. */
static void add_sampler(struct builder *b, const char *model, const char *latent, char id[16])
{
	char positive[16];
	char negative[16];
	char constant[16];

	/* A sampler that takes another's latent has constants unlike that one's: without a cache, an output that two nodes share is
	 * gone as soon as the consumers of one have run. */
	add_constant(b, "ResidencyConstantConditioning", latent[0] != '\0', positive);
	add_constant(b, "ResidencyConstantConditioning", latent[0] != '\0', negative);
	if (!latent[0]) {
		add_constant(b, "ResidencyConstantLatent", 0, constant);
		latent = constant;
	}
	add(b, "KSampler",
	    json_pack("{s[si] so si sf ss ss s[si] s[si] s[si] sf}", "model", model, 0, "seed", json_unsigned(b->seed), "steps",
		      1, "cfg", 1.0, "sampler_name", "euler", "scheduler", "normal", "positive", positive, 0, "negative",
		      negative, 0, "latent_image", latent, 0, "denoise", 1.0),
	    id);
}

static void add_lora(struct builder *b, const struct matrix_model *model, const char *loader, char id[16])
{
	add(b, "LoraLoaderModelOnly",
	    json_pack("{s[si] ss sf}", "model", loader, 0, "lora_name", "lora", "strength_model",
		      model->strength != 0 ? model->strength : 1.0),
	    id);
}

static void add_unet(struct builder *b, const struct matrix_model *model, const char *loader)
{
	char lora[16];
	char first[16];
	char second[16];

	if (model->lora == LORA_NONE) {
		add_sampler(b, loader, "", first);
		add_output(b, first);
		return;
	}
	add_lora(b, model, loader, lora);
	if (model->lora == LORA_ONLY) {
		add_sampler(b, lora, "", first);
		add_output(b, first);
		return;
	}
	add_sampler(b, model->lora == LORA_BASE_THEN_CLONE ? loader : lora, "", first);
	add_sampler(b, model->lora == LORA_BASE_THEN_CLONE ? lora : loader, first, second);
	add_output(b, second);
}

static void add_model(struct builder *b, const struct matrix_model *model)
{
	char loader[16];
	char latent[16];
	char consumer[16];
	char text[32];

	add_loader(b, model, loader);
	if (model->preview) {
		add_output(b, loader);
		return;
	}
	switch (model->kind) {
	case MODEL_UNET:
		add_unet(b, model, loader);
		return;
	case MODEL_CLIP:
		snprintf(text, sizeof(text), "prompt %llu", (unsigned long long)b->seed);
		add(b, "CLIPTextEncode", json_pack("{ss s[si]}", "text", text, "clip", loader, 0), consumer);
		break;
	case MODEL_VAE:
		add_constant(b, "ResidencyConstantLatent", 0, latent);
		/* decoding knows no seed: an undeclared literal changes the key all the same */
		add(b, "VAEDecode",
		    json_pack("{s[si] s[si] so}", "samples", latent, 0, "vae", loader, 0, "seed", json_unsigned(b->seed)),
		    consumer);
		break;
	}
	add_output(b, consumer);
}

json_t *matrix_workflow(const struct matrix_model *models, size_t count, const char *compute_device, uint64_t seed,
			struct error *e)
{
	struct builder b = { .workflow = json_object(), .device = compute_device, .seed = seed, .next = 1 };

	for (size_t i = 0; b.workflow && i < count; i++)
		add_model(&b, &models[i]);
	if (b.workflow && !b.failed)
		return b.workflow;
	json_decref(b.workflow);
	error_no_memory(e);
	return NULL;
}

/* Node 1 is the first loader. */
bool matrix_workflow_add_cleanup(json_t *workflow, unsigned run, struct error *e)
{
	json_t *node =
		json_pack("{ss s{s[si] si}}", "class_type", "FullCleanupMultiGPU", "inputs", "any", "1", 0, "run", (int)run);

	return (node && json_object_set_new(workflow, "cleanup", node) == 0) || error_no_memory(e);
}
