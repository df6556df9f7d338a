#include "core/patch/file_keys.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/detect.h"

/* Parts of a checkpoint, by what stands before their tensors' names. */
static const struct {
	const char *theirs, *ours;
} checkpoint_parts[] = {
	{ "model.diffusion_model.", "diffusion_model." },
	{ "cond_stage_model.transformer.", "clip_l.transformer." },
	{ "conditioner.embedders.0.transformer.", "clip_l.transformer." },
	{ "text_encoders.", "" },
};

/* Names that are full already. */
static const char *const full[] = { "diffusion_model.", "clip_l.",  "clip_g.", "clip_h.",
				    "t5xxl.",		"umt5xxl.", "llama.",  "qwen25_7b." };

/* Files of one text encoder, by a tensor that the others have not. The first that is there decides. */
static const struct {
	const char *mark, *prefix;
} encoders[] = {
	{ "text_model.encoder.layers.30.mlp.fc1.weight", "clip_g.transformer." },
	{ "text_model.encoder.layers.22.mlp.fc1.weight", "clip_h.transformer." },
	{ "text_model.encoder.layers.0.mlp.fc1.weight", "clip_l.transformer." },
	{ "transformer.text_model.encoder.layers.0.mlp.fc1.weight", "clip_l." },
	{ "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", "umt5xxl.transformer." },
	{ "encoder.block.0.layer.0.SelfAttention.q.weight", "t5xxl.transformer." },
	{ "transformer.encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight", "umt5xxl." },
	{ "transformer.encoder.block.0.layer.0.SelfAttention.q.weight", "t5xxl." },
	{ "model.layers.0.self_attn.q_proj.bias", "qwen25_7b.transformer." },
	{ "model.layers.0.self_attn.q_proj.weight", "llama.transformer." },
};

/* What stands before the names of a file that no family was recognised in. */
static const char *guess_prefix(const struct tensor_view *view)
{
	for (size_t i = 0; i < ARRAY_SIZE(encoders); i++) {
		if (view_find(view, "%s", encoders[i].mark))
			return encoders[i].prefix;
	}
	return view_has(view, "%s", checkpoint_parts[0].theirs) ? "" : "diffusion_model.";
}

/* ---- recognised models ---- */

static bool same_shape(const struct tensor_row *row, const struct parameter_description *parameter)
{
	bool same = row->rank == parameter->rank;

	for (unsigned i = 0; same && i < parameter->rank; i++)
		same = row->shape[i] == parameter->shape[i];
	return same;
}

static bool add_name(struct file_naming *naming, const char *name, const char *root, const char *parameter, struct error *e)
{
	struct file_name *known;
	char key[KEY_MAX_BYTES];

	if (!array_reserve(&naming->known, &naming->capacity, naming->count + 1, sizeof(*naming->known), e))
		return false;
	key_print(key, "%s%s", root, parameter);
	known = &naming->known[naming->count++];
	*known = (struct file_name) { .name = string_copy(name, e) };
	if (known->name)
		known->key = string_copy(key, e);
	return known->key != NULL;
}

/* Of the family's own layout only: in others (diffusers', open_clip's) tensors are in other pieces than in the model. */
static bool add_part(struct file_naming *naming, const struct tensor_view *view, const struct detected *part, struct error *e)
{
	struct architecture a;
	bool fine = detected_describe(part, false, &a, e);

	for (size_t i = 0; fine && i < a.parameter_count; i++) {
		const struct parameter_description *parameter = &a.parameters[i];
		const struct tensor_row *row;
		char name[KEY_MAX_BYTES];

		detected_file_name(part, parameter->name, name);
		row = view_find(view, "%s", name);
		if (row && same_shape(row, parameter))
			fine = add_name(naming, name, part->family->root, parameter->name, e);
	}
	architecture_end(&a);
	return fine;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct file_name *)a)->name, ((const struct file_name *)b)->name);
}

bool file_naming_make(struct file_naming *naming, const struct tensor_table *table, const char *metadata, const char *where,
		      struct error *e)
{
	const struct tensor_view view = { table, "" };
	struct detection found = { .count = 0 };
	size_t own_count = 0;
	bool fine;

	*naming = (struct file_naming) { .prefix = guess_prefix(&view) };
	fine = detect_file(&found, table, metadata, where, e);
	for (size_t i = 0; fine && i < found.count; i++) {
		if (!found.parts[i].config || found.parts[i].layout != LAYOUT_OWN)
			continue;
		fine = add_part(naming, &view, &found.parts[i], e);
		own_count++;
	}
	if (fine && found.count && own_count == 0)
		fine = error_set(
			e, ERROR_UNSUPPORTED,
			"%s is named and cut as %s does, and LoRAs mean upstream's own weights: a loader of the engine "
			"brings it to them, this file cannot be patched as it is",
			where, layout_name(found.parts[0].layout));
	if (fine && naming->count)
		qsort(naming->known, naming->count, sizeof(*naming->known), compare_names);
	detection_free(&found);
	return fine;
}

void file_naming_end(struct file_naming *naming)
{
	for (size_t i = 0; i < naming->count; i++) {
		free(naming->known[i].name);
		free(naming->known[i].key);
	}
	free(naming->known);
}

static const struct file_name *find_known(const struct file_naming *naming, const char *name)
{
	const struct file_name wanted = { .name = (char *)(uintptr_t)name };

	return naming->count ? bsearch(&wanted, naming->known, naming->count, sizeof(*naming->known), compare_names) : NULL;
}

void file_key(const struct file_naming *naming, const char *name, char key[KEY_MAX_BYTES])
{
	const struct file_name *known = find_known(naming, name);

	if (known) {
		key_print(key, "%s", known->key);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(checkpoint_parts); i++) {
		size_t length = strlen(checkpoint_parts[i].theirs);

		if (strncmp(name, checkpoint_parts[i].theirs, length) == 0) {
			key_print(key, "%s%s", checkpoint_parts[i].ours, name + length);
			return;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(full); i++) {
		if (strncmp(name, full[i], strlen(full[i])) == 0) {
			key_print(key, "%s", name);
			return;
		}
	}
	key_print(key, "%s%s", naming->prefix, name);
}
