/* executor_behave_values.c - stubs that give, add, show and list values.
 *
 * Each does what the "does" of its class in stubs.json says.
 */
#include "tests/conformance/executor_behave.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

/* ---- plain values ---- */

#define MODULUS 1000003

struct py *stub_give_value(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(py_take(stub_argument(call, "value")));
}

struct py *stub_give_v(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(py_take(stub_argument(call, "v")));
}

struct py *stub_give_x(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_result(call, py_take(stub_argument(call, "x")));
}

struct py *stub_give_model(struct prompt_call *call, struct py_raised *raised)
{
	(void)call;
	(void)raised;
	return stub_one(py_text("model"));
}

struct py *stub_give_sum(struct prompt_call *call, struct py_raised *raised)
{
	struct py *sum = stub_add(stub_argument(call, "a"), stub_argument(call, "b"), raised);

	return sum ? stub_result(call, sum) : NULL;
}

struct py *stub_give_mix(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(stub_whole((3 * stub_number(stub_argument(call, "x")) + 5 * stub_number(stub_argument(call, "y")) +
				    7 * stub_number(stub_argument(call, "z"))) %
				   MODULUS));
}

struct py *stub_give_two(struct prompt_call *call, struct py_raised *raised)
{
	int64_t x = stub_number(stub_argument(call, "x"));

	(void)raised;
	return stub_two(stub_whole(x + 1), stub_whole(2 * x % MODULUS));
}

/* The sum of those of a, b and c that are there. */
struct py *stub_give_sum_of_all(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(stub_whole(stub_number(stub_argument(call, "a")) + stub_number(stub_argument(call, "b")) +
				   stub_number(stub_argument(call, "c"))));
}

struct py *stub_refuse_extra(struct prompt_call *call, struct py_raised *raised)
{
	for (size_t i = 0; i < py_count(call->arguments); i++) {
		const char *name = call->arguments->map.pairs[i].key;

		if (strcmp(name, "x") != 0) {
			py_raise(raised, "TypeError", "<lambda>() got an unexpected keyword argument '%s'", name);
			return NULL;
		}
	}
	return stub_give_x(call, raised);
}

struct py *stub_make_counter(struct prompt_call *call, struct py_raised *raised)
{
	uint64_t *count = calloc(1, sizeof(*count));

	(void)call;
	if (!count)
		py_raise_no_memory(raised);
	return count ? py_object("TState", count, free) : NULL;
}

struct py *stub_count_runs(struct prompt_call *call, struct py_raised *raised)
{
	uint64_t *count = call->object->object.pointer;

	(void)raised;
	return stub_one(stub_whole((int64_t)++ * count));
}

/* ---- outputs ---- */

struct py *stub_show_v(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_shows("v", py_to_text(stub_argument(call, "v")));
}

struct py *stub_show_and_give_v(struct prompt_call *call, struct py_raised *raised)
{
	return stub_with(stub_show_v(call, raised), "result", stub_one(py_take(stub_argument(call, "v"))));
}

struct py *stub_show_v_itself(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_shows("v", py_take(stub_argument(call, "v")));
}

struct py *stub_show_x(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_shows("x", py_take(stub_argument(call, "x")));
}

struct py *stub_show_i(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_with(stub_shows("i", py_take(stub_argument(call, "i"))), "result",
			 stub_one(py_take(stub_argument(call, "i"))));
}

struct py *stub_show_a_and_b(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_with(py_map(), "ui",
			 stub_with(stub_with(py_map(), "a", stub_one(py_take(stub_argument(call, "a")))), "b",
				   stub_one(py_take(stub_argument(call, "b")))));
}

struct py *stub_show_nothing(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return call->class->is_v3 ? py_map() : py_list();
}

struct py *stub_show_list(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *values = stub_argument(call, "v");
	struct py *texts = py_list();

	(void)raised;
	for (size_t i = 0; i < py_count(values); i++) {
		if (!py_append(texts, py_to_text(py_at(values, i))))
			return NULL;
	}
	return stub_with(py_map(), "ui", stub_with(py_map(), "v", texts));
}

/* ---- lists ---- */

static struct py *range_to(int64_t end)
{
	struct py *list = py_list();

	for (int64_t i = 0; i < end; i++)
		py_append(list, stub_whole(i));
	return list;
}

struct py *stub_give_range(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(range_to(stub_number(stub_argument(call, "n"))));
}

struct py *stub_give_range_and_n(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_two(range_to(stub_number(stub_argument(call, "n"))), py_take(stub_argument(call, "n")));
}

static int64_t sum_of(const struct py *list)
{
	int64_t sum = 0;

	for (size_t i = 0; i < py_count(list); i++)
		sum += stub_number(py_at(list, i));
	return sum;
}

struct py *stub_give_list_sum(struct prompt_call *call, struct py_raised *raised)
{
	(void)raised;
	return stub_one(stub_whole(sum_of(stub_argument(call, "v")) + 1000 * sum_of(stub_argument(call, "w"))));
}

struct py *stub_give_reversed(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *values = stub_argument(call, "v");
	struct py *list = py_list();

	(void)raised;
	for (size_t i = py_count(values); i > 0; i--)
		py_append(list, py_take(py_at(values, i - 1)));
	return stub_one(list);
}

struct py *stub_give_doubled(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *values = stub_argument(call, "v");
	struct py *list = py_list();

	(void)raised;
	for (size_t i = 0; i < py_count(values); i++)
		py_append(list, stub_whole(2 * stub_number(py_at(values, i))));
	return stub_result(call, list);
}

/* ---- ids and hidden inputs ---- */

struct py *stub_give_id_and_x(struct prompt_call *call, struct py_raised *raised)
{
	struct strbuf text = STRBUF_INIT;
	struct py *made;

	(void)raised;
	py_write_str(&text, call->node_id);
	strbuf_append_char(&text, ':');
	py_write_str(&text, stub_argument(call, "x"));
	made = py_text(strbuf_text(&text));
	strbuf_free(&text);
	return stub_result(call, made);
}

struct py *stub_give_hidden(struct prompt_call *call, struct py_raised *raised)
{
	const struct py *prompt = stub_argument(call, "p");
	struct strbuf text = STRBUF_INIT;
	struct py *made;

	(void)raised;
	for (size_t i = 0; i < py_count(prompt); i++)
		strbuf_printf(&text, "%s%s", i ? "," : "", prompt->map.pairs[i].key);
	strbuf_append_char(&text, '|');
	py_write_str(&text, stub_argument(call, "e"));
	strbuf_append_char(&text, '|');
	py_write_str(&text, stub_argument(call, "x"));
	made = py_text(strbuf_text(&text));
	strbuf_free(&text);
	return stub_one(made);
}

/* ---- gates and progress ---- */

struct py *stub_hold_gate(struct prompt_call *call, struct py_raised *raised)
{
	struct stub_world *world = stub_world_of(call);

	(void)raised;
	if (world->gate)
		world->gate(world->context, stub_argument(call, "name")->text.bytes);
	return stub_one(py_take(stub_argument(call, "v")));
}

struct py *stub_hold_gate_and_listen(struct prompt_call *call, struct py_raised *raised)
{
	struct py *made = stub_hold_gate(call, raised);

	if (!call->interrupted || !*call->interrupted)
		return made;
	py_drop(made);
	return stub_raise_interrupt(call, raised);
}

struct py *stub_report_progress(struct prompt_call *call, struct py_raised *raised)
{
	int64_t n = stub_number(stub_argument(call, "n"));

	for (int64_t i = 1; call->progress && i <= n; i++) {
		if (!call->progress(call->context, (double)i, (double)n, raised))
			return NULL;
	}
	return stub_give_v(call, raised);
}
