#include "core/workflow/model_library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/model/family.h"
#include "core/model/synthesis.h"
#include "core/tensor/safetensors.h"

/* A model about to be made: what it is, and its parameters with bytes. */
struct draft {
	const struct family *family;
	void *config; /* owned until the model takes it */
	struct architecture architecture;
	bool owns_bytes; /* else they lie in a mapping */
};

static void draft_free(struct draft *draft)
{
	for (size_t i = 0; draft->owns_bytes && i < draft->architecture.parameter_count; i++)
		free((void *)(uintptr_t)draft->architecture.parameters[i].bytes);
	architecture_end(&draft->architecture);
	free(draft->config);
}

static struct model *draft_finish(struct draft *draft, const char *name, struct machine *machine, struct device *device,
				  struct error *e)
{
	const struct architecture *a = &draft->architecture;
	struct model *model = model_new(machine, device, name, draft->family->kind, a->blocks, a->block_count, a->parameters,
					a->parameter_count, e);

	if (model) {
		model->family = draft->family;
		model->config = draft->config;
		draft->config = NULL;
	}
	return model;
}

/* ---- made up ---- */

static struct model *make_up(const struct model_source *source, const struct synthesis *found, struct machine *machine,
			     struct device *device, struct error *e)
{
	struct draft draft = { .family = found->family, .config = found->config, .owns_bytes = true };
	struct model *model = NULL;

	architecture_begin(&draft.architecture, found->dtype, e);
	draft.family->describe(draft.config, &draft.architecture);
	if (architecture_ok(&draft.architecture) &&
	    (!machine_backend(machine)->has_bytes || synthesis_fill(&draft.architecture, source->files[0], e)))
		model = draft_finish(&draft, source->files[0], machine, device, e);
	draft_free(&draft);
	return model;
}

/* ---- from files ---- */

/* The path of a file of the folder, into path; false if it is not there. */
static bool find_path(const char *folder, const char *file, char *path, size_t path_size_bytes)
{
	static const char *const places[] = { ".", "checkpoints", "unet", "diffusion_models", "clip", "text_encoders", "vae" };

	for (size_t i = 0; folder && i < ARRAY_SIZE(places); i++) {
		int length = snprintf(path, path_size_bytes, "%s/%s/%s", folder, places[i], file);

		if (length > 0 && (size_t)length < path_size_bytes && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* A file's own word on what it is. */
static bool read_metadata(const struct safetensors *file, const char *path, struct draft *draft, struct error *e)
{
	const char *text = safetensors_metadata(file, SYNTHESIS_METADATA);
	const char *name;
	json_t *config;
	json_t *object;
	bool fine = false;

	if (!text)
		return error_set(e, ERROR_UNSUPPORTED, "%s: the family of this file is not known here", path);
	object = json_parse(text, strlen(text), path, false, e);
	if (object && json_get_string(object, "family", path, &name, e) &&
	    json_get_object(object, "config", path, &config, e)) {
		draft->family = family_find(name);
		if (!draft->family)
			error_set(e, ERROR_UNSUPPORTED, "%s: family \"%.40s\" is not built in", path, name);
		else
			draft->config = array_new(1, draft->family->config_size_bytes, e);
		fine = draft->config && draft->family->read_config(draft->config, config, path, e);
	}
	json_decref(object);
	return fine;
}

static bool same_shape(const struct safetensors_tensor *tensor, const struct parameter_description *parameter)
{
	if (tensor->rank != parameter->rank)
		return false;
	for (unsigned i = 0; i < parameter->rank; i++) {
		if ((int64_t)tensor->shape[i] != parameter->shape[i])
			return false;
	}
	return true;
}

static bool take_tensors(const struct safetensors *file, const char *path, struct architecture *a, struct error *e)
{
	for (size_t i = 0; i < a->parameter_count; i++) {
		struct parameter_description *parameter = &a->parameters[i];
		const struct safetensors_tensor *tensor = safetensors_find(file, parameter->name);

		if (!tensor)
			return error_set(e, ERROR_FORMAT, "%s: the tensor %s is missing", path, parameter->name);
		if (!same_shape(tensor, parameter))
			return error_set(e, ERROR_FORMAT,
					 "%s: the tensor %s, at byte %llu, is of another shape than its family's", path,
					 parameter->name, (unsigned long long)tensor->file_offset);
		parameter->dtype = tensor->dtype;
		parameter->bytes = tensor->bytes;
	}
	return true;
}

static struct model *read_file(const struct model_source *source, const char *path, struct machine *machine,
			       struct device *device, struct error *e)
{
	struct safetensors *file = safetensors_open(path, e);
	struct draft draft = { .family = NULL };
	struct model *model = NULL;

	architecture_begin(&draft.architecture, DTYPE_F32, e);
	if (!file || !read_metadata(file, path, &draft, e))
		goto out;
	if (draft.family->kind != source->kind) {
		error_set(e, ERROR_FORMAT, "%s is a %s; the loader wants another kind of model", path, draft.family->name);
		goto out;
	}
	draft.family->describe(draft.config, &draft.architecture);
	if (architecture_ok(&draft.architecture) && take_tensors(file, path, &draft.architecture, e))
		model = draft_finish(&draft, source->files[0], machine, device, e);
out:
	draft_free(&draft);
	safetensors_close(file);
	return model;
}

static struct model *open_model(void *context, const struct model_source *source, struct machine *machine,
				struct device *device, struct error *e)
{
	const struct model_library *library = context;
	struct synthesis found;
	char path[4096];

	if (source->file_count == 0 || source->file_count > 2) {
		error_set(e, ERROR_UNSUPPORTED, "a loader of %zu files is not built in", source->file_count);
		return NULL;
	}
	if (source->file_count == 1 && find_path(library->folder, source->files[0], path, sizeof(path)))
		return read_file(source, path, machine, device, e);
	if (synthesis_find(source->kind, source->files[0], source->file_count > 1 ? source->files[1] : NULL, &found, e))
		return make_up(source, &found, machine, device, e);
	error_set(e, ERROR_MISSING, "%s%s%s is in no models folder, and no name that a model is made up for (%s)",
		  source->files[0], source->file_count > 1 ? " with " : "", source->file_count > 1 ? source->files[1] : "",
		  synthesis_known(source->kind));
	return NULL;
}

static struct lora_file *open_lora(void *context, const char *file, struct error *e)
{
	const struct model_library *library = context;

	return lora_open(library->folder, file, e);
}

struct catalog model_library_catalog(const struct model_library *library)
{
	return (struct catalog) { .context = (void *)(uintptr_t)library, .open = open_model, .open_lora = open_lora };
}
