/* executor: prompts run in sequences with each cache, prompts validated, and (events, queue) a server spoken to, against what
 * ComfyUI 0.3.64 did. The node classes are stubs (stubs.json); everything else is the product's. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/workflow/python/py_json.h"
#include "tests/conformance/executor_server.h"

const struct py *executor_member(const struct py *map, const char *key)
{
	const struct py *value = py_get(map, key);

	return value ? value : py_none();
}

static void write_short(struct strbuf *out, const struct py *value)
{
	struct strbuf text = STRBUF_INIT;

	if (value)
		py_json_write(&text, value);
	strbuf_printf(out, "%.200s", value ? strbuf_text(&text) : "nothing");
	strbuf_free(&text);
}

/* Whether the two are the same. If not, where they first differ is written, unless `out` is NULL. */
static bool same(const struct py *a, const struct py *b, struct strbuf *out)
{
	bool fine = a && b && a->kind == b->kind;
	size_t count = fine ? py_count(a) : 0;

	if (fine && a->kind != PY_LIST && a->kind != PY_MAP)
		fine = py_equal(a, b);
	for (size_t i = 0; i < count; i++) {
		const struct py_pair *pair = a->kind == PY_MAP ? &a->map.pairs[i] : NULL;
		const struct py *mine = pair ? pair->value : py_at(a, i);
		const struct py *other = pair ? py_get_n(b, pair->key, pair->length) : i < py_count(b) ? py_at(b, i) : NULL;

		if (same(mine, other, NULL))
			continue;
		if (out && pair)
			strbuf_printf(out, ".%s", pair->key);
		else if (out)
			strbuf_printf(out, "[%zu]", i);
		return out ? same(mine, other, out) : false;
	}
	if (fine && count == py_count(b))
		return true;
	if (out) {
		strbuf_append(out, " is ");
		write_short(out, a);
		strbuf_append(out, ", not ");
		write_short(out, b);
	}
	return false;
}

bool executor_same(const struct py *a, const struct py *b)
{
	return same(a, b, NULL);
}

void executor_compare(struct tally *tally, const struct py *id, const char *what, const struct py *found,
		      const struct py *alternatives)
{
	struct strbuf name = STRBUF_INIT;
	struct strbuf difference = STRBUF_INIT;

	for (size_t i = 0; i < py_count(alternatives); i++) {
		if (executor_same(found, py_at(alternatives, i))) {
			tally_pass(tally);
			return;
		}
	}
	strbuf_printf(&name, "%s %s", id->text.bytes, what);
	if (py_count(alternatives))
		same(found, py_at(alternatives, 0), &difference);
	tally_fail(tally, strbuf_text(&name), "%s", strbuf_text(&difference));
	strbuf_free(&name);
	strbuf_free(&difference);
}

bool executor_rows(const char *folder, const char *name,
		   bool (*each)(void *context, const struct py *row, struct py_raised *raised), void *context,
		   struct py_raised *raised)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *text = part_read(folder, name, &length, &e);
	bool fine = text != NULL;

	if (!text)
		py_raise(raised, "OSError", "%s", e.text);
	for (const char *line = text; fine && line < text + length;) {
		const char *end = memchr(line, '\n', (size_t)(text + length - line));
		size_t size = end ? (size_t)(end - line) : (size_t)(text + length - line);
		struct py *row = py_json_read(line, size, raised);
		struct py *decoded = row ? stub_decode(row) : NULL;

		fine = decoded ? each(context, decoded, raised) : py_is_raised(raised) ? false : py_raise_no_memory(raised);
		py_drop(row);
		py_drop(decoded);
		line += size + 1;
	}
	free(text);
	return fine;
}

static bool read_stubs(const char *folder, struct stub_world *world, struct py_raised *raised)
{
	struct error e = ERROR_INIT;
	size_t length;
	char *text = part_read(folder, "stubs.json", &length, &e);
	struct py *declarations = text ? py_json_read(text, length, raised) : NULL;
	bool fine = declarations && stub_world_init(world, declarations, raised);

	if (!text)
		py_raise(raised, "OSError", "%s", e.text);
	py_drop(declarations);
	free(text);
	return fine;
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	static const struct {
		const char *name;
		bool (*each)(void *context, const struct py *row, struct py_raised *raised);
	} files[] = {
		{ .name = "validation.jsonl.gz", .each = executor_validation },
		{ .name = "cases.jsonl.gz", .each = executor_case },
		{ .name = "events.jsonl.gz", .each = executor_event },
		{ .name = "queue.jsonl.gz", .each = executor_queue },
	};
	struct py_raised raised = PY_RAISED_INIT;
	struct stub_world world;
	struct executor_reader reader = { .world = &world, .tally = tally };
	bool fine = read_stubs(folder, &world, &raised);

	for (size_t i = 0; fine && i < ARRAY_SIZE(files); i++) {
		if (part_has(folder, files[i].name))
			fine = executor_rows(folder, files[i].name, files[i].each, &reader, &raised);
	}
	if (reader.server)
		executor_server_close(reader.server);
	free(reader.server);
	stub_world_free(&world);
	return fine || py_raised_to_error(&raised, e);
}

const struct part part_executor = { .name = "executor", .folder = "executor", .run = run };
