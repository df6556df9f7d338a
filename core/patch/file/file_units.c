/* Recognised models come first: each parameter is looked up as runs of the file's tensors, and a run belongs to one weight
 * only. Whatever tensors are then without a weight are weights of their own. The order of work is the file's, but for
 * weights in several tensors, which are made when the first of them is due.
 */
#include "core/patch/file/file_units.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/detect/detect.h"
#include "core/patch/keys/file_keys.h"

/* What is being made. */
struct making {
	struct file_units *units;
	const struct weights *weights;
	const struct weights_tensor **by_name; /* owned */
	const struct tensor_table *table;
};

/* ---- tensors ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(const struct weights_tensor *const *)a)->name, (*(const struct weights_tensor *const *)b)->name);
}

static bool sort_names(struct making *m, struct error *e)
{
	m->by_name = array_new(m->weights->count + 1, sizeof(*m->by_name), e);
	if (!m->by_name)
		return false;
	for (size_t i = 0; i < m->weights->count; i++)
		m->by_name[i] = &m->weights->tensors[i];
	qsort(m->by_name, m->weights->count, sizeof(*m->by_name), compare_names);
	return true;
}

/* NULL: the unit has none. */
static const struct weights_tensor *find(const struct making *m, const char *name)
{
	const struct weights_tensor wanted = { .name = name };
	const struct weights_tensor *const key = &wanted;
	const struct weights_tensor **found = bsearch(&key, m->by_name, m->weights->count, sizeof(*m->by_name), compare_names);

	return found ? *found : NULL;
}

static size_t index_of(const struct making *m, const struct weights_tensor *tensor)
{
	return (size_t)(tensor - m->weights->tensors);
}

/* ---- one weight ---- */

/* Whether a run is of no other weight yet, and there is room for all of the weight's. */
static bool is_free(const struct making *m, const struct file_unit *unit, const struct unit_piece *piece)
{
	const struct tensor_uses *uses = &m->units->uses[piece->tensor];

	for (size_t i = 0; i < uses->count; i++) {
		const struct tensor_use *use = &uses->items[i];
		const struct unit_piece *other = &m->units->units[use->unit].pieces[use->piece];

		if (piece->in_tensor < other->in_tensor + other->count && other->in_tensor < piece->in_tensor + piece->count)
			return false;
	}
	return uses->count + unit->piece_count <= TENSOR_USES_MAX;
}

/* Where any of its pieces is another weight's, the weight is left out. */
static bool add_unit(struct making *m, const struct file_unit *unit, struct error *e)
{
	struct file_units *units = m->units;

	for (size_t i = 0; i < unit->piece_count; i++) {
		if (!is_free(m, unit, &unit->pieces[i]))
			return true;
	}
	if (!array_reserve(&units->units, &units->capacity, units->count + 1, sizeof(*units->units), e))
		return false;
	for (size_t i = 0; i < unit->piece_count; i++) {
		struct tensor_uses *uses = &units->uses[unit->pieces[i].tensor];

		uses->items[uses->count++] = (struct tensor_use) { units->count, i };
	}
	units->units[units->count++] = *unit;
	return true;
}

static struct file_unit unit_of_tensor(const struct making *m, const struct weights_tensor *tensor)
{
	return (struct file_unit) { .rank = (unsigned)tensor->rank,
				    .pieces = { { .tensor = index_of(m, tensor), .count = tensor->element_count } },
				    .piece_count = 1,
				    .is_tensor = true };
}

/* Whether a parameter has so many elements; shapes come from files, and their product may be beyond any number. */
static bool has_elements(const struct parameter_description *parameter, uint64_t wanted)
{
	uint64_t count = 1;

	for (unsigned i = 0; i < parameter->rank; i++) {
		if (__builtin_mul_overflow(count, (uint64_t)parameter->shape[i], &count))
			return false;
	}
	return count == wanted;
}

/* The runs of the file's tensors; false where one of them is not there, or they are not as many elements as the weight has. */
static bool find_pieces(const struct making *m, const struct detected *part, const struct origin *origin,
			const struct parameter_description *parameter, struct file_unit *unit)
{
	uint64_t count = 0;

	for (size_t i = 0; i < origin->piece_count; i++) {
		const struct origin_piece *from = &origin->pieces[i];
		const struct weights_tensor *tensor;
		char name[KEY_MAX_BYTES];
		uint64_t elements;

		key_print(name, "%s%s", part->prefix, from->name);
		tensor = find(m, name);
		if (!tensor || tensor->element_count % from->part_count != 0)
			return false;
		elements = tensor->element_count / from->part_count;
		unit->pieces[unit->piece_count++] = (struct unit_piece) {
			.tensor = index_of(m, tensor), .in_tensor = from->part * elements, .in_whole = count, .count = elements
		};
		count += elements;
	}
	return origin->piece_count && has_elements(parameter, count);
}

static bool is_tensor(const struct making *m, const struct file_unit *unit)
{
	const struct weights_tensor *tensor = &m->weights->tensors[unit->pieces[0].tensor];
	bool same = unit->piece_count == 1 && !unit->transposed && tensor->rank == unit->rank;

	for (unsigned i = 0; same && i < unit->rank; i++)
		same = tensor->shape[i] == unit->shape[i];
	return same;
}

/* A parameter of a recognised model; left out where the file has it not, or otherwise. */
static bool add_parameter(struct making *m, const struct detected *part, struct layout_map *map,
			  const struct parameter_description *parameter, struct error *e)
{
	struct file_unit unit = { .rank = parameter->rank };
	struct origin origin;

	if (!layout_origin(map, parameter->name, &origin, e))
		return false;
	if (!find_pieces(m, part, &origin, parameter, &unit))
		return true;
	unit.transposed = origin.transposed;
	memcpy(unit.shape, parameter->shape, sizeof(unit.shape));
	unit.is_tensor = is_tensor(m, &unit);
	if (part->layout == LAYOUT_OWN && !unit.is_tensor)
		return true;
	key_print(unit.key, "%s%s", part->family->root, parameter->name);
	return add_unit(m, &unit, e);
}

/* ---- all of them ---- */

static bool add_part(struct making *m, const struct detected *part, struct error *e)
{
	struct layout_map map = { .next = 0 };
	struct architecture a;
	bool fine;

	if (part->layout != LAYOUT_OWN && part->scaled)
		return error_set(e, ERROR_UNSUPPORTED,
				 "fp8 weights, each with a scale, that %s cut: parts of one weight have scales of their own",
				 detect_layout_name(part->layout));
	fine = detect_describe(part, false, &a, e) && layout_map_begin(&map, part->family, part->config, part->layout, e);
	for (size_t i = 0; fine && i < a.parameter_count; i++)
		fine = add_parameter(m, part, &map, &a.parameters[i], e);
	layout_map_end(&map);
	architecture_end(&a);
	return fine;
}

static bool add_recognised(struct making *m, const char *metadata, const char *where, struct error *e)
{
	struct detection found = { .count = 0 };
	bool fine = detect_file(&found, m->table, metadata, where, e);

	for (size_t i = 0; fine && i < found.count; i++) {
		if (found.parts[i].config)
			fine = add_part(m, &found.parts[i], e) || error_context(e, "%s", where);
	}
	detect_free(&found);
	return fine;
}

/* Tensors of no recognised model, each a weight; nothing is left for those of which parts are weights already. */
static bool add_others(struct making *m, struct error *e)
{
	const char *prefix = file_key_prefix(m->table);

	for (size_t i = 0; i < m->weights->count; i++) {
		struct file_unit unit;

		if (m->units->uses[i].count)
			continue;
		unit = unit_of_tensor(m, &m->weights->tensors[i]);
		file_key(prefix, m->weights->tensors[i].name, unit.key);
		if (!add_unit(m, &unit, e))
			return false;
	}
	return true;
}

static bool make_targets(struct making *m, struct error *e)
{
	struct file_units *units = m->units;

	units->targets = array_new(units->count + 1, sizeof(*units->targets), e);
	for (size_t i = 0; units->targets && i < units->count; i++) {
		const struct file_unit *unit = &units->units[i];

		units->targets[i] =
			(struct key_target) { .key = unit->key,
					      .rank = unit->rank,
					      .shape = unit->is_tensor ? m->weights->tensors[unit->pieces[0].tensor].shape
								       : unit->shape };
	}
	return units->targets != NULL;
}

/* In the file's order but for those that a weight brings together. */
static bool make_order(struct making *m, struct error *e)
{
	struct file_units *units = m->units;
	bool *taken = array_new(m->weights->count + 1, sizeof(*taken), e);
	size_t count = 0;

	units->order = array_new(m->weights->count + 1, sizeof(*units->order), e);
	for (size_t i = 0; taken && units->order && i < m->weights->count; i++) {
		const struct tensor_uses *uses = &units->uses[i];

		for (size_t j = 0; j < uses->count; j++) {
			const struct file_unit *unit = &units->units[uses->items[j].unit];

			for (size_t k = 0; k < unit->piece_count; k++) {
				size_t tensor = unit->pieces[k].tensor;

				if (!taken[tensor])
					units->order[count++] = tensor;
				taken[tensor] = true;
			}
		}
	}
	free(taken);
	return taken && units->order;
}

bool file_units_make(struct file_units *units, const struct weights *weights, const struct tensor_table *table,
		     const char *metadata, const char *where, struct error *e)
{
	struct making m = { .units = units, .weights = weights, .table = table };
	bool fine;

	*units = (struct file_units) { .uses = array_new(weights->count + 1, sizeof(*units->uses), e) };
	fine = units->uses && sort_names(&m, e) && add_recognised(&m, metadata, where, e) && add_others(&m, e) &&
	       make_targets(&m, e) && make_order(&m, e);
	free(m.by_name);
	return fine;
}

void file_units_end(struct file_units *units)
{
	free(units->units);
	free(units->targets);
	free(units->uses);
	free(units->order);
	*units = (struct file_units) { .count = 0 };
}

/* ---- elements ---- */

void file_unit_put_together(const struct file_unit *unit, size_t piece, size_t element_bytes, const void *tensor, void *whole)
{
	const struct unit_piece *run = &unit->pieces[piece];

	if (unit->transposed)
		layout_transpose(tensor, whole, (size_t)unit->shape[0], (size_t)unit->shape[1], element_bytes);
	else
		memcpy((unsigned char *)whole + run->in_whole * element_bytes,
		       (const unsigned char *)tensor + run->in_tensor * element_bytes, run->count * element_bytes);
}

void file_unit_take_apart(const struct file_unit *unit, size_t piece, size_t element_bytes, const void *whole, void *tensor)
{
	const struct unit_piece *run = &unit->pieces[piece];

	if (unit->transposed)
		layout_transpose(whole, tensor, (size_t)unit->shape[1], (size_t)unit->shape[0], element_bytes);
	else
		memcpy((unsigned char *)tensor + run->in_tensor * element_bytes,
		       (const unsigned char *)whole + run->in_whole * element_bytes, run->count * element_bytes);
}
