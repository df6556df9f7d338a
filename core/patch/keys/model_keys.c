/* The prefix is the family's where it has one, and the kind's otherwise. All full names are written into one text, in the
 * order of the model's parameters, so that a target's index is the parameter's.
 */
#include "core/patch/keys/model_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/families/family.h"

const char *model_key_prefix(const struct model *model)
{
	if (model->family && model->family->root)
		return model->family->root;
	return model->kind == MODEL_UNET ? "diffusion_model." : "";
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
