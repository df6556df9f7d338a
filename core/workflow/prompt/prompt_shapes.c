/* prompt_shapes.c - a prompt may hold anything where a map is expected; the server then answers with Python's words. */
#include "core/workflow/prompt/prompt_shapes.h"

#include <string.h>

struct py *prompt_member(const struct py *container, const char *key, struct py_raised *raised)
{
	struct py *value;

	switch (container->kind) {
	case PY_MAP:
		value = py_get(container, key);
		if (!value)
			py_raise_key(raised, key, strlen(key));
		return value;
	case PY_LIST:
		py_raise(raised, "TypeError", "list indices must be integers or slices, not str");
		return NULL;
	case PY_TEXT:
		py_raise(raised, "TypeError", "string indices must be integers, not 'str'");
		return NULL;
	default:
		py_raise(raised, "TypeError", "'%s' object is not subscriptable", py_type(container));
		return NULL;
	}
}

bool prompt_contains(const struct py *container, const struct py *text, struct py_raised *raised)
{
	switch (container->kind) {
	case PY_MAP:
		return py_get_n(container, text->text.bytes, text->text.length) != NULL;
	case PY_TEXT:
		return memmem(container->text.bytes, container->text.length, text->text.bytes, text->text.length) != NULL;
	case PY_LIST:
		for (size_t i = 0; i < py_count(container); i++) {
			if (py_equal(py_at(container, i), text))
				return true;
		}
		return false;
	default:
		return py_raise(raised, "TypeError", "argument of type '%s' is not iterable", py_type(container));
	}
}

bool prompt_contains_word(const struct py *container, const char *word, struct py_raised *raised)
{
	struct py *text = py_text(word);
	bool found = text ? prompt_contains(container, text, raised) : py_raise_no_memory(raised);

	py_drop(text);
	return found;
}

bool prompt_raise_key(struct py_raised *raised, const struct py *key)
{
	struct strbuf repr = STRBUF_INIT;

	if (key->kind == PY_LIST || key->kind == PY_MAP)
		return py_raise(raised, "TypeError", "unhashable type: '%s'", py_type(key));
	py_write_repr(&repr, key);
	if (strbuf_ok(&repr))
		py_raise(raised, "KeyError", "%s", strbuf_text(&repr));
	else
		py_raise_no_memory(raised);
	strbuf_free(&repr);
	return false;
}
