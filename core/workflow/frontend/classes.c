/* classes.c - the classes that conversions look up: those built in, or a user's own object_info.
 *
 * The built-in ones are object_info, too: a file a pack, with the members that the rules read, and with members of ours where a pack's
 * JavaScript does more than object_info says ("frontend", "titles", "virtual"). A user's row has ours added where its inputs have the same
 * names, because the JavaScript is then the one that was measured.
 */
#include "core/workflow/frontend/classes.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/embed.h"
#include "core/base/words.h"
#include "core/workflow/frontend/ui_class.h"

extern const struct embedded_file frontend_class_files[];

WORDS_NAME(frontend_version_name, enum frontend_version, FRONTEND_VERSIONS)
WORDS_FROM_NAME(frontend_version_from_name, enum frontend_version, FRONTEND_VERSIONS)

static const char *const own_members[] = { "frontend", "frontend_1.27", "frontend_1.49", "frontend_1.58", "titles", "virtual" };

static bool same_inputs(const struct js_value *a, const struct js_value *b)
{
	static const char *const groups[] = { "required", "optional" };

	for (size_t g = 0; g < ARRAY_SIZE(groups); g++) {
		const struct js_value *mine = js_get(js_get(a, "input"), groups[g]);
		const struct js_value *other = js_get(js_get(b, "input"), groups[g]);

		if (mine->count != other->count)
			return false;
		for (size_t i = 0; mine->type == JS_OBJECT && i < mine->count; i++) {
			if (js_get(other, mine->members[i].key)->type == JS_UNDEFINED)
				return false;
		}
	}
	return true;
}

static bool read_builtin(struct arena *arena, struct js_value *rows, struct error *e)
{
	for (const struct embedded_file *file = frontend_class_files; file->name; file++) {
		const struct js_value *pack = js_parse(arena, file->bytes, embed_length(file), JS_PYTHON, file->name, e);

		if (!pack)
			return false;
		for (size_t i = 0; pack->type == JS_OBJECT && i < pack->count; i++)
			js_put(arena, rows, pack->members[i].key, pack->members[i].value);
	}
	return true;
}

static void add_own_members(struct arena *arena, const struct js_value *builtin, const struct js_value *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		struct js_value *row = rows->members[i].value;
		const struct js_value *known = js_get(builtin, rows->members[i].key);

		if (row->type != JS_OBJECT || known->type != JS_OBJECT || !same_inputs(row, known))
			continue;
		for (size_t m = 0; m < ARRAY_SIZE(own_members); m++) {
			struct js_value *own = js_get(known, own_members[m]);

			if (own->type != JS_UNDEFINED)
				js_put(arena, row, own_members[m], own);
		}
	}
}

static struct frontend_classes *classes_new(struct error *e)
{
	struct frontend_classes *classes = array_new(1, sizeof(*classes), e);

	if (classes)
		classes->rows = &js_undefined;
	return classes;
}

static bool parse(struct frontend_classes *classes, const char *text, size_t length, const char *where, struct error *e)
{
	struct js_value *builtin = js_object(&classes->arena);

	if (!read_builtin(&classes->arena, builtin, e))
		return false;
	if (!text) {
		classes->rows = builtin;
		return true;
	}
	classes->rows = js_parse(&classes->arena, text, length, JS_PYTHON, where, e);
	if (!classes->rows)
		return false;
	if (classes->rows->type != JS_OBJECT)
		return error_set(e, ERROR_FORMAT, "%s: object_info is an object of classes", where);
	add_own_members(&classes->arena, builtin, classes->rows);
	return true;
}

static bool parse_or_escape(struct frontend_classes *classes, const char *text, size_t length, const char *where,
			    struct error *e)
{
	if (setjmp(classes->arena.escape) != 0)
		return error_no_memory(e);
	return parse(classes, text, length, where, e);
}

static struct frontend_classes *make(const char *text, size_t length, const char *where, struct error *e)
{
	struct frontend_classes *classes = classes_new(e);

	if (classes && parse_or_escape(classes, text, length, where, e))
		return classes;
	frontend_classes_free(classes);
	return NULL;
}

struct frontend_classes *frontend_classes_parse(const char *text, size_t length, const char *where, struct error *e)
{
	return make(text, length, where, e);
}

struct frontend_classes *frontend_classes_builtin(struct error *e)
{
	return make(NULL, 0, "the built-in classes", e);
}

void frontend_classes_free(struct frontend_classes *classes)
{
	if (!classes)
		return;
	arena_free(&classes->arena);
	free(classes);
}

size_t frontend_classes_count(const struct frontend_classes *classes)
{
	return classes->rows->count;
}

const struct js_value *ui_class_find(const struct ui_load *load, const char *name)
{
	return js_get(load->request->classes->rows, name);
}
