/* model_names.c - one model from the names of its files.
 *
 * One file with a published model takes that family's shapes. Two text encoders that upstream joins under one patcher are such a
 * pair, if both are published. All else - files of which only the size is known, and combinations of encoders that no family here has -
 * is a model of their summed size.
 */
#include "core/workflow/library/model_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/families/family_sized.h"

/* A loader's kind of model as the kind of its files. */
static enum known_kind file_kind(const struct model_source *source)
{
	static const enum known_kind kinds[] = {
		[MODEL_UNET] = KNOWN_DIFFUSION,
		[MODEL_CLIP] = KNOWN_TEXT_ENCODER,
		[MODEL_VAE] = KNOWN_VAE,
	};

	return source->of_checkpoint ? KNOWN_CHECKPOINT : kinds[source->kind];
}

static bool use_size(enum model_kind kind, uint64_t size_bytes, struct synthesis *found, struct error *e)
{
	static const struct family *const families_of[] = {
		[MODEL_UNET] = &family_sized_diffusion,
		[MODEL_CLIP] = &family_sized_text,
		[MODEL_VAE] = &family_sized_vae,
	};
	static const int layers[] = { [MODEL_UNET] = 40, [MODEL_CLIP] = 32, [MODEL_VAE] = 12 };
	char text[96];

	snprintf(text, sizeof(text), "{\"elements\":%lld,\"num_layers\":%d}", (long long)size_bytes, layers[kind]);
	*found = (struct synthesis) { .family = families_of[kind], .dtype = DTYPE_F8_E4M3 };
	found->config = family_config_new(found->family, text, e);
	return found->config != NULL;
}

static struct synthesis_quant quant_of(const struct known_file *file, const char *root)
{
	return (struct synthesis_quant) { .wanted = file->form.in_blocks, .type = file->form.quant, .root = root };
}

static bool use_one(const struct known_file *file, const struct known_part *part, struct synthesis *found, struct error *e)
{
	*found = (struct synthesis) {
		.family = part->family,
		.dtype = file->form.dtype,
		.keeps_embeddings = known_keeps_embeddings(file),
		.quants = { quant_of(file, "") },
	};
	found->config = family_config_new(part->family, part->config, e);
	return found->config != NULL;
}

/* Of a pair, the larger encoder's type is the pair's; upstream gives CLIP its own. */
static enum dtype pair_dtype(const struct known_file files[2], const struct known_part parts[2])
{
	return parts[0].size_bytes > parts[1].size_bytes ? files[0].form.dtype : files[1].form.dtype;
}

static bool use_pair(const struct family *pair, const struct known_file files[2], const struct known_part parts[2],
		     struct synthesis *found, struct error *e)
{
	*found = (struct synthesis) { .family = pair, .dtype = pair_dtype(files, parts), .as_module = true };
	found->config = array_new(1, pair->config_size_bytes, e);
	for (int i = 0; found->config && i < 2; i++) {
		void *config = family_config_new(parts[i].family, parts[i].config, e);

		if (!config) {
			free(found->config);
			found->config = NULL;
			return false;
		}
		family_pair_put(pair, found->config, parts[i].family, config);
		found->quants[i] = quant_of(&files[i], parts[i].family->root);
		free(config);
	}
	return found->config != NULL;
}

bool model_names_find(const struct model_source *source, struct known_file files[MODEL_FILES_MAX], struct synthesis *found,
		      struct error *e)
{
	struct known_part parts[MODEL_FILES_MAX];
	const struct family *pair = NULL;
	uint64_t total_bytes = 0;

	for (size_t i = 0; i < source->file_count; i++) {
		if (!known_find(source->files[i], file_kind(source), &files[i], e) ||
		    !known_part_of(&files[i], source->kind, &parts[i], e))
			return false;
		total_bytes += parts[i].size_bytes;
	}
	if (source->file_count == 1 && parts[0].config)
		return use_one(&files[0], &parts[0], found, e);
	if (source->file_count == 2 && parts[0].config && parts[1].config)
		pair = family_pair(parts[0].family, parts[1].family);
	if (pair)
		return use_pair(pair, files, parts, found, e);
	return use_size(source->kind, total_bytes, found, e);
}
