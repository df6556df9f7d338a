/* executor_behave_flow.c - stubs that ask lazily, say whether they changed, block, raise, wait and validate.
 *
 * Each does what the "does" of its class in stubs.json says.
 */
#include "tests/conformance/executor_behave.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

/* ---- lazy inputs ---- */

static struct py *ask(const char *name)
{
	return name ? stub_one(py_text(name)) : py_list();
}

struct py *stub_ask_v_if_go(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return ask(py_truth(stub_argument(call, "go")) ? "v" : NULL);
}

static const char *switched(const struct prompt_call *call)
{
	return py_truth(stub_argument(call, "cond")) ? "on_true" : "on_false";
}

struct py *stub_ask_switched(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return ask(switched(call));
}

struct py *stub_give_switched(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(py_take(stub_argument(call, switched(call))));
}

static const char *const abc[] = { "a", "b", "c" };

struct py *stub_ask_masked(struct prompt_call *call, struct py_raised *raised)
{
	int64_t mask = stub_number(stub_argument(call, "mask"));
	struct py *names = py_list();

	(void)raised;
	for (size_t i = 0; i < ARRAY_SIZE(abc); i++) {
		if ((mask >> i & 1) && stub_has(call, abc[i]) && stub_is_none(stub_argument(call, abc[i])))
			py_append(names, py_text(abc[i]));
	}
	return names;
}

struct py *stub_ask_in_sequence(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	for (size_t i = 0; i < ARRAY_SIZE(abc); i++) {
		if (stub_has(call, abc[i]) && stub_is_none(stub_argument(call, abc[i])))
			return ask(abc[i]);
	}
	return ask(NULL);
}

struct py *stub_ask_b_if_a(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	if (stub_has(call, "a") && stub_is_none(stub_argument(call, "a")))
		return ask("a");
	return ask(stub_number(stub_argument(call, "a")) > 0 && stub_has(call, "b") && stub_is_none(stub_argument(call, "b"))
			   ? "b"
			   : NULL);
}

struct py *stub_give_100a_plus_b(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(stub_whole(100 * stub_number(stub_argument(call, "a")) + stub_number(stub_argument(call, "b"))));
}

struct py *stub_ask_nope(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return ask("nope");
}

struct py *stub_ask_a(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return ask("a");
}

struct py *stub_ask_without_list(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_none();
}

struct py *stub_ask_raising(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	return stub_raise_value(raised, "lazy boom");
}

struct py *stub_ask_all_none(struct prompt_call *call, struct py_raised *raised)
{
	struct py *names = py_list();

	(void)raised;
	for (size_t i = 0; i < py_count(call->arguments); i++) {
		if (stub_is_none(call->arguments->map.pairs[i].value))
			py_append(names, py_text(call->arguments->map.pairs[i].key));
	}
	return names;
}

struct py *stub_give_a_or_0(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(stub_is_none(stub_argument(call, "a")) ? stub_whole(0) : py_take(stub_argument(call, "a")));
}

struct py *stub_give_a_or_minus_1(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_result(call, stub_is_none(stub_argument(call, "a")) ? stub_whole(-1) : py_take(stub_argument(call, "a")));
}

struct py *stub_give_a(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_result(call, py_take(stub_argument(call, "a")));
}

/* ---- IS_CHANGED ---- */

struct py *stub_changed_same(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_text("same");
}

struct py *stub_changed_nan(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_float((double)NAN);
}

struct py *stub_changed_one_nan(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return py_take(stub_world_of(call)->one_nan);
}

static int64_t next_tick(struct prompt_call *call)
{
	struct py *ticks = stub_world_of(call)->ticks;
	const struct py *before = py_get(ticks, call->node_id->text.bytes);
	int64_t tick = before ? stub_number(before) + 1 : 1;

	py_set(ticks, call->node_id->text.bytes, stub_whole(tick));
	return tick;
}

struct py *stub_changed_tick(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_whole(next_tick(call));
}

struct py *stub_changed_half(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_whole((next_tick(call) + 1) / 2);
}

struct py *stub_changed_raise(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	py_raise(raised, "RuntimeError", "changed boom");
	return NULL;
}

struct py *stub_changed_echo(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return py_take(stub_argument(call, "x"));
}

struct py *stub_changed_list(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return stub_two(stub_whole(1), stub_with(py_map(), "k", stub_two(stub_whole(2), stub_whole(3))));
}

struct py *stub_changed_object(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_object("object", NULL, NULL);
}

struct py *stub_changed_blocker(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_blocker(NULL);
}

struct py *stub_changed_by_mode(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *mode = stub_argument(call, "mode");

	if (py_is_text(mode, "nan"))
		return stub_changed_nan(call, raised);
	if (py_is_text(mode, "tick"))
		return stub_changed_tick(call, raised);
	return py_is_text(mode, "raise") ? stub_changed_raise(call, raised) : stub_changed_same(call, raised);
}

/* ---- blockers and errors ---- */

struct py *stub_block_if(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *message = stub_argument(call, "msg");

	if (!py_truth(stub_argument(call, "block")))
		return stub_give_v(call, raised);
	return stub_one(py_blocker(py_truth(message) ? py_take(message) : NULL));
}

struct py *stub_block_bare(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_blocker(py_text("bare"));
}

struct py *stub_block_second(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_two(py_take(stub_argument(call, "x")), py_blocker(NULL));
}

struct py *stub_block_odd(struct prompt_call *call, struct py_raised *raised)
{
	int64_t n = stub_number(stub_argument(call, "n"));
	struct py *list = py_list();

	(void)raised;
	for (int64_t i = 0; i < n; i++)
		py_append(list, i % 2 ? py_blocker(py_text("odd")) : stub_whole(i));
	return stub_one(list);
}

struct py *stub_block_v3(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return stub_with(py_map(), "block_execution", py_text("v3 block"));
}

struct py *stub_raise_if(struct prompt_call *call, struct py_raised *raised)
{
	if (!py_truth(stub_argument(call, "when")))
		return stub_give_v(call, raised);
	return stub_raise_value(raised, stub_argument(call, "msg")->text.bytes);
}

struct py *stub_raise_at(struct prompt_call *call, struct py_raised *raised)
{
	if (!py_equal(stub_argument(call, "v"), stub_argument(call, "bad")))
		return stub_give_v(call, raised);
	py_raise(raised, "ValueError", "bad %lld", (long long)stub_number(stub_argument(call, "v")));
	return NULL;
}

struct py *stub_raise_interrupt(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	py_raise(raised, PROMPT_INTERRUPT, "%s", "");
	return NULL;
}

struct py *stub_raise_at_birth(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	return stub_raise_value(raised, "init boom");
}

struct py *stub_give_none(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_none();
}

/* ---- async ---- */

static void sleep_ms(struct prompt_call *call)
{
	call->delay_ms = (uint64_t)stub_number(stub_argument(call, "ms"));
	call->suspends = call->delay_ms > 0;
}

struct py *stub_sleep_and_give_v(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	sleep_ms(call);
	return stub_result(call, py_take(stub_argument(call, "v")));
}

struct py *stub_sleep_and_raise(struct prompt_call *call, struct py_raised *raised)
{
	sleep_ms(call);
	return stub_raise_value(raised, "async boom");
}

struct py *stub_sleep_and_show(struct prompt_call *call, struct py_raised *raised)
{
	sleep_ms(call);
	return stub_show_v(call, raised);
}

/* ---- validators ---- */

struct py *stub_valid_under_100(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *x = stub_argument(call, "x");

	(void)raised;
	if (stub_is_none(x) || stub_number(x) < 100)
		return py_bool(true);
	return stub_number(x) < 1000 ? py_text("too big") : py_bool(false);
}

struct py *stub_valid_if_equal(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return py_equal(stub_argument(call, "x"), stub_argument(call, "y")) ? py_bool(true) : py_text("xy");
}

struct py *stub_valid_always(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_bool(true);
}

struct py *stub_valid_never(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return py_bool(false);
}

struct py *stub_valid_types(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *type = py_get(stub_argument(call, "input_types"), "x");

	(void)raised;
	if (!type || py_is_text(type, "INT") || py_is_text(type, "STRING"))
		return py_bool(true);
	return py_text_format("type %s", type->text.bytes);
}

struct py *stub_valid_raise(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	return stub_raise_value(raised, "valid boom");
}

struct py *stub_valid_under_5(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_number(stub_argument(call, "x")) < 5 ? py_bool(true) : py_text("x too big");
}
