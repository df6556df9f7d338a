/* A table of recipes, and the way from one to a description: each part is described by its family with the part's
 * configuration, its names are brought under the part's prefix or to the other program's names, and tensors that the
 * published file lacks are taken out again. A name without a recipe is looked up among the families' variants.
 */
#include "core/model/recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"

static const struct recipe recipes[] = {
	{ .name = "sd15_checkpoint",
	  .parts = { { .family = &family_unet_sd15, .prefix = "model.diffusion_model.", .layout = LAYOUT_OWN },
		     { .family = &family_clip_l, .prefix = "cond_stage_model.transformer.", .layout = LAYOUT_OWN },
		     { .family = &family_sd_vae,
		       .variant = "sd15_vae",
		       .prefix = "first_stage_model.",
		       .layout = LAYOUT_OWN } },
	  .extras = { { .name = "cond_stage_model.transformer.text_model.embeddings.position_ids",
			.dtype = DTYPE_I64,
			.rank = 2,
			.shape = { 1, 77 } } },
	  .dtype = DTYPE_F32 },
	{ .name = "sdxl_base_checkpoint",
	  .parts = { { .family = &family_unet_sdxl, .prefix = "model.diffusion_model.", .layout = LAYOUT_OWN },
		     { .family = &family_clip_g, .prefix = "conditioner.embedders.1.model.", .layout = LAYOUT_OPEN_CLIP },
		     { .family = &family_clip_l, .prefix = "conditioner.embedders.0.transformer.", .layout = LAYOUT_OWN },
		     { .family = &family_sd_vae,
		       .variant = "sdxl_vae",
		       .prefix = "first_stage_model.",
		       .layout = LAYOUT_OWN } },
	  .extras = { { .name = "conditioner.embedders.0.transformer.text_model.embeddings.position_ids",
			.dtype = DTYPE_I64,
			.rank = 2,
			.shape = { 1, 77 } } },
	  .dtype = DTYPE_F16 },
	{ .name = "sd15_unet_diffusers",
	  .parts = { { .family = &family_unet_sd15, .prefix = "", .layout = LAYOUT_DIFFUSERS } },
	  .dtype = DTYPE_F32 },
	{ .name = "sdxl_base_unet_diffusers",
	  .parts = { { .family = &family_unet_sdxl, .prefix = "", .layout = LAYOUT_DIFFUSERS } },
	  .dtype = DTYPE_F16 },
	{ .name = "flux1_dev_transformer_diffusers",
	  .parts = { { .family = &family_flux, .prefix = "", .layout = LAYOUT_DIFFUSERS } },
	  .dtype = DTYPE_BF16 },
	{ .name = "t5xxl_file_with_embed_tokens",
	  .parts = { { .family = &family_t5, .prefix = "", .layout = LAYOUT_OWN } },
	  .extras = { { .name = "encoder.embed_tokens.weight", .of_the_file = true, .rank = 2, .shape = { 32128, 4096 } } },
	  .dtype = DTYPE_F16 },
	{ .name = "qwen2.5_vl_7b_file_with_lm_head",
	  .parts = { { .family = &family_qwen25_vl, .prefix = "", .layout = LAYOUT_OWN } },
	  .extras = { { .name = "lm_head.weight", .of_the_file = true, .rank = 2, .shape = { 152064, 3584 } } },
	  .dtype = DTYPE_BF16 },
};

bool recipe_find(const char *name, struct recipe *recipe)
{
	const struct family_variant *variant;
	const struct family *family;

	for (size_t i = 0; i < ARRAY_SIZE(recipes); i++) {
		if (strcmp(recipes[i].name, name) == 0) {
			*recipe = recipes[i];
			return true;
		}
	}
	family = family_find_variant(name, &variant);
	if (!family)
		return false;
	*recipe = (struct recipe) { .name = variant->name,
				    .parts = { { family, variant->name, "", LAYOUT_OWN } },
				    .dtype = variant->dtype };
	return true;
}

static const char *config_of(const struct recipe_part *part, bool small)
{
	const struct family_variant *variant = part->family->variants;

	while (!small && part->variant && variant->name && strcmp(variant->name, part->variant) != 0)
		variant++;
	return small ? part->family->small : variant->config;
}

const char *recipe_config(const struct recipe *recipe, bool small)
{
	if (recipe->parts[1].family || *recipe->parts[0].prefix || recipe->parts[0].layout != LAYOUT_OWN)
		return NULL;
	return config_of(&recipe->parts[0], small);
}

/* Names of the part's own modules to names in the file. */
static bool rename_parameters(const struct recipe_part *part, struct architecture *a, size_t first, struct error *e)
{
	size_t trunk = strlen(part->family->trunk);

	for (size_t i = first; i < a->parameter_count; i++) {
		struct parameter_description *parameter = &a->parameters[i];
		bool has_trunk = part->layout == LAYOUT_OWN && strncmp(parameter->name, part->family->trunk, trunk) == 0;
		char name[512];
		char *copy;

		snprintf(name, sizeof(name), "%s%s", part->prefix, parameter->name + (has_trunk ? trunk : 0));
		copy = string_copy(name, e);
		if (!copy)
			return false;
		free((char *)(uintptr_t)parameter->name);
		parameter->name = copy;
	}
	return true;
}

/* What published files lack is taken out again: it is the last of its block. */
static void drop_optional(struct architecture *a, size_t first)
{
	size_t last = a->parameter_count - 1;

	if (a->parameter_count == first || !a->parameters[last].optional || a->parameters[last].rank == 0)
		return; /* of rank 0 it is a scale, which is there */
	free((char *)(uintptr_t)a->parameters[last].name);
	a->parameter_count--;
	a->blocks[a->block_count - 1].parameter_count--;
}

static bool describe_part(const struct recipe_part *part, bool small, struct architecture *a, struct error *e)
{
	size_t first = a->parameter_count;
	void *config = family_config_new(part->family, config_of(part, small), e);

	if (!config)
		return false;
	a->layout = part->layout;
	part->family->describe(config, a);
	free(config);
	drop_optional(a, first);
	return architecture_ok(a) && rename_parameters(part, a, first, e);
}

bool recipe_describe(const struct recipe *recipe, bool small, enum dtype dtype, bool scaled, struct architecture *a,
		     struct error *e)
{
	architecture_begin(a, dtype, e);
	a->scaled = scaled;
	for (size_t i = 0; i < RECIPE_PARTS_MAX && recipe->parts[i].family; i++) {
		if (!describe_part(&recipe->parts[i], small, a, e))
			return false;
	}
	for (size_t i = 0; !small && i < ARRAY_SIZE(recipe->extras) && recipe->extras[i].name; i++) {
		const struct recipe_extra *extra = &recipe->extras[i];

		architecture_module(a, MODULE_CONTAINER, "%s", "");
		a->dtype = extra->of_the_file ? dtype : extra->dtype;
		architecture_parameter(a, extra->name, extra->rank, extra->shape);
		a->dtype = dtype;
	}
	if (scaled) { /* tells readers that there are scales; its value does not count */
		a->dtype = DTYPE_F8_E4M3;
		architecture_loose(a, "", "scaled_fp8", SHAPE(2));
		a->dtype = dtype;
	}
	return architecture_ok(a);
}

const char *recipe_name(size_t index)
{
	for (const struct family *const *family = families; *family; family++) {
		if ((*family)->variants && index-- == 0)
			return (*family)->name;
	}
	for (const struct family *const *family = families; *family; family++) {
		for (const struct family_variant *variant = (*family)->variants; variant && variant->name; variant++) {
			if (!family_find(variant->name) && index-- == 0)
				return variant->name;
		}
	}
	return index < ARRAY_SIZE(recipes) ? recipes[index].name : NULL;
}
