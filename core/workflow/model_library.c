#include "core/workflow/model_library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/model/detect.h"
#include "core/model/synthesis.h"
#include "core/tensor/convert.h"
#include "core/tensor/safetensors.h"

/* A model about to be made: what it is, and its parameters with bytes. */
struct draft {
	const struct family *family;
	void *config; /* owned until the model takes it */
	struct architecture architecture;
	bool owns_bytes;
	const struct tensor_row **rows; /* by parameter, where a file has it; NULL on a machine without bytes */
	size_t *piece_of; /* by parameter: whose row */
	void *made; /* owned: bytes of a parameter that the file lacks and upstream makes up */
};

static void draft_free(struct draft *draft)
{
	for (size_t i = 0; draft->owns_bytes && i < draft->architecture.parameter_count; i++)
		free((void *)(uintptr_t)draft->architecture.parameters[i].bytes);
	architecture_end(&draft->architecture);
	free(draft->rows);
	free(draft->piece_of);
	free(draft->made);
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

/* An open file and what is in it. */
struct opened {
	char path[4096];
	struct safetensors *file;
	struct tensor_table table;
	struct detection found;
};

static void close_file(struct opened *opened)
{
	detection_free(&opened->found);
	tensor_table_free(&opened->table);
	safetensors_close(opened->file);
}

static bool open_file(struct opened *opened, struct error *e)
{
	opened->file = safetensors_open(opened->path, e);
	if (!opened->file || !tensor_table_of_safetensors(&opened->table, opened->file, e) ||
	    !detect_file(&opened->found, &opened->table, safetensors_metadata(opened->file, FAMILY_METADATA), opened->path, e))
		return false;
	if (opened->found.count)
		return true;
	return error_set(e, ERROR_UNSUPPORTED,
			 "%s: no family is known by its %zu tensors%s%.200s; `residency inspect` shows what it holds",
			 opened->path, opened->table.count, opened->table.count ? ", the first of which is " : "",
			 opened->table.count ? opened->table.rows[0].name : "");
}

/* A model of a file that a loader's model is made of. */
struct piece {
	struct detected *part;
	const struct opened *from;
};

/* The file has it all, and in a form that can be run. */
static bool check_piece(const struct piece *piece, const struct machine *machine, struct error *e)
{
	const struct detected *part = piece->part;
	struct detected_match match;

	if (!part->config) {
		*e = part->fault;
		return error_context(e, "%s", piece->from->path);
	}
	if (part->layout != LAYOUT_OWN)
		return error_set(
			e, ERROR_UNSUPPORTED,
			"%s: a %s model with its tensors named and cut as %s does; upstream's own layout can be loaded",
			piece->from->path, part->family->name, layout_name(part->layout));
	if (part->scaled && machine_backend(machine)->has_bytes)
		return error_set(e, ERROR_UNSUPPORTED, "%s: fp8 weights with scales can be planned and simulated, not yet run",
				 piece->from->path);
	return detected_check(part, &piece->from->table, &match, e) && detected_match_ok(part, &match, piece->from->path, e);
}

/* The models of the wanted kind: one; or two text encoders, of one file or of two. */
static size_t collect(struct opened *opened, size_t count, enum model_kind kind, struct piece pieces[2])
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < opened[i].found.count; j++) {
			struct detected *part = &opened[i].found.parts[j];

			if (part->family->kind == kind && found < 2)
				pieces[found++] = (struct piece) { part, &opened[i] };
		}
	}
	return kind == MODEL_CLIP ? found : found > 1 ? 1 : found;
}

static bool join(struct draft *draft, const struct piece pieces[2], struct error *e)
{
	const struct detected *first = pieces[0].part;
	const struct detected *second = pieces[1].part;

	draft->family = family_pair(first->family, second->family);
	if (!draft->family)
		return error_set(e, ERROR_FORMAT, "%s is a %s, %s a %s: no model has these two text encoders",
				 pieces[0].from->path, first->family->name, pieces[1].from->path, second->family->name);
	draft->config = array_new(1, draft->family->config_size_bytes, e);
	if (!draft->config)
		return false;
	family_pair_put(draft->family, draft->config, first->family, first->config);
	family_pair_put(draft->family, draft->config, second->family, second->config);
	return true;
}

/* CLIP-L's projection, the only one of a model that runs which a file may lack: upstream makes it the identity. */
static bool make_identity(struct draft *draft, struct parameter_description *parameter, struct error *e)
{
	size_t side = (size_t)parameter->shape[0];
	float *values = array_new(side * side, sizeof(*values), e);
	bool fine;

	free(draft->made);
	draft->made = array_new(side * side, dtype_size_bytes(parameter->dtype), e);
	for (size_t i = 0; values && i < side; i++)
		values[i * side + i] = 1;
	parameter->bytes = draft->made;
	fine = values && draft->made && convert_from_f32(parameter->dtype, values, draft->made, side * side, e);
	free(values);
	return fine;
}

/* A parameter's bytes; a pair's names begin with the root of one of the two. */
static bool take_tensor(struct draft *draft, size_t index, const struct piece *pieces, size_t count, struct error *e)
{
	struct parameter_description *parameter = &draft->architecture.parameters[index];

	for (size_t i = 0; i < count; i++) {
		const struct detected *part = pieces[i].part;
		struct tensor_view view = { &pieces[i].from->table, "" };
		size_t root = count > 1 ? strlen(part->family->root) : 0;
		const struct tensor_row *row;
		char name[512];

		if (strncmp(parameter->name, part->family->root, root) != 0)
			continue;
		detected_file_name(part, parameter->name + root, name);
		row = view_find(&view, "%s", name);
		if (row) {
			parameter->dtype = row->dtype;
			parameter->filled_later = draft->rows != NULL;
			if (draft->rows) {
				draft->rows[index] = row;
				draft->piece_of[index] = i;
			}
			return true;
		}
		if (parameter->rank == 0)
			return true; /* a scale: models that have them are simulated, without bytes */
		parameter->dtype = part->dtype;
		return make_identity(draft, parameter, e);
	}
	return error_set(e, ERROR_BUG, "%s belongs to no file", parameter->name);
}

static bool take_tensors(struct draft *draft, const struct piece *pieces, size_t count, bool has_bytes, struct error *e)
{
	size_t parameter_count = draft->architecture.parameter_count;

	if (has_bytes) {
		draft->rows = array_new(parameter_count, sizeof(*draft->rows), e);
		draft->piece_of = array_new(parameter_count, sizeof(*draft->piece_of), e);
		if (!draft->rows || !draft->piece_of)
			return false;
	}
	for (size_t i = 0; i < parameter_count; i++) {
		if (!take_tensor(draft, i, pieces, count, e))
			return false;
	}
	return true;
}

/* What a file has of a model, into place, several reads in flight. */
static bool read_piece(const struct draft *draft, const struct model *model, const struct piece *pieces, size_t piece,
		       const struct bulk_watcher *watcher, struct error *e)
{
	struct bulk_piece *reads = array_new(model->parameter_count, sizeof(*reads), e);
	size_t count = 0;
	bool fine;

	for (size_t i = 0; reads && i < model->parameter_count; i++) {
		if (draft->rows[i] && draft->piece_of[i] == piece && model->parameters[i].size_bytes)
			reads[count++] = (struct bulk_piece) { .file_offset = draft->rows[i]->file_offset,
							       .size_bytes = model->parameters[i].size_bytes,
							       .to = model->parameters[i].resting.address };
	}
	fine = reads && bulk_read(pieces[piece].from->path, reads, count, watcher, e);
	free(reads);
	return fine;
}

static struct model *assemble(struct draft *draft, const struct model_source *source, const struct piece *pieces, size_t count,
			      struct machine *machine, struct device *device, const struct bulk_watcher *watcher,
			      struct error *e)
{
	struct architecture *a = &draft->architecture;
	struct model *model;
	bool fine = true;

	for (size_t i = 0; i < count; i++) {
		if (!check_piece(&pieces[i], machine, e))
			return NULL;
	}
	if (count == 1) {
		draft->family = pieces[0].part->family;
		draft->config = pieces[0].part->config;
		pieces[0].part->config = NULL;
	} else if (!join(draft, pieces, e)) {
		return NULL;
	}
	a->scaled = pieces[0].part->scaled;
	draft->family->describe(draft->config, a);
	if (!architecture_ok(a))
		return NULL;
	if (!take_tensors(draft, pieces, count, machine_backend(machine)->has_bytes, e))
		return NULL;
	model = draft_finish(draft, source->files[0], machine, device, e);
	for (size_t i = 0; model && draft->rows && fine && i < count; i++)
		fine = read_piece(draft, model, pieces, i, watcher, e);
	if (fine)
		return model;
	model_free(model);
	return NULL;
}

static bool open_all(struct opened *opened, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		if (!open_file(&opened[i], e))
			return false;
	}
	return true;
}

static struct model *read_files(const struct model_source *source, struct opened *opened, struct machine *machine,
				struct device *device, const struct bulk_watcher *watcher, struct error *e)
{
	static const char *const kinds[] = { "a diffusion model", "a text encoder", "an autoencoder" };
	struct draft draft = { .family = NULL };
	struct model *model = NULL;
	struct piece pieces[2];
	size_t count;

	architecture_begin(&draft.architecture, DTYPE_F32, e);
	if (open_all(opened, source->file_count, e)) {
		count = collect(opened, source->file_count, source->kind, pieces);
		if (count < source->file_count)
			error_set(e, ERROR_FORMAT, "%s is a %s; the loader wants %s", opened[0].path,
				  opened[0].found.parts[0].family->name, kinds[source->kind]);
		else
			model = assemble(&draft, source, pieces, count, machine, device, watcher, e);
	}
	draft_free(&draft);
	for (size_t i = 0; i < source->file_count; i++)
		close_file(&opened[i]);
	return model;
}

/* How many of the loader's files are in the folder; *absent is one that is not. */
static size_t find_files(const struct model_library *library, const struct model_source *source, struct opened *opened,
			 const char **absent)
{
	size_t found = 0;

	for (size_t i = 0; i < source->file_count; i++) {
		if (find_path(library->folder, source->files[i], opened[i].path, sizeof(opened[i].path)))
			found++;
		else
			*absent = source->files[i];
	}
	return found;
}

static struct model *find_and_open(const struct model_library *library, const struct model_source *source,
				   struct opened *opened, struct machine *machine, struct device *device, struct error *e)
{
	const char *second = source->file_count > 1 ? source->files[1] : NULL;
	const char *absent = NULL;
	struct synthesis found;
	size_t there = find_files(library, source, opened, &absent);

	if (there == source->file_count)
		return read_files(source, opened, machine, device, library->watcher, e);
	if (there == 0 && synthesis_find(source->kind, source->files[0], second, &found, e))
		return make_up(source, &found, machine, device, e);
	error_set(e, ERROR_MISSING, "%s is in no models folder, and no name that a model is made up for (%s)", absent,
		  synthesis_known(source->kind));
	return NULL;
}

static struct model *open_model(void *context, const struct model_source *source, struct machine *machine,
				struct device *device, struct error *e)
{
	struct opened *opened;
	struct model *model;

	if (source->file_count == 0 || source->file_count > 2) {
		error_set(e, ERROR_UNSUPPORTED, "a loader of %zu files is not built in", source->file_count);
		return NULL;
	}
	opened = array_new(source->file_count, sizeof(*opened), e);
	model = opened ? find_and_open(context, source, opened, machine, device, e) : NULL;
	free(opened);
	return model;
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
