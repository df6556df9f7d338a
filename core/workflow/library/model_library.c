/* model_library.c - a draft, filled in three steps: recognise the files, describe the parameters, fetch the bytes.
 *
 * prepare_pieces finds which of the files' models the loader wants; two text encoders are joined under their prefixes.
 * Each parameter of the family is then looked up in the file's tensor table: it may be one tensor, rows of one, or
 * several tensors in turn. What the file lacks and the family can do without (scales, CLIP-L's projection) gets its
 * neutral value. weights_read.c fetches the bytes. A name that no file has is simulated: a known family's shapes, with
 * seeded weights.
 */
#include "core/workflow/library/model_library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/detect/layout.h"
#include "core/model/families/family_llama.h"
#include "core/model/synthesis/synthesis.h"
#include "core/tensor/convert/convert.h"
#include "core/workflow/library/model_names.h"
#include "core/workflow/library/weights_read.h"
#include "core/workflow/library/weights_source.h"

/* A model about to be made: what it is, and its parameters with bytes. */
struct draft {
	const struct family *family;
	void *config; /* owned until the model takes it */
	struct architecture architecture;
	bool owns_bytes;
	struct parameter_origin *origins; /* by parameter, owned; NULL where no file is read */
	void *made; /* owned: bytes of a parameter that the file lacks and upstream generates */
};

static void draft_free(struct draft *draft)
{
	for (size_t i = 0; draft->owns_bytes && i < draft->architecture.parameter_count; i++)
		free((void *)(uintptr_t)draft->architecture.parameters[i].bytes);
	architecture_end(&draft->architecture);
	free(draft->origins);
	free(draft->made);
	free(draft->config);
}

static struct model *draft_finish(struct draft *draft, const struct model_source *source, struct machine *machine,
				  struct device *device, struct error *e)
{
	const struct architecture *a = &draft->architecture;
	struct model *model = model_new(machine, device, source->files[0], draft->family->kind, a->blocks, a->block_count,
					a->parameters, a->parameter_count, e);

	if (model) {
		model->way = source->dequantises_exactly ? QUANT_EXACT : QUANT_HALF;
		model->family = draft->family;
		model->config = draft->config;
		draft->config = NULL;
	}
	return model;
}

/* ---- synthetic ---- */

static struct model *synthesize(const struct model_source *source, const struct synthesis *found, struct machine *machine,
				struct device *device, struct error *e)
{
	struct draft draft = { .family = found->family, .config = found->config, .owns_bytes = true };
	struct model *model = NULL;

	architecture_begin(&draft.architecture, found->dtype, e);
	synthesis_describe(found, &draft.architecture);
	if (architecture_ok(&draft.architecture) &&
	    (!machine_backend(machine)->bytes_exist || synthesis_fill(&draft.architecture, source->files[0], e)))
		model = draft_finish(&draft, source, machine, device, e);
	draft_free(&draft);
	return model;
}

/* ---- from files ---- */

/* A model of a file that a loader's model is made of. */
struct library_piece {
	struct detected *part;
	const struct weights_source *from;
	struct layout_map map;
};

/* The file has it all, and in a form that can be run. */
static bool check_piece(const struct library_piece *piece, struct error *e)
{
	const struct detected *part = piece->part;
	struct detected_match match;

	if (!part->config) {
		*e = part->fault;
		return error_context(e, "%s", piece->from->path);
	}
	if (part->layout != LAYOUT_OWN && part->scaled)
		return error_set(e, ERROR_UNSUPPORTED,
				 "%s: fp8 weights, each with a scale, that %s cut: parts of one weight have scales of their "
				 "own, and upstream's modules hold one",
				 piece->from->path, detect_layout_name(part->layout));
	return detect_check(part, &piece->from->table, &match, e) && detect_match_ok(part, &match, piece->from->path, e);
}

/* Upstream gives a model one kind of operations: those for blocks, or those for scales. */
static bool check_operations(const struct model_source *source, const struct library_piece *pieces, size_t count,
			     struct error *e)
{
	for (size_t i = 0; source->through_gguf && i < count; i++) {
		if (pieces[i].part->scaled)
			return error_set(e, ERROR_UNSUPPORTED,
					 "%s has fp8 weights with scales, which ComfyUI-GGUF's loaders refuse: take a file "
					 "without scales, or another loader",
					 pieces[i].from->path);
	}
	return true;
}

/* The models of the wanted kind: one; or two text encoders, of one file or of two. */
static size_t collect(struct weights_source *sources, size_t count, enum model_kind kind, struct library_piece pieces[2])
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < sources[i].found.count; j++) {
			struct detected *part = &sources[i].found.parts[j];

			if (part->family->kind == kind && found < 2)
				pieces[found++] = (struct library_piece) { .part = part, .from = &sources[i] };
		}
	}
	return kind == MODEL_CLIP ? found : found > 1 ? 1 : found;
}

static bool join(struct draft *draft, const struct library_piece pieces[2], struct error *e)
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

/* What a tensor of several is made of. */
static void take_parts(const struct tensor_row *row, struct parameter_origin *origin)
{
	origin->alternates = row->alternates;
	origin->piece_count = row->part_count;
	for (size_t i = 0; i < row->part_count; i++) {
		origin->rows[i] = &row->parts[i];
		origin->part[i] = 0;
		origin->part_count[i] = 1;
	}
}

/* Where a parameter's rows are in the file, and the first tensor of them; NULL where one of them is not there. */
static const struct tensor_row *find_rows(const struct library_piece *piece, const struct origin *from,
					  struct parameter_origin *origin)
{
	struct tensor_view view = { &piece->from->table, piece->part->prefix };
	const struct tensor_row *first;

	*origin = (struct parameter_origin) { .path = piece->from->path, .transposed = from->transposed };
	for (size_t i = 0; i < from->piece_count; i++) {
		origin->rows[i] = tensor_view_find(&view, "%s", from->pieces[i].name);
		if (!origin->rows[i])
			return NULL;
		origin->part[i] = from->pieces[i].part;
		origin->part_count[i] = from->pieces[i].part_count;
	}
	first = origin->rows[0];
	origin->piece_count = from->piece_count;
	origin->converted = first->loads_converted;
	if (first->parts)
		take_parts(first, origin);
	return first;
}

static bool same_storage(const struct tensor_row *a, const struct tensor_row *b)
{
	if (a->in_blocks != b->in_blocks || a->loads_converted != b->loads_converted)
		return false;
	return a->in_blocks ? a->type == b->type : a->dtype == b->dtype;
}

/* Heads whose rows are interleaved in pairs have an even number of them. */
static bool check_heads(const struct parameter_description *parameter, const struct parameter_origin *origin, struct error *e)
{
	int64_t pairs = 2 * (int64_t)origin->heads;

	return pairs == 0 || (!origin->converted && parameter->rank > 0 && parameter->shape[0] % pairs == 0) ||
	       error_set(e, ERROR_FORMAT, "%s: %s is not %u heads of an even number of rows", origin->path,
			 origin->rows[0]->name, origin->heads);
}

/* The type that a parameter has in memory. */
static bool take_type(struct parameter_description *parameter, const struct parameter_origin *origin,
		      const struct tensor_row *row, struct error *e)
{
	for (size_t i = 1; i < origin->piece_count; i++) {
		if (!same_storage(origin->rows[0], origin->rows[i]))
			return error_set(e, ERROR_UNSUPPORTED,
					 "%s: %s and %s are parts of one weight and of different types: the weight has one",
					 origin->path, row->name, origin->rows[i]->name);
	}
	if (origin->transposed && row->in_blocks)
		return error_set(e, ERROR_UNSUPPORTED, "%s: %s is quantised along rows that become columns", origin->path,
				 row->name);
	if ((row->in_blocks || row->loads_converted) && !quant_can_dequantise(row->type))
		return error_set(e, ERROR_UNSUPPORTED, "%s: %s is of type %s, which nothing turns into numbers", origin->path,
				 row->name, quant_name(row->type));
	if (!row->in_blocks && !row->loads_converted && dtype_size_bytes(row->dtype) == 0)
		return error_set(e, ERROR_UNSUPPORTED, "%s: %s has elements of type %s, which are smaller than a byte",
				 origin->path, row->name, dtype_name(row->dtype));
	parameter->quantised = row->in_blocks;
	parameter->quant = row->type;
	parameter->dtype = row->loads_converted ? row->loads_as : row->dtype;
	return check_heads(parameter, origin, e);
}

/* llama.cpp interleaves the rows of q and k, by as many heads as each has. */
static unsigned interleaved_heads(const struct library_piece *piece, const char *name)
{
	const struct llama_config *config = piece->part->config;

	if (piece->part->family != &family_llama3 || !weights_source_interleaves_heads(piece->from))
		return 0;
	return (unsigned)(strstr(name, ".q_proj.") ? config->heads : strstr(name, ".k_proj.") ? config->kv_heads : 0);
}

static bool find_origin(struct library_piece *piece, const char *name, struct parameter_origin *origin,
			const struct tensor_row **row, struct error *e)
{
	struct origin from;

	if (!layout_origin(&piece->map, name, &from, e))
		return false;
	*row = find_rows(piece, &from, origin);
	if (*row)
		origin->heads = interleaved_heads(piece, name);
	return true;
}

/* What the file lacks: a scale is 1, and CLIP-L's projection the identity. */
static bool generate_parameter(struct draft *draft, struct parameter_description *parameter, const struct library_piece *piece,
			       struct error *e)
{
	static const float one = 1;

	if (parameter->rank == 0) {
		parameter->bytes = &one;
		return true;
	}
	parameter->dtype = piece->part->dtype;
	return make_identity(draft, parameter, e);
}

/* A parameter's bytes; a pair's names begin with the root of one of the two. */
static bool take_tensor(struct draft *draft, size_t index, struct library_piece *pieces, size_t count, struct error *e)
{
	struct parameter_description *parameter = &draft->architecture.parameters[index];
	struct parameter_origin origin;
	const struct tensor_row *row;

	for (size_t i = 0; i < count; i++) {
		size_t root = count > 1 ? strlen(pieces[i].part->family->root) : 0;

		if (strncmp(parameter->name, pieces[i].part->family->root, root) != 0)
			continue;
		if (!find_origin(&pieces[i], parameter->name + root, &origin, &row, e))
			return false;
		if (!row)
			return generate_parameter(draft, parameter, &pieces[i], e);
		if (!take_type(parameter, &origin, row, e))
			return false;
		parameter->filled_later = draft->origins != NULL;
		if (draft->origins)
			draft->origins[index] = origin;
		return true;
	}
	return error_set(e, ERROR_BUG, "%s belongs to no file", parameter->name);
}

static bool take_tensors(struct draft *draft, struct library_piece *pieces, size_t count, bool has_bytes, struct error *e)
{
	size_t parameter_count = draft->architecture.parameter_count;

	if (has_bytes) {
		draft->origins = array_new(parameter_count, sizeof(*draft->origins), e);
		if (!draft->origins)
			return false;
	}
	for (size_t i = 0; i < parameter_count; i++) {
		if (!take_tensor(draft, i, pieces, count, e))
			return false;
	}
	architecture_count_weights(&draft->architecture);
	return true;
}

/* Of two encoders the one that has scales, where the other has none. */
static void describe_scales(const struct library_piece *pieces, size_t count, struct architecture *a)
{
	size_t scaled_count = 0;

	for (size_t i = 0; i < count; i++) {
		if (!pieces[i].part->scaled)
			continue;
		scaled_count++;
		a->scaled_root = pieces[i].part->family->root;
	}
	a->scaled = scaled_count > 0;
	if (scaled_count == count)
		a->scaled_root = NULL;
}

/* What the parts' configurations make, described. */
static bool describe_draft(struct draft *draft, const struct library_piece *pieces, size_t count, struct error *e)
{
	if (count == 1) {
		draft->family = pieces[0].part->family;
		draft->config = array_new(1, draft->family->config_size_bytes, e);
		if (draft->config)
			memcpy(draft->config, pieces[0].part->config, draft->family->config_size_bytes);
	} else if (!join(draft, pieces, e)) {
		return false;
	}
	describe_scales(pieces, count, &draft->architecture);
	if (draft->config)
		draft->family->describe(draft->config, &draft->architecture);
	return draft->config && architecture_ok(&draft->architecture);
}

static bool prepare_pieces(const struct model_source *source, struct library_piece *pieces, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		const struct detected *part = pieces[i].part;

		if (!check_piece(&pieces[i], e))
			return false;
		if (!layout_map_begin(&pieces[i].map, part->family, part->config, part->layout, e))
			return false;
	}
	return check_operations(source, pieces, count, e);
}

static struct model *assemble(const struct model_library *library, const struct model_source *source,
			      struct library_piece *pieces, size_t count, struct machine *machine, struct device *device,
			      struct error *e)
{
	struct draft draft = { .family = NULL };
	struct model *model = NULL;

	architecture_begin(&draft.architecture, DTYPE_F32, e);
	if (prepare_pieces(source, pieces, count, e) && describe_draft(&draft, pieces, count, e) &&
	    take_tensors(&draft, pieces, count, machine_backend(machine)->bytes_exist, e))
		model = draft_finish(&draft, source, machine, device, e);
	if (model && draft.origins && !weights_read(model, draft.origins, library->watcher, e)) {
		model_free(model);
		model = NULL;
	}
	for (size_t i = 0; i < count; i++)
		layout_map_end(&pieces[i].map);
	draft_free(&draft);
	return model;
}

static bool open_all(struct weights_source *sources, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		if (!weights_source_open(&sources[i], e))
			return false;
	}
	return true;
}

static struct model *read_files(const struct model_library *library, const struct model_source *source,
				struct weights_source *sources, struct machine *machine, struct device *device, struct error *e)
{
	static const char *const kinds[] = { "a diffusion model", "a text encoder", "an autoencoder" };
	struct model *model = NULL;
	struct library_piece pieces[2] = { { .part = NULL } };
	size_t count;

	if (open_all(sources, source->file_count, e)) {
		count = collect(sources, source->file_count, source->kind, pieces);
		if (count < source->file_count)
			error_set(e, ERROR_FORMAT, "%s is a %s; the loader wants %s", sources[0].path,
				  sources[0].found.parts[0].family->name, kinds[source->kind]);
		else
			model = assemble(library, source, pieces, count, machine, device, e);
	}
	for (size_t i = 0; i < source->file_count; i++)
		weights_source_close(&sources[i]);
	return model;
}

/* How many of the loader's files are in the folder; *absent is one that is not. */
static size_t find_files(const struct model_library *library, const struct model_source *source, struct weights_source *sources,
			 const char **absent)
{
	size_t found = 0;

	for (size_t i = 0; i < source->file_count; i++) {
		if (weights_source_find(library->folder, source->files[i], sources[i].path))
			found++;
		else
			*absent = source->files[i];
	}
	return found;
}

static void tell_names(const struct model_library *library, const struct model_source *source, const struct known_file *files)
{
	for (size_t i = 0; library->naming && i < source->file_count; i++)
		library->naming->named(library->naming->context, source->files[i], &files[i]);
}

/* A model without its files. The names that synthesis gives small models, too, have bytes where bytes exist; all other
 * names are simulated only. False without an error: neither. */
static bool find_by_name(const struct model_library *library, const struct model_source *source, bool bytes_exist,
			 struct synthesis *found, struct error *e)
{
	const char *second = source->file_count > 1 ? source->files[1] : NULL;
	struct known_file files[MODEL_FILES_MAX];

	if (source->file_count <= 2 && synthesis_find(source->kind, source->files[0], second, found, e))
		return true;
	if (error_is_set(e) || bytes_exist || !model_names_find(source, files, found, e))
		return false;
	tell_names(library, source, files);
	return true;
}

static void refuse_absent(const struct model_source *source, const char *absent, struct error *e)
{
	char known[160];

	synthesis_known(source->kind, known, sizeof(known));
	error_set(e, ERROR_MISSING,
		  "%s is not in the models folder (--models), and this backend computes: --backend sim simulates it from its "
		  "name; names with weights of their own are %s",
		  absent, known);
}

static struct model *find_and_open(const struct model_library *library, const struct model_source *source,
				   struct weights_source *sources, struct machine *machine, struct device *device,
				   struct error *e)
{
	const char *absent = NULL;
	struct synthesis found;
	size_t there = find_files(library, source, sources, &absent);

	if (there == source->file_count && source->file_count <= 2)
		return read_files(library, source, sources, machine, device, e);
	if (there == source->file_count && machine_backend(machine)->bytes_exist) {
		error_set(e, ERROR_UNSUPPORTED, "no family here has %zu text encoders, and only --backend sim runs them",
			  source->file_count);
		return NULL;
	}
	if (find_by_name(library, source, machine_backend(machine)->bytes_exist, &found, e))
		return synthesize(source, &found, machine, device, e);
	if (!error_is_set(e))
		refuse_absent(source, absent, e);
	return NULL;
}

static struct model *open_model(void *context, const struct model_source *source, struct machine *machine,
				struct device *device, struct error *e)
{
	struct weights_source *sources = array_new(source->file_count, sizeof(*sources), e);
	struct model *model = sources ? find_and_open(context, source, sources, machine, device, e) : NULL;

	free(sources);
	return model;
}

bool model_library_has(const struct model_library *library, const char *file)
{
	char path[WEIGHTS_PATH_MAX];

	return (library->folder && weights_source_find(library->folder, file, path)) || synthesis_names(file);
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
