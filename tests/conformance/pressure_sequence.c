#include "tests/conformance/pressure_sequence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "tests/conformance/pressure_world.h"

#define REQUEST_MAX 32

/* A step under way: what goes in, what its call returned. */
struct step {
	struct world *world;
	const json_t *in, *out;
	json_t *returned; /* NULL: nothing */
};

static const char *text_of(const struct step *step, const char *key)
{
	return json_string_value(json_object_get(step->in, key));
}

static double number_of(const struct step *step, const char *key, double fallback)
{
	const json_t *value = json_object_get(step->in, key);

	return json_is_number(value) ? json_number_value(value) : fallback;
}

static struct patcher *patcher_named(const struct step *step, struct error *e)
{
	return world_patcher(step->world, text_of(step, "m"), e);
}

static struct device *device_named(const struct step *step, struct error *e)
{
	return world_device(step->world, text_of(step, "dev"), e);
}

/* ---- operations ---- */

static bool read_patchers(const struct step *step, const json_t *names, struct patcher **patchers, size_t *count,
			  struct error *e)
{
	*count = json_array_size(names) < REQUEST_MAX ? json_array_size(names) : REQUEST_MAX;
	for (size_t i = 0; i < *count; i++) {
		patchers[i] = world_patcher(step->world, json_string_value(json_array_get(names, i)), e);
		if (!patchers[i])
			return false;
	}
	return true;
}

/* The order of a request's set is that of addresses, and given; duplicates come after. */
static bool do_load(struct step *step, struct error *e)
{
	struct patcher *patchers[2 * REQUEST_MAX];
	struct load_request request = { .memory_required_bytes = number_of(step, "mem", 0),
					.minimum_bytes = number_of(step, "min", NAN),
					.full = json_is_true(json_object_get(step->in, "ffull")),
					.force_patch = json_is_true(json_object_get(step->in, "fpatch")) };
	size_t ordered;
	size_t asked;

	return read_patchers(step, json_object_get(step->out, "order"), patchers, &ordered, e) &&
	       read_patchers(step, json_object_get(step->in, "m"), patchers + ordered, &asked, e) &&
	       manager_load(step->world->manager, patchers, ordered + asked, &request, e);
}

/* What went is in the last event of the step. */
static bool do_free(struct step *step, struct error *e)
{
	struct device *device = device_named(step, e);
	struct patcher *spared[REQUEST_MAX];
	size_t spared_count;
	const json_t *done;

	if (!device || !read_patchers(step, json_object_get(step->in, "keep"), spared, &spared_count, e) ||
	    !manager_free_memory_sparing(step->world->manager, number_of(step, "mem", 0), device, spared, spared_count, NULL,
					 e))
		return false;
	done = json_array_get(step->world->events, json_array_size(step->world->events) - 1);
	step->returned = json_incref(json_array_get(done, 1));
	return true;
}

static bool do_unload_all(struct step *step, struct error *e)
{
	return manager_unload_all(step->world->manager, e);
}

static bool do_clone(struct step *step, struct error *e)
{
	struct patcher *parent = world_patcher(step->world, text_of(step, "of"), e);
	struct patcher_change change = { .key = text_of(step, "new"), .sampling_shift = NAN };
	struct patcher *clone = parent && change.key ? patcher_clone(parent, &change, e) : NULL;

	if (!clone || !world_add_actor(step->world, change.key, clone, e))
		return false;
	if (text_of(step, "dev"))
		clone->load_device = device_named(step, e);
	return clone->load_device != NULL;
}

static bool wants_parameter(const struct step *step, const char *name)
{
	const json_t *wanted = json_object_get(step->in, "params");

	for (size_t i = 0; i < json_array_size(wanted); i++) {
		if (strcmp(json_string_value(json_array_get(wanted, i)), name) == 0)
			return true;
	}
	return !wanted;
}

/* Layers are counted in the load list, which the first blocks are. */
static bool list_parameters(const struct step *step, const struct model *model, size_t *parameters, size_t *count,
			    struct error *e)
{
	const json_t *layers = json_object_get(step->in, "layers");

	*count = 0;
	for (size_t i = 0; i < json_array_size(layers); i++) {
		size_t layer = (size_t)json_integer_value(json_array_get(layers, i));

		if (layer >= model->block_count)
			return error_set(e, ERROR_FORMAT, "there is no layer %zu", layer);
		for (size_t j = 0; j < model->blocks[layer].parameter_count; j++) {
			size_t parameter = model->blocks[layer].first_parameter + j;

			if (wants_parameter(step, strrchr(model->parameters[parameter].name, '.') + 1))
				parameters[(*count)++] = parameter;
		}
	}
	return true;
}

static bool do_lora(struct step *step, struct error *e)
{
	struct patcher *patcher = patcher_named(step, e);
	struct actor *actor = world_actor(step->world, text_of(step, "m"), e);
	size_t *parameters = patcher ? array_new(patcher_model(patcher)->parameter_count, sizeof(*parameters), e) : NULL;
	size_t count;
	bool fine = parameters && list_parameters(step, patcher_model(patcher), parameters, &count, e) &&
		    patcher_add_patches(patcher, parameters, count, e);

	free(parameters);
	if (!fine)
		return false;
	step->returned = json_integer((json_int_t)count);
	actor->patch_count += patcher->parent.target == NULL && actor->patch_count == 0; /* 0 was its own from the start */
	return world_add_label(step->world, patcher->patches_id, actor->name, actor->patch_count++, e);
}

static bool do_partial_load(struct step *step, struct error *e)
{
	struct patcher *patcher = patcher_named(step, e);
	uint64_t gained_bytes;

	if (!patcher || !place_partially_load(patcher, number_of(step, "extra", 0),
					      json_is_true(json_object_get(step->in, "fpatch")), &gained_bytes, e))
		return false;
	step->returned = json_integer((json_int_t)gained_bytes);
	return true;
}

static bool do_partial_unload(struct step *step, struct error *e)
{
	struct patcher *patcher = patcher_named(step, e);
	uint64_t freed_bytes;

	if (!patcher || !place_partially_unload(patcher, number_of(step, "free", 0), &freed_bytes, e))
		return false;
	step->returned = json_integer((json_int_t)freed_bytes);
	return true;
}

static bool do_more(struct step *step, struct error *e)
{
	struct device *device = device_named(step, e);

	return device && manager_use_more_memory(step->world->manager, number_of(step, "extra", 0), device, e);
}

static bool change_bytes(const struct step *step, double bytes[DEVICE_MAX], struct error *e)
{
	const struct device *device = device_named(step, e);

	if (!device)
		return false;
	bytes[device_index(device)] = number_of(step, "bytes", 0);
	return true;
}

static bool do_other(struct step *step, struct error *e)
{
	return change_bytes(step, step->world->other_bytes, e);
}

static bool do_cached(struct step *step, struct error *e)
{
	return change_bytes(step, step->world->cached_bytes, e);
}

static bool do_state(struct step *step, struct error *e)
{
	if (settings_vram_state_from_name(text_of(step, "v"), &step->world->manager->rules.state))
		return true;
	return error_set(e, ERROR_FORMAT, "state %s is not known", text_of(step, "v"));
}

/* n holders more. */
static bool do_refs(struct step *step, struct error *e)
{
	struct actor *actor = world_actor(step->world, text_of(step, "m"), e);
	int count = (int)number_of(step, "n", 0);

	if (!patcher_named(step, e))
		return false;
	for (int i = 0; i < count; i++) {
		if (!world_add_holder(step->world, actor, e))
			return false;
	}
	return true;
}

static bool do_drop(struct step *step, struct error *e)
{
	struct actor *actor = world_actor(step->world, text_of(step, "m"), e);
	struct patcher *patcher = patcher_named(step, e);
	struct part_model *model;

	if (!patcher)
		return false;
	model = world_model(step->world, patcher_model(patcher)->name);
	if (model && json_is_true(json_object_get(step->in, "keep_inner")))
		reference_set(&model->held, step->world->root, patcher->inner.target, "kept");
	world_let_go(actor);
	return true;
}

static bool do_drop_model(struct step *step, struct error *e)
{
	struct part_model *model = world_model(step->world, text_of(step, "m"));

	if (!model)
		return error_set(e, ERROR_FORMAT, "there is no model %s", text_of(step, "m"));
	reference_drop(&model->held);
	return true;
}

static bool do_used(struct step *step, struct error *e)
{
	struct patcher *patchers[REQUEST_MAX];
	size_t count = manager_loaded_patchers(step->world->manager, json_is_true(json_object_get(step->in, "only")), patchers,
					       REQUEST_MAX);

	(void)e;
	step->returned = json_array();
	for (size_t i = 0; i < count && i < REQUEST_MAX; i++) {
		const char *name = world_name_of(step->world, patchers[i]);

		json_array_append_new(step->returned, name ? json_string(name) : json_null());
	}
	return true;
}

static bool do_query(struct step *step, struct error *e)
{
	const struct patcher *patcher = patcher_named(step, e);
	const struct device *device = device_named(step, e);
	struct patcher *listed[REQUEST_MAX];
	uint64_t offloaded_bytes;
	json_t *offloaded;
	size_t count;

	if (!patcher || !device || !manager_offloaded_bytes(step->world->manager, device, &offloaded_bytes, e))
		return false;
	offloaded = json_object();
	count = manager_loaded_patchers(step->world->manager, false, listed, REQUEST_MAX);
	for (size_t i = 0; i < count && i < REQUEST_MAX; i++) {
		if (listed[i])
			json_object_set_new(offloaded, world_name_of(step->world, listed[i]),
					    json_integer((json_int_t)inner_offloaded_bytes(patcher_inner(listed[i]))));
	}
	step->returned = json_pack("{sIsosI}", "size", (json_int_t)inner_size_bytes(patcher_inner(patcher)), "offl", offloaded,
				   "offmem", (json_int_t)offloaded_bytes);
	return true;
}

static bool do_allocation(struct step *step, struct error *e)
{
	struct patcher *patcher = patcher_named(step, e);
	const json_t *keep = json_object_get(step->in, "keep");

	if (!patcher || !place_set_allocation(patcher_inner(patcher), text_of(step, "s"), 0, e))
		return false;
	if (json_is_boolean(keep)) /* null leaves the flag as it was */
		patcher_inner(patcher)->keep = json_is_true(keep) ? KEEP_YES : KEEP_NO;
	return true;
}

static const struct operation {
	const char *name;
	bool (*run)(struct step *step, struct error *e);
} operations[] = {
	{ "load", do_load },
	{ "free", do_free },
	{ "unload_all", do_unload_all },
	{ "clone", do_clone },
	{ "lora", do_lora },
	{ "pload", do_partial_load },
	{ "punload", do_partial_unload },
	{ "more", do_more },
	{ "other", do_other },
	{ "torch_free", do_cached },
	{ "state", do_state },
	{ "refs", do_refs },
	{ "drop", do_drop },
	{ "gc_inner", do_drop_model },
	{ "used", do_used },
	{ "query", do_query },
	{ "alloc", do_allocation },
};

static bool run_operation(struct step *step, struct error *e)
{
	const char *name = text_of(step, "op");

	for (size_t i = 0; name && i < ARRAY_SIZE(operations); i++) {
		if (strcmp(operations[i].name, name) == 0)
			return operations[i].run(step, e);
	}
	return error_set(e, ERROR_FORMAT, "operation %s is not known", name ? name : "without a name");
}

/* ---- comparison ---- */

/* Numbers by value: 0 is 0.0. */
static bool same(const json_t *a, const json_t *b)
{
	const char *key;
	const json_t *value;

	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_array(a)) {
		for (size_t i = 0; i < json_array_size(a); i++) {
			if (i >= json_array_size(b) || !same(json_array_get(a, i), json_array_get(b, i)))
				return false;
		}
		return json_array_size(a) == json_array_size(b);
	}
	if (!json_is_object(a))
		return json_equal(a, b);
	json_object_foreach((json_t *)(uintptr_t)a, key, value)
	{
		const json_t *other = json_object_get(b, key);

		if (!other || !same(value, other))
			return false;
	}
	return json_object_size(a) == json_object_size(b);
}

static void put_json(struct strbuf *text, const json_t *value)
{
	char *dump = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	strbuf_printf(text, "%.600s", dump ? dump : "nothing");
	free(dump);
}

static bool differ(struct strbuf *why, const char *what, const json_t *found, const json_t *wanted)
{
	strbuf_printf(why, "%s: ", what);
	put_json(why, found);
	strbuf_printf(why, ", not ");
	put_json(why, wanted);
	return false;
}

/* The first event that is not the wanted one. */
static bool check_events(const json_t *found, const json_t *wanted, struct strbuf *why)
{
	size_t i = 0;

	while (i < json_array_size(found) && i < json_array_size(wanted) &&
	       same(json_array_get(found, i), json_array_get(wanted, i)))
		i++;
	if (i == json_array_size(found) && i == json_array_size(wanted))
		return true;
	strbuf_printf(why, "event %zu: ", i);
	return differ(why, "ev", json_array_get(found, i), json_array_get(wanted, i));
}

/* Takes found over. A missing member is as good as an empty one of wanted. */
static bool check(json_t *found, const json_t *out, const char *key, struct strbuf *why)
{
	const json_t *wanted = json_object_get(out, key);
	bool fine = wanted && found ? same(found, wanted) : !wanted && !found;

	if (!fine)
		differ(why, key, found, wanted);
	json_decref(found);
	return fine;
}

/* Exceptions are compared by type. */
static bool check_exception(const struct error *e, const json_t *out, struct strbuf *why)
{
	const char *wanted = json_string_value(json_object_get(out, "exc"));
	const char *found = !error_is_set(e) ? NULL : e->kind == ERROR_DEVICE_MEMORY ? "OutOfMemoryError" : e->text;

	if (!wanted && !found)
		return true;
	if (wanted && found && strncmp(wanted, found, strcspn(wanted, ":")) == 0)
		return true;
	strbuf_printf(why, "exception %s, not %s", found ? found : "none", wanted ? wanted : "none");
	return false;
}

static bool run_step(struct world *world, const json_t *row, struct strbuf *why)
{
	struct step step = { .world = world, .in = json_object_get(row, "in"), .out = json_object_get(row, "out") };
	struct error e = ERROR_INIT;
	bool fine;

	world->events = json_array();
	run_operation(&step, &e);
	fine = check_exception(&e, step.out, why) && check_events(world->events, json_object_get(step.out, "ev"), why) &&
	       check(world_list(world), step.out, "list", why) && check(world_changed_models(world), step.out, "models", why) &&
	       check(world_free_memory(world), step.out, "freemem", why) &&
	       check(json_incref(step.returned), step.out, "ret", why);
	json_decref(step.returned);
	json_decref(world->events);
	world->events = NULL;
	return fine;
}

bool sequence_run(const json_t *sequence, struct strbuf *why)
{
	const json_t *steps = json_object_get(sequence, "steps");
	struct error e = ERROR_INIT;
	struct world world;
	bool fine = world_open(&world, sequence, &e);

	if (!fine)
		strbuf_printf(why, "%s", e.text);
	for (size_t i = 0; fine && i < json_array_size(steps); i++) {
		struct strbuf step = STRBUF_INIT;

		fine = run_step(&world, json_array_get(steps, i), &step);
		if (!fine) {
			strbuf_printf(why, "step %zu ", i);
			put_json(why, json_object_get(json_array_get(steps, i), "in"));
			strbuf_printf(why, ": %s", strbuf_text(&step));
		}
		strbuf_free(&step);
	}
	world_close(&world);
	return fine;
}
