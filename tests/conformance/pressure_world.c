#include "tests/conformance/pressure_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"
#include "core/base/units.h"
#include "tests/conformance/pressure_model.h"

#define ROOM_FOR_ALL "{ \"name\": \"%s\", \"capacity_bytes\": 4503599627370496, \"memory_bytes_per_s\": 1e12 }"
#define LINK "{ \"from\": \"%s\", \"to\": \"%s\", \"bandwidth_bytes_per_s\": 1e12, \"latency_ns\": 0 }"

static const struct object_class root_class = { .name = "sequence" };

/* ---- what is believed of memory ---- */

double world_free_bytes(const struct world *world, unsigned device)
{
	double bytes = world->capacity_bytes[device] - world->other_bytes[device];

	for (const struct part_model *model = world->models; model; model = model->next) {
		const struct inner *inner = (const struct inner *)model->inner.target;

		if (inner)
			bytes -= (double)inner->model->bytes_on[device];
	}
	return bytes;
}

static double view_free(void *context, const struct device *device)
{
	return world_free_bytes(context, device_index(device));
}

static double view_cached(void *context, const struct device *device)
{
	const struct world *world = context;

	return world->cached_bytes[device_index(device)];
}

static double view_total(void *context, const struct device *device)
{
	const struct world *world = context;

	return world->capacity_bytes[device_index(device)];
}

static bool view_admit(void *context, const struct device *device, uint64_t size_bytes, struct error *e)
{
	const struct world *world = context;

	if (!world->out_of_memory || size_bytes == 0 || (double)size_bytes <= world_free_bytes(world, device_index(device)))
		return true;
	return error_set(e, ERROR_DEVICE_MEMORY, "%s is full", device_name(device));
}

static void hear(void *context, const struct trace_event *event)
{
	struct world *world = context;
	json_t *told = world->events ? world_event(world, event) : NULL;

	if (told)
		json_array_append_new(world->events, told);
}

/* ---- the machine ---- */

/* cpu first, then the others as they are named; every pair is linked. */
static size_t device_names(const json_t *capacities, const char **names)
{
	const char *name;
	const json_t *value;
	size_t count = 1;

	names[0] = "cpu";
	json_object_foreach((json_t *)(uintptr_t)capacities, name, value)
	{
		if (strcmp(name, "cpu") != 0 && count < DEVICE_MAX)
			names[count++] = name;
	}
	return count;
}

static bool open_machine(struct world *world, const json_t *capacities, struct error *e)
{
	const char *names[DEVICE_MAX];
	size_t count = device_names(capacities, names);
	struct strbuf text = STRBUF_INIT;
	struct topology *topology;

	strbuf_printf(&text, "{ \"schema\": 1, \"name\": \"sequence\", \"devices\": [");
	for (size_t i = 0; i < count; i++)
		strbuf_printf(&text, "%s" ROOM_FOR_ALL, i ? ", " : "", names[i]);
	strbuf_printf(&text, "], \"links\": [");
	for (size_t i = 0; i < count * count; i++) {
		if (i / count != i % count)
			strbuf_printf(&text, "%s" LINK, i > 1 ? ", " : "", names[i / count], names[i % count]);
	}
	strbuf_printf(&text, "] }");
	topology = topology_parse(strbuf_text(&text), strlen(strbuf_text(&text)), "sequence", e);
	strbuf_free(&text);
	if (topology)
		world->machine = machine_open(topology, &sim_backend, e);
	topology_free(topology);
	return world->machine != NULL;
}

static void read_bytes(const struct world *world, const json_t *object, double bytes[DEVICE_MAX])
{
	for (unsigned i = 0; i < machine_device_count(world->machine); i++)
		bytes[i] = json_number_value(json_object_get(object, device_name(machine_device(world->machine, i))));
}

static bool open_manager(struct world *world, const json_t *cfg, struct error *e)
{
	const json_t *smart = json_object_get(cfg, "smart");
	struct memory_rules rules = { .reserved_bytes = json_number_value(json_object_get(cfg, "reserved")),
				      .weight_share = json_number_value(json_object_get(cfg, "ratio")),
				      .is_smart = !json_is_false(smart) };
	struct memory_view view = { .context = world,
				    .free_bytes = view_free,
				    .cached_bytes = view_cached,
				    .total_bytes = view_total,
				    .admit = view_admit };
	struct manager_options options = { .machine = world->machine,
					   .policy = world->multigpu ? &policy_delegate : &policy_stock,
					   .rules = &rules,
					   .view = &view,
					   .trace = &world->trace };

	if (!settings_vram_state_from_name(json_string_value(json_object_get(cfg, "state")), &rules.state))
		return error_set(e, ERROR_FORMAT, "state of cfg is not known");
	world->trace = (struct manager_trace) { .context = world, .event = hear };
	world->heap = heap_new(e);
	options.heap = world->heap;
	options.load_device = world_device(world, "cuda:0", e);
	options.offload_device = world_device(world, "cpu", e);
	if (!world->heap || !options.load_device || !options.offload_device)
		return false;
	world->root = heap_root(world->heap, &root_class, "sequence", e);
	world->manager = manager_new(&options, e);
	return world->root && world->manager;
}

bool world_open(struct world *world, const json_t *sequence, struct error *e)
{
	const json_t *cfg = json_object_get(sequence, "cfg");
	const json_t *models = json_object_get(sequence, "models");
	const char *name;
	json_t *model;

	*world = (struct world) { .multigpu = json_integer_value(json_object_get(sequence, "mg")) == 1,
				  .out_of_memory = json_is_true(json_object_get(cfg, "oom")) };
	if (!open_machine(world, json_object_get(cfg, "cap"), e))
		return false;
	read_bytes(world, json_object_get(cfg, "cap"), world->capacity_bytes);
	read_bytes(world, json_object_get(cfg, "other"), world->other_bytes);
	read_bytes(world, json_object_get(cfg, "torch_free"), world->cached_bytes);
	if (!open_manager(world, cfg, e))
		return false;
	json_object_foreach((json_t *)(uintptr_t)models, name, model)
	{
		if (!pressure_model_add(world, name, model, e))
			return false;
	}
	return true;
}

static void free_holders(struct actor *actor)
{
	while (actor->holders) {
		struct holder_reference *holder = actor->holders;

		actor->holders = holder->next;
		free(holder);
	}
}

static void close_actors(struct world *world)
{
	while (world->actors) {
		struct actor *actor = world->actors;

		world->actors = actor->next;
		free_holders(actor);
		free(actor->name);
		free(actor);
	}
}

static void close_models(struct world *world)
{
	while (world->models) {
		struct part_model *model = world->models;

		world->models = model->next;
		json_decref(model->told);
		free(model->class_name);
		free(model->name);
		free(model);
	}
}

/* The heap first: what dies tells the manager; references and weak ones are memory of actors and models. */
void world_close(struct world *world)
{
	if (world->manager)
		world->manager->trace = NULL;
	for (struct actor *actor = world->actors; actor; actor = actor->next)
		weak_clear(&actor->patcher);
	for (struct part_model *model = world->models; model; model = model->next)
		weak_clear(&model->inner);
	heap_free(world->heap);
	manager_free(world->manager);
	machine_close(world->machine);
	close_actors(world);
	close_models(world);
	while (world->labels) {
		struct label *label = world->labels;

		world->labels = label->next;
		free(label->text);
		free(label);
	}
}

/* ---- names ---- */

struct actor *world_actor(const struct world *world, const char *name, struct error *e)
{
	struct actor *actor = world->actors;

	while (actor && (!name || strcmp(actor->name, name) != 0))
		actor = actor->next;
	if (!actor)
		error_set(e, ERROR_FORMAT, "there is no model %s", name ? name : "without a name");
	return actor;
}

struct patcher *world_patcher(const struct world *world, const char *name, struct error *e)
{
	struct actor *actor = world_actor(world, name, e);

	if (actor && !actor->variable.target)
		error_set(e, ERROR_FORMAT, "%s was dropped", name);
	return actor ? (struct patcher *)actor->variable.target : NULL;
}

struct device *world_device(const struct world *world, const char *name, struct error *e)
{
	struct device *device = name ? machine_find(world->machine, name) : NULL;

	if (!device)
		error_set(e, ERROR_FORMAT, "there is no device %s", name ? name : "without a name");
	return device;
}

struct part_model *world_model(const struct world *world, const char *name)
{
	struct part_model *model = world->models;

	while (model && strcmp(model->name, name) != 0)
		model = model->next;
	return model;
}

struct actor *world_add_actor(struct world *world, const char *name, struct patcher *patcher, struct error *e)
{
	struct actor *actor = array_new(1, sizeof(*actor), e);

	if (!actor)
		return NULL;
	actor->name = string_copy(name, e);
	actor->next = world->actors;
	world->actors = actor;
	reference_set(&actor->variable, world->root, &patcher->object, "variable");
	weak_set(&actor->patcher, NULL, &patcher->object, "name", NULL);
	return actor->name ? actor : NULL;
}

bool world_add_holder(struct world *world, struct actor *actor, struct error *e)
{
	struct holder_reference *holder = array_new(1, sizeof(*holder), e);

	if (!holder)
		return false;
	holder->next = actor->holders;
	actor->holders = holder;
	reference_set(&holder->reference, world->root, actor->variable.target, "holder");
	return true;
}

void world_let_go(struct actor *actor)
{
	for (struct holder_reference *holder = actor->holders; holder; holder = holder->next)
		reference_drop(&holder->reference);
	reference_drop(&actor->variable);
}

bool world_add_label(struct world *world, uint64_t patches_id, const char *name, unsigned number, struct error *e)
{
	struct label *label = array_new(1, sizeof(*label), e);
	char text[80];

	if (!label)
		return false;
	snprintf(text, sizeof(text), "%s#%u", name, number);
	*label = (struct label) { .next = world->labels, .patches_id = patches_id, .text = string_copy(text, e) };
	world->labels = label;
	return label->text != NULL;
}

const char *world_name_of(const struct world *world, const struct patcher *patcher)
{
	const struct actor *actor = patcher ? world->actors : NULL;

	while (actor && (const struct patcher *)actor->patcher.target != patcher)
		actor = actor->next;
	return actor ? actor->name : NULL;
}
