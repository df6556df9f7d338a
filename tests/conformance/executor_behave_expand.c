/* executor_behave_expand.c - stubs that become graphs of other stubs.
 *
 * Each does what the "does" of its class in stubs.json says.
 */
#include "tests/conformance/executor_behave.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

/* ---- expansion ---- */

/* "<id>.<list index>.0.<number>" */
static struct py *child_id(const struct prompt_call *call, int64_t which)
{
	return py_text_format("%s.%lld.0.%lld", call->node_id->text.bytes, (long long)(call->index < 0 ? 0 : call->index),
			      (long long)which);
}

static struct py *link_to(struct py *id)
{
	return stub_two(id, stub_whole(0));
}

static struct py *child_link(const struct prompt_call *call, int64_t which)
{
	return link_to(child_id(call, which));
}

/* {class_type, inputs} */
static struct py *node_of(const char *class_type, struct py *inputs)
{
	return stub_with(stub_with(py_map(), "class_type", py_text(class_type)), "inputs", inputs);
}

static struct py *inputs_of(const char *first, struct py *first_value, const char *second, struct py *second_value)
{
	struct py *inputs = stub_with(py_map(), first, first_value);

	return second ? stub_with(inputs, second, second_value) : inputs;
}

/* Adds a child. Takes the node over. */
static struct py *with_child(struct py *graph, const struct prompt_call *call, int64_t which, struct py *node)
{
	struct py *id = child_id(call, which);

	graph = id ? stub_with(graph, id->text.bytes, node) : NULL;
	py_drop(id);
	return graph;
}

/* {"expand": graph, "result": [value]} */
static struct py *expansion(struct py *graph, struct py *value)
{
	return stub_with(stub_with(py_map(), "expand", graph), "result", stub_one(value));
}

struct py *stub_expand_sum(struct prompt_call *call, struct py_raised *raised)
{
	int64_t n = stub_number(stub_argument(call, "n"));
	struct py *graph = with_child(py_map(), call, 1,
				      node_of("TConst", inputs_of("value", py_take(stub_argument(call, "v")), NULL, NULL)));

	(void)raised;
	for (int64_t i = 1; i <= n; i++)
		graph = with_child(graph, call, i + 1,
				   node_of("TAdd", inputs_of("a", child_link(call, i), "b", stub_whole(i))));
	return expansion(graph, child_link(call, n < 0 ? 1 : n + 1));
}

struct py *stub_expand_loop(struct prompt_call *call, struct py_raised *raised)
{
	int64_t n = stub_number(stub_argument(call, "n"));
	struct py *graph;

	if (n <= 0)
		return stub_give_v(call, raised);
	graph = with_child(py_map(), call, 1,
			   node_of("TAdd", inputs_of("a", py_take(stub_argument(call, "v")), "b", stub_whole(1))));
	graph = with_child(graph, call, 2, node_of("TExpandLoop", inputs_of("v", child_link(call, 1), "n", stub_whole(n - 1))));
	return expansion(graph, child_link(call, 2));
}

static struct py *const_and_out(const struct prompt_call *call)
{
	struct py *graph = with_child(py_map(), call, 1,
				      node_of("TConst", inputs_of("value", py_take(stub_argument(call, "v")), NULL, NULL)));

	return with_child(graph, call, 2, node_of("TOut", inputs_of("v", child_link(call, 1), NULL, NULL)));
}

struct py *stub_expand_out(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return expansion(const_and_out(call), stub_whole(10 * stub_number(stub_argument(call, "v"))));
}

struct py *stub_expand_displayed(struct prompt_call *call, struct py_raised *raised)
{
	struct py *graph = const_and_out(call);

	(void)raised;
	py_set(graph->map.pairs[1].value, "override_display_id", py_text("99"));
	return expansion(graph, child_link(call, 1));
}

static struct py *expand_add(struct prompt_call *call, struct py *a, struct py *b)
{
	return expansion(with_child(py_map(), call, 1, node_of("TAdd", inputs_of("a", a, "b", b))), child_link(call, 1));
}

struct py *stub_expand_even(struct prompt_call *call, struct py_raised *raised)
{
	if (stub_number(stub_argument(call, "v")) % 2)
		return stub_give_v(call, raised);
	return expand_add(call, py_take(stub_argument(call, "v")), stub_whole(100));
}

struct py *stub_expand_self(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return expand_add(call, link_to(py_take(call->node_id)), stub_whole(1));
}

struct py *stub_expand_raw(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return expand_add(call, py_take(stub_argument(call, "src")), py_take(stub_argument(call, "b")));
}

struct py *stub_expand_plus_7(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return expand_add(call, py_take(stub_argument(call, "v")), stub_whole(7));
}

struct py *stub_expand_fixed(struct prompt_call *call, struct py_raised *raised)
{
	struct py *graph = stub_with(py_map(), "dup",
				     node_of("TConst", inputs_of("value", py_take(stub_argument(call, "v")), NULL, NULL)));

	(void)raised;
	return expansion(graph, link_to(py_text("dup")));
}

struct py *stub_expand_blocked(struct prompt_call *call, struct py_raised *raised)
{
	struct py *graph =
		with_child(py_map(), call, 1, node_of("TOut", inputs_of("v", py_take(stub_argument(call, "v")), NULL, NULL)));

	(void)raised;
	return stub_with(stub_with(py_map(), "expand", graph), "result", py_blocker(NULL));
}

struct py *stub_expand_unknown(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return expansion(stub_with(py_map(), "zz", node_of("NoSuchClass", py_map())), link_to(py_text("zz")));
}

struct py *stub_expand_missing(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return expansion(py_map(), link_to(py_text("nonode")));
}

struct py *stub_expand_raising(struct prompt_call *call, struct py_raised *raised)
{
	struct py *inputs = inputs_of("v", py_take(stub_argument(call, "v")), "when", py_bool(true));

	(void)raised;
	inputs = stub_with(inputs, "msg", py_text("inner"));
	return expansion(with_child(py_map(), call, 1, node_of("TRaise", inputs)), child_link(call, 1));
}

struct py *stub_expand_and_show(struct prompt_call *call, struct py_raised *raised)
{
	struct py *graph = with_child(py_map(), call, 1,
				      node_of("TConst", inputs_of("value", py_take(stub_argument(call, "v")), NULL, NULL)));

	(void)raised;
	return stub_with(expansion(graph, child_link(call, 1)), "ui",
			 stub_with(py_map(), "note", stub_one(py_take(stub_argument(call, "v")))));
}

struct py *stub_give_raw_link(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(py_to_text(stub_argument(call, "src")));
}
