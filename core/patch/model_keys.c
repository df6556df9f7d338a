#include "core/patch/model_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/family.h"

/* A text encoder that is alone in its file has no name before its parameters'. */
static const char *encoder_prefix(const struct model *model)
{
	if (model->parameter_count == 0 || strncmp(model->parameters[0].name, "transformer.", strlen("transformer.")) != 0)
		return "";
	return model->family == &family_t5 ? "t5xxl." : "clip_l.";
}

const char *model_key_prefix(const struct model *model)
{
	switch (model->kind) {
	case MODEL_UNET:
		return "diffusion_model.";
	case MODEL_CLIP:
		return encoder_prefix(model);
	default:
		return "";
	}
}

struct key_target *model_keys(const struct model *model, char **text, struct error *e)
{
	const char *prefix = model_key_prefix(model);
	struct key_target *targets = array_new(model->parameter_count, sizeof(*targets), e);
	size_t size_bytes = 1;
	char *at;

	for (size_t i = 0; i < model->parameter_count; i++)
		size_bytes += strlen(prefix) + strlen(model->parameters[i].name) + 1;
	*text = at = array_new(size_bytes, 1, e);
	if (!targets || !*text) {
		free(targets);
		free(*text);
		*text = NULL;
		return NULL;
	}
	for (size_t i = 0; i < model->parameter_count; i++) {
		const struct parameter *parameter = &model->parameters[i];

		targets[i] = (struct key_target) { .key = at, .rank = parameter->rank, .shape = parameter->shape };
		at += sprintf(at, "%s%s", prefix, parameter->name) + 1;
	}
	return targets;
}
