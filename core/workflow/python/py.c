/* py.c - values are made, counted and freed.
 *
 * None, the booleans and the NaN of the JSON reader are one value each and never freed, so that threads may share them. A serial
 * number is the identity of a NaN or an object: two NaNs that were made apart are never equal, one that is handed on is.
 */
#include "core/workflow/python/py.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

static struct py none = { .kind = PY_NONE };
static struct py falsehood = { .kind = PY_BOOL, .boolean = false };
static struct py truth = { .kind = PY_BOOL, .boolean = true };
static struct py json_nan = { .kind = PY_FLOAT, .serial = 1, .number = (double)NAN };

uint64_t py_serial_next(void)
{
	static _Atomic uint64_t last = 1;

	return atomic_fetch_add(&last, 1) + 1;
}

/* ---- what is raised ---- */

bool py_raise(struct py_raised *raised, const char *type, const char *format, ...)
{
	va_list arguments;

	if (py_is_raised(raised))
		return false;
	snprintf(raised->type, sizeof(raised->type), "%s", type);
	va_start(arguments, format);
	strbuf_vprintf(&raised->text, format, arguments);
	va_end(arguments);
	raised->no_memory = !strbuf_ok(&raised->text);
	return false;
}

bool py_raise_no_memory(struct py_raised *raised)
{
	if (!py_is_raised(raised))
		snprintf(raised->type, sizeof(raised->type), "MemoryError");
	raised->no_memory = true;
	return false;
}

bool py_raise_key(struct py_raised *raised, const char *key, size_t length)
{
	if (py_is_raised(raised))
		return false;
	snprintf(raised->type, sizeof(raised->type), "KeyError");
	py_write_text_repr(&raised->text, key, length);
	raised->no_memory = !strbuf_ok(&raised->text);
	return false;
}

bool py_is_raised(const struct py_raised *raised)
{
	return raised->no_memory || raised->type[0];
}

void py_raised_clear(struct py_raised *raised)
{
	strbuf_free(&raised->text);
	*raised = (struct py_raised)PY_RAISED_INIT;
}

bool py_raised_to_error(struct py_raised *raised, struct error *e)
{
	if (raised->no_memory)
		error_no_memory(e);
	else
		error_set(e, ERROR_FORMAT, "%s: %s", raised->type, strbuf_text(&raised->text));
	py_raised_clear(raised);
	return false;
}

/* ---- making ---- */

static struct py *make(enum py_kind kind)
{
	struct py *value = array_new(1, sizeof(*value), NULL);

	if (value) {
		value->kind = kind;
		value->references = 1;
	}
	return value;
}

struct py *py_none(void)
{
	return &none;
}

struct py *py_bool(bool value)
{
	return value ? &truth : &falsehood;
}

struct py *py_json_nan(void)
{
	return &json_nan;
}

struct py *py_integer(int64_t value)
{
	struct py *made = make(PY_INTEGER);

	if (made)
		made->integer.small = value;
	return made;
}

/* Without leading zeroes and a plus sign. */
static struct py *make_wide(bool negative, const char *digits, size_t length)
{
	struct py *made = make(PY_INTEGER);

	if (!made)
		return NULL;
	made->integer.wide = malloc(length + negative + 1);
	if (!made->integer.wide) {
		free(made);
		return NULL;
	}
	made->integer.wide[0] = '-';
	memcpy(made->integer.wide + negative, digits, length);
	made->integer.wide[length + negative] = '\0';
	return made;
}

struct py *py_integer_text(const char *digits, size_t length)
{
	bool negative = length && digits[0] == '-';
	uint64_t magnitude = 0;
	bool fits = true;

	if (length && (digits[0] == '-' || digits[0] == '+'))
		digits++, length--;
	while (length > 1 && digits[0] == '0')
		digits++, length--;
	for (size_t i = 0; fits && i < length; i++)
		fits = !__builtin_mul_overflow(magnitude, 10, &magnitude) &&
		       !__builtin_add_overflow(magnitude, (uint64_t)(digits[i] - '0'), &magnitude);
	if (fits && magnitude <= (uint64_t)INT64_MAX)
		return py_integer(negative ? -(int64_t)magnitude : (int64_t)magnitude);
	if (fits && negative && magnitude == (uint64_t)INT64_MAX + 1)
		return py_integer(INT64_MIN);
	return make_wide(negative, digits, length);
}

struct py *py_float(double value)
{
	struct py *made = make(PY_FLOAT);

	if (!made)
		return NULL;
	made->number = value;
	if (isnan(value))
		made->serial = py_serial_next();
	return made;
}

struct py *py_text_n(const char *text, size_t length)
{
	struct py *made = make(PY_TEXT);

	if (!made)
		return NULL;
	made->text.bytes = malloc(length + 1);
	if (!made->text.bytes) {
		free(made);
		return NULL;
	}
	memcpy(made->text.bytes, text, length);
	made->text.bytes[length] = '\0';
	made->text.length = length;
	return made;
}

struct py *py_text(const char *text)
{
	return py_text_n(text, strlen(text));
}

struct py *py_text_format(const char *format, ...)
{
	struct strbuf text = STRBUF_INIT;
	struct py *made = NULL;
	va_list arguments;

	va_start(arguments, format);
	strbuf_vprintf(&text, format, arguments);
	va_end(arguments);
	if (strbuf_ok(&text))
		made = py_text_n(strbuf_text(&text), text.length);
	strbuf_free(&text);
	return made;
}

struct py *py_list(void)
{
	return make(PY_LIST);
}

struct py *py_map(void)
{
	return make(PY_MAP);
}

struct py *py_blocker(struct py *message)
{
	struct py *made = make(PY_BLOCKER);

	if (made)
		made->message = message;
	else
		py_drop(message);
	return made;
}

struct py *py_object(const char *type, void *pointer, void (*release)(void *pointer))
{
	struct py *made = make(PY_OBJECT);

	if (!made)
		return NULL;
	made->object.type = type;
	made->object.pointer = pointer;
	made->object.release = release;
	made->serial = py_serial_next();
	return made;
}

struct py *py_take(const struct py *value)
{
	struct py *taken = (struct py *)(uintptr_t)value;

	if (taken && taken->references)
		taken->references++;
	return taken;
}

static void free_contents(struct py *value)
{
	switch (value->kind) {
	case PY_INTEGER:
		free(value->integer.wide);
		break;
	case PY_TEXT:
		free(value->text.bytes);
		break;
	case PY_LIST:
		for (size_t i = 0; i < value->list.count; i++)
			py_drop(value->list.items[i]);
		free(value->list.items);
		break;
	case PY_MAP:
		for (size_t i = 0; i < value->map.count; i++) {
			free(value->map.pairs[i].key);
			py_drop(value->map.pairs[i].value);
		}
		free(value->map.pairs);
		free(value->map.slots);
		break;
	case PY_BLOCKER:
		py_drop(value->message);
		break;
	case PY_OBJECT:
		if (value->object.release)
			value->object.release(value->object.pointer);
		break;
	default:
		break;
	}
}

void py_drop(struct py *value)
{
	if (!value || !value->references || --value->references)
		return;
	free_contents(value);
	free(value);
}
