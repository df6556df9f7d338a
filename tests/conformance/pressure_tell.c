/* pressure_tell.c - what a sequence's step shows: events, the list, models, free memory. */
#include <math.h>
#include <string.h>

#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "tests/conformance/pressure_world.h"

/* ---- ranges of the load list ---- */

static void put_range(struct strbuf *text, size_t first, size_t last)
{
	if (strbuf_text(text)[0])
		strbuf_printf(text, ",");
	if (first == last)
		strbuf_printf(text, "%zu", first);
	else
		strbuf_printf(text, "%zu-%zu", first, last);
}

json_t *world_ranges(const struct inner *inner, bool (*wanted)(const struct inner *inner, size_t block, unsigned value),
		     unsigned value)
{
	struct strbuf text = STRBUF_INIT;
	size_t listed = 0;
	size_t first = SIZE_MAX;
	json_t *result;

	for (size_t i = 0; i < inner->model->block_count; i++) {
		if (inner->model->blocks[i].of_container)
			continue;
		if (wanted(inner, i, value)) {
			first = first == SIZE_MAX ? listed : first;
		} else if (first != SIZE_MAX) {
			put_range(&text, first, listed - 1);
			first = SIZE_MAX;
		}
		listed++;
	}
	if (first != SIZE_MAX)
		put_range(&text, first, listed - 1);
	result = json_string(strbuf_text(&text));
	strbuf_free(&text);
	return result;
}

static bool is_cast(const struct inner *inner, size_t block, unsigned value)
{
	(void)value;
	return inner->cast[block];
}

static bool is_patched(const struct inner *inner, size_t block, unsigned value)
{
	(void)value;
	return inner->model->blocks[block].patched;
}

static bool is_on(const struct inner *inner, size_t block, unsigned device)
{
	return inner->model->blocks[block].device == device;
}

static bool is_planned_on(const struct inner *inner, size_t block, unsigned device)
{
	return inner->device_of[block] == device;
}

/* {device: ranges} for every device that has a block. */
static json_t *ranges_by_device(const struct world *world, const struct inner *inner, bool with_cpu,
				bool (*wanted)(const struct inner *inner, size_t block, unsigned device))
{
	json_t *by_device = json_object();

	for (unsigned i = with_cpu ? 0 : 1; i < machine_device_count(world->machine); i++) {
		json_t *ranges = world_ranges(inner, wanted, i);

		if (json_string_length(ranges))
			json_object_set_new(by_device, device_name(machine_device(world->machine, i)), ranges);
		else
			json_decref(ranges);
	}
	return by_device;
}

/* ---- events ---- */

static json_t *number(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

/* null for a patcher without one: it is gone. */
static json_t *name_of(const struct world *world, const struct patcher *patcher)
{
	const char *name = world_name_of(world, patcher);

	return name ? json_string(name) : json_null();
}

static json_t *tell_rows(const struct world *world, const struct trace_event *event, bool names_only)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < event->row_count; i++) {
		const struct trace_row *row = &event->rows[i];

		if (names_only)
			json_array_append_new(rows, name_of(world, row->patcher));
		else
			json_array_append_new(rows, json_pack("[oIiII]", name_of(world, row->patcher),
							      (json_int_t)row->offloaded_bytes, (int)row->references,
							      (json_int_t)row->size_bytes, (json_int_t)row->index));
	}
	return rows;
}

static json_t *tell_loaded(const struct trace_event *event, json_t *last)
{
	return json_pack("[ffo]", event->wanted_bytes / (double)MIB, event->bytes / (double)MIB, last);
}

static json_t *tell_placed(const struct world *world, const struct trace_event *event)
{
	const struct inner *inner = patcher_inner(event->patcher);

	return json_pack("[oso]", name_of(world, event->patcher), event->text,
			 ranges_by_device(world, inner, true, is_planned_on));
}

/* The members of an event, without its name. */
static json_t *event_members(const struct world *world, const struct trace_event *event)
{
	switch (event->kind) {
	case TRACE_FREE:
		return json_pack("[osoo]", number(event->wanted_bytes), device_name(event->device), number(event->bytes),
				 tell_rows(world, event, false));
	case TRACE_FREE_DONE:
		return json_pack("[o]", tell_rows(world, event, true));
	case TRACE_UNLOAD:
	case TRACE_LOAD_ENTRY:
		return json_pack("[oo]", name_of(world, event->patcher), number(event->wanted_bytes));
	case TRACE_UNLOAD_PART:
		return json_pack("[oof]", name_of(world, event->patcher), number(event->wanted_bytes), event->bytes);
	case TRACE_UNLOAD_DONE:
		return json_pack("[b]", event->yes);
	case TRACE_DETACH:
		return json_pack("[ob]", name_of(world, event->patcher), event->yes);
	case TRACE_LOAD_PART:
		return world->multigpu ? json_pack("[obb]", name_of(world, event->patcher), event->whole, event->yes) : NULL;
	case TRACE_LOAD:
		return json_pack("[ofb]", name_of(world, event->patcher), event->wanted_bytes, event->whole);
	case TRACE_LOADED_WHOLE:
		return tell_loaded(event, json_boolean(event->whole));
	case TRACE_LOADED_PART:
		return tell_loaded(event, json_integer((json_int_t)event->count));
	case TRACE_UNLOADED:
		return json_pack("[I]", (json_int_t)event->count);
	case TRACE_LEAK:
	case TRACE_LEAK_STAYS:
		return json_pack("[s]", event->inner->model->class_name);
	case TRACE_SOFT_EMPTY:
	case TRACE_SOFT_EMPTY_ALL:
		return json_array();
	case TRACE_OUT_OF_MEMORY:
		return json_pack("[ff]", event->wanted_bytes, event->bytes);
	case TRACE_FRACTIONS:
		return json_pack("[s]", event->text);
	case TRACE_PLACED:
		return tell_placed(world, event);
	case TRACE_KIND_COUNT:
		break;
	}
	return NULL;
}

json_t *world_event(const struct world *world, const struct trace_event *event)
{
	json_t *members = event_members(world, event);

	if (members)
		json_array_insert_new(members, 0, json_string(trace_kind_name(event->kind)));
	return members;
}

/* ---- the list, models, free memory ---- */

json_t *world_list(const struct world *world)
{
	const struct manager *m = world->manager;
	json_t *list = json_array();

	for (size_t i = 0; i < m->list_count; i++) {
		const struct entry *entry = m->list[i];
		const struct patcher *patcher = entry_patcher(entry);

		if (patcher)
			json_array_append_new(list, json_pack("[osiII]", name_of(world, patcher), device_name(entry->device),
							      (int)entry->currently_used,
							      (json_int_t)patcher_inner(patcher)->loaded_bytes,
							      (json_int_t)inner_offloaded_bytes(patcher_inner(patcher))));
		else
			json_array_append_new(list,
					      json_pack("[nsinn]", device_name(entry->device), (int)entry->currently_used));
	}
	return list;
}

json_t *world_free_memory(const struct world *world)
{
	json_t *free_memory = json_object();

	for (unsigned i = 1; i < machine_device_count(world->machine); i++)
		json_object_set_new(free_memory, device_name(machine_device(world->machine, i)),
				    json_real(world_free_bytes(world, i)));
	return free_memory;
}

static bool has_patcher(const struct inner *inner)
{
	for (const struct reference *in = inner->object.in; in; in = in->in_next) {
		if (in->owner->class == &patcher_class)
			return true;
	}
	return false;
}

static json_t *tell_label(const struct world *world, uint64_t patches_id)
{
	const struct label *label = world->labels;

	while (label && label->patches_id != patches_id)
		label = label->next;
	return label ? json_string(label->text) : json_null();
}

static json_t *tell_bytes(const struct world *world, const struct model *model)
{
	json_t *bytes = json_object();

	for (unsigned i = 1; i < machine_device_count(world->machine); i++) {
		if (model->bytes_on[i])
			json_object_set_new(bytes, device_name(machine_device(world->machine, i)),
					    json_integer((json_int_t)model->bytes_on[i]));
	}
	return bytes;
}

static json_t *tell_model(const struct world *world, const struct inner *inner)
{
	json_t *state;

	if (!inner)
		return json_null();
	state = json_pack("{sssIsb}", "dev", device_name(inner->reported_device), "loaded", (json_int_t)inner->loaded_bytes,
			  "lv", inner->is_partial);
	if (!has_patcher(inner)) {
		json_object_set_new(state, "nopatcher", json_true());
		return state;
	}
	json_object_set_new(state, "npatch", json_integer((json_int_t)inner->function_count));
	json_object_set_new(state, "uuid", tell_label(world, inner->patches_id));
	json_object_set_new(state, "bk", json_integer((json_int_t)inner->backup_count));
	json_object_set_new(state, "at", ranges_by_device(world, inner, false, is_on));
	json_object_set_new(state, "cast", world_ranges(inner, is_cast, 0));
	json_object_set_new(state, "pat", world_ranges(inner, is_patched, 0));
	json_object_set_new(state, "bytes", tell_bytes(world, inner->model));
	return state;
}

json_t *world_changed_models(struct world *world)
{
	json_t *changed = json_object();

	for (struct part_model *model = world->models; model; model = model->next) {
		json_t *state = tell_model(world, (const struct inner *)model->inner.target);

		if (!model->told || !json_equal(model->told, state))
			json_object_set(changed, model->name, state);
		json_decref(model->told);
		model->told = state;
	}
	return changed;
}
