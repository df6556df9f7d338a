/* executor_stubs.c - the world of the stubs: every call is noted before the behaviour of that name answers it. */
#include "tests/conformance/executor_stubs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

/* ---- the data's words ---- */

static struct py *one_member(const char *key, struct py *value)
{
	struct py *map = py_map();

	if (py_set(map, key, value))
		return map;
	py_drop(map);
	return NULL;
}

static struct py *map_items(const struct py *value, struct py *(*each)(const struct py *))
{
	struct py *made = value->kind == PY_LIST ? py_list() : py_map();

	for (size_t i = 0; made && i < py_count(value); i++) {
		bool fine = value->kind == PY_LIST ? py_append(made, each(py_at(value, i)))
						   : py_set_n(made, value->map.pairs[i].key, value->map.pairs[i].length,
							      each(value->map.pairs[i].value));

		if (!fine) {
			py_drop(made);
			made = NULL;
		}
	}
	return made;
}

struct py *stub_encode(const struct py *value)
{
	if (value->kind == PY_LIST || value->kind == PY_MAP)
		return map_items(value, stub_encode);
	if (value->kind == PY_BLOCKER)
		return one_member("__blocker__", value->message ? py_take(value->message) : py_none());
	if (value->kind == PY_FLOAT && isnan(value->number))
		return one_member("__nan__", py_integer(1));
	if (value->kind == PY_FLOAT && isinf(value->number))
		return one_member("__inf__", py_integer(value->number > 0 ? 1 : -1));
	return py_take(value);
}

struct py *stub_decode(const struct py *value)
{
	const struct py *infinite = py_get(value, "__inf__");

	if (py_count(value) == 1 && py_get(value, "__nan__"))
		return py_float((double)NAN);
	if (py_count(value) == 1 && infinite)
		return py_float((double)py_integer_value(infinite) * (double)INFINITY);
	return value->kind == PY_LIST || value->kind == PY_MAP ? map_items(value, stub_decode) : py_take(value);
}

/* ---- calls ---- */

struct stub_world *stub_world_of(const struct prompt_call *call)
{
	return ((const struct stub_use *)call->class->context)->world;
}

static const struct prompt_code *behaviour_of(const struct prompt_call *call)
{
	return &((const struct stub_use *)call->class->context)->stub->code;
}

/* [what, node, index, arguments]; the entry is borrowed. */
static struct py *note(struct prompt_call *call, const char *what, struct py_raised *raised)
{
	struct stub_world *world = stub_world_of(call);
	struct py *entry = py_list();
	bool fine = py_append(entry, py_text(what));

	fine = py_append(entry, py_take(call->node_id)) && fine;
	fine = py_append(entry, call->index < 0 ? py_none() : py_integer(call->index)) && fine;
	if (world->with_arguments)
		fine = py_append(entry, stub_encode(call->arguments)) && fine;
	if (fine && py_append(world->calls, py_take(entry)))
		py_drop(entry); /* the list holds it */
	else
		py_raise_no_memory(raised);
	return py_is_raised(raised) ? NULL : entry;
}

static struct py *construct(struct prompt_call *call, struct py_raised *raised)
{
	const struct prompt_code *code = behaviour_of(call);

	return code->construct ? code->construct(call, raised) : py_object(call->class->name, NULL, NULL);
}

/* A call without any argument fails at the first that the function looks at. */
static bool has_required(const struct prompt_call *call, struct py_raised *raised)
{
	for (size_t i = 0; call->index < 0 && i < call->class->input_count; i++) {
		const struct prompt_input *input = &call->class->inputs[i];

		if (input->is_required && !py_get(call->arguments, input->name))
			return py_raise_key(raised, input->name, strlen(input->name));
	}
	return true;
}

static void forget_last(struct stub_world *world)
{
	py_drop(world->calls->list.items[--world->calls->list.count]);
}

static struct py *run(struct prompt_call *call, struct py_raised *raised)
{
	const struct prompt_code *code = behaviour_of(call);
	struct py *made;

	if (!note(call, "run", raised) || !has_required(call, raised))
		return NULL;
	made = code->run(call, raised);
	/* a wrong argument is refused before the function is entered */
	if (!made && strstr(strbuf_text(&raised->text), "unexpected keyword argument"))
		forget_last(stub_world_of(call));
	return made;
}

static struct py *check_lazy(struct prompt_call *call, struct py_raised *raised)
{
	struct py *entry = note(call, "lazy", raised);
	struct py *asked = entry ? behaviour_of(call)->check_lazy(call, raised) : NULL;

	if (entry && !asked) /* it is noted with what it asks for */
		forget_last(stub_world_of(call));
	if (asked && stub_world_of(call)->with_arguments && !py_append(entry, py_take(asked)))
		py_raise_no_memory(raised);
	return asked;
}

static struct py *is_changed(struct prompt_call *call, struct py_raised *raised)
{
	return note(call, "changed", raised) ? behaviour_of(call)->is_changed(call, raised) : NULL;
}

static struct py *validate(struct prompt_call *call, struct py_raised *raised)
{
	return note(call, "valid", raised) ? behaviour_of(call)->validate(call, raised) : NULL;
}

static const struct prompt_code noted = {
	.construct = construct,
	.run = run,
	.check_lazy = check_lazy,
	.is_changed = is_changed,
	.validate = validate,
};

/* ---- the world ---- */

bool stub_world_init(struct stub_world *world, const struct py *declarations, struct py_raised *raised)
{
	*world = (struct stub_world) { .one_nan = py_float((double)NAN) };
	if (!prompt_classes_read(&world->classes, declarations, raised))
		return false;
	world->uses = array_new(world->classes.count, sizeof(*world->uses), NULL);
	if (!world->uses || !world->one_nan || !stub_world_begin(world, false))
		return py_raise_no_memory(raised);
	for (size_t i = 0; i < world->classes.count; i++) {
		struct prompt_class *class = &world->classes.items[i];

		world->uses[i] = (struct stub_use) { .world = world, .stub = stub_find(class->name) };
		if (!world->uses[i].stub)
			return py_raise(raised, "LookupError", "no behaviour for class %s", class->name);
		class->code = &noted;
		class->context = &world->uses[i];
	}
	return true;
}

void stub_world_free(struct stub_world *world)
{
	prompt_classes_free(&world->classes);
	free(world->uses);
	py_drop(world->calls);
	py_drop(world->ticks);
	py_drop(world->one_nan);
}

bool stub_world_clear_calls(struct stub_world *world)
{
	py_drop(world->calls);
	world->calls = py_list();
	return world->calls != NULL;
}

bool stub_world_begin(struct stub_world *world, bool with_arguments)
{
	py_drop(world->ticks);
	world->ticks = py_map();
	world->with_arguments = with_arguments;
	return world->ticks && stub_world_clear_calls(world);
}
