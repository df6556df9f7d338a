/* py_text.c - str(), repr() and the text of a cache key.
 *
 * A float is written with the fewest digits that read back as itself, and with an exponent where Python would: below 1e-4 and from
 * 1e16. A key writes numbers by value, so that 1, true and 1.0 have one text; a whole float is written as its digits.
 */
#include "core/workflow/python/py.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/workflow/python/py_unicode.h"

/* ---- numbers ---- */

/* Digits without a point, and the exponent of the first. */
static void shortest(double number, char digits[24], int *exponent)
{
	char text[40];
	size_t count = 0;

	for (int precision = 0; precision < 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, number);
		if (strtod(text, NULL) == number)
			break;
	}
	for (const char *p = text; *p != 'e'; p++) {
		if (*p != '.')
			digits[count++] = *p;
	}
	digits[count] = '\0';
	*exponent = atoi(strchr(text, 'e') + 1);
}

static void write_exponent_form(struct strbuf *out, const char *digits, int exponent)
{
	strbuf_append_char(out, digits[0]);
	if (digits[1])
		strbuf_printf(out, ".%s", digits + 1);
	strbuf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

static void write_plain_form(struct strbuf *out, const char *digits, int exponent)
{
	int count = (int)strlen(digits);

	if (exponent < 0) {
		strbuf_printf(out, "0.%.*s%s", -exponent - 1, "0000", digits);
		return;
	}
	for (int i = 0; i <= exponent; i++)
		strbuf_append_char(out, i < count ? digits[i] : '0');
	strbuf_printf(out, ".%s", count > exponent + 1 ? digits + exponent + 1 : "0");
}

void py_write_float(struct strbuf *out, double number)
{
	char digits[24];
	int exponent;

	if (isnan(number)) {
		strbuf_append(out, "nan");
		return;
	}
	if (signbit(number))
		strbuf_append_char(out, '-');
	if (isinf(number)) {
		strbuf_append(out, "inf");
		return;
	}
	shortest(fabs(number), digits, &exponent);
	if (exponent < -4 || exponent >= 16)
		write_exponent_form(out, digits, exponent);
	else
		write_plain_form(out, digits, exponent);
}

void py_write_integer(struct strbuf *out, const struct py *value)
{
	if (value->integer.wide)
		strbuf_append(out, value->integer.wide);
	else
		strbuf_printf(out, "%lld", (long long)value->integer.small);
}

/* ---- text ---- */

static void write_escaped(struct strbuf *out, uint32_t point, char quote)
{
	char bytes[4];

	if (point == '\n')
		strbuf_append(out, "\\n");
	else if (point == '\r')
		strbuf_append(out, "\\r");
	else if (point == '\t')
		strbuf_append(out, "\\t");
	else if (point == '\\' || point == (uint32_t)quote)
		strbuf_printf(out, "\\%c", (char)point);
	else if (py_unicode_is_printable(point))
		strbuf_append_n(out, bytes, py_unicode_encode(point, bytes));
	else if (point < 0x100)
		strbuf_printf(out, "\\x%02x", point);
	else if (point < 0x10000)
		strbuf_printf(out, "\\u%04x", point);
	else
		strbuf_printf(out, "\\U%08x", point);
}

void py_write_text_repr(struct strbuf *out, const char *text, size_t length)
{
	char quote = memchr(text, '\'', length) && !memchr(text, '"', length) ? '"' : '\'';

	strbuf_append_char(out, quote);
	for (size_t at = 0; at < length;)
		write_escaped(out, py_unicode_next(text, length, &at), quote);
	strbuf_append_char(out, quote);
}

/* ---- values ---- */

static void write_list(struct strbuf *out, const struct py *list)
{
	strbuf_append_char(out, '[');
	for (size_t i = 0; i < list->list.count; i++) {
		strbuf_append(out, i ? ", " : "");
		py_write_repr(out, py_at(list, i));
	}
	strbuf_append_char(out, ']');
}

static void write_map(struct strbuf *out, const struct py *map)
{
	strbuf_append_char(out, '{');
	for (size_t i = 0; i < map->map.count; i++) {
		strbuf_append(out, i ? ", " : "");
		py_write_text_repr(out, map->map.pairs[i].key, map->map.pairs[i].length);
		strbuf_append(out, ": ");
		py_write_repr(out, map->map.pairs[i].value);
	}
	strbuf_append_char(out, '}');
}

void py_write_repr(struct strbuf *out, const struct py *value)
{
	switch (value->kind) {
	case PY_NONE:
		strbuf_append(out, "None");
		break;
	case PY_BOOL:
		strbuf_append(out, value->boolean ? "True" : "False");
		break;
	case PY_INTEGER:
		py_write_integer(out, value);
		break;
	case PY_FLOAT:
		py_write_float(out, value->number);
		break;
	case PY_TEXT:
		py_write_text_repr(out, value->text.bytes, value->text.length);
		break;
	case PY_LIST:
		write_list(out, value);
		break;
	case PY_MAP:
		write_map(out, value);
		break;
	default:
		strbuf_printf(out, "<%s object>", py_type(value));
	}
}

void py_write_str(struct strbuf *out, const struct py *value)
{
	if (value->kind == PY_TEXT)
		strbuf_append_n(out, value->text.bytes, value->text.length);
	else
		py_write_repr(out, value);
}

/* ---- keys ---- */

static void write_number_key(struct strbuf *out, const struct py *value)
{
	double number = py_number_value(value);

	if (value->kind == PY_INTEGER)
		py_write_integer(out, value);
	else if (isnan(number))
		strbuf_printf(out, "n%llu", (unsigned long long)value->serial);
	else if (isinf(number) || floor(number) != number)
		strbuf_printf(out, "%.17g", number);
	else
		strbuf_printf(out, "%.0f", number == 0 ? 0.0 : number);
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp((*(const struct py_pair *const *)a)->key, (*(const struct py_pair *const *)b)->key);
}

static void write_map_key(struct strbuf *out, const struct py *map)
{
	const struct py_pair **sorted = malloc((map->map.count + 1) * sizeof(struct py_pair *));

	if (!sorted) {
		out->failed = true;
		return;
	}
	for (size_t i = 0; i < map->map.count; i++)
		sorted[i] = &map->map.pairs[i];
	if (map->map.count)
		qsort(sorted, map->map.count, sizeof(*sorted), compare_pairs);
	strbuf_append_char(out, '{');
	for (size_t i = 0; i < map->map.count; i++) {
		strbuf_printf(out, "%zu:", sorted[i]->length);
		strbuf_append_n(out, sorted[i]->key, sorted[i]->length);
		py_write_key(out, sorted[i]->value);
	}
	strbuf_append_char(out, '}');
	free(sorted);
}

void py_write_key(struct strbuf *out, const struct py *value)
{
	if (py_is_number(value)) {
		strbuf_append_char(out, '#');
		write_number_key(out, value);
		strbuf_append_char(out, ';');
		return;
	}
	if (value->kind == PY_TEXT) {
		strbuf_printf(out, "\"%zu:", value->text.length);
		strbuf_append_n(out, value->text.bytes, value->text.length);
		return;
	}
	if (value->kind == PY_NONE) {
		strbuf_append(out, "N;");
		return;
	}
	if (value->kind == PY_MAP && value->map.count) {
		write_map_key(out, value);
		return;
	}
	if (value->kind == PY_LIST || value->kind == PY_MAP) { /* an empty map and an empty list are both the empty set */
		strbuf_append_char(out, '[');
		for (size_t i = 0; i < py_count(value); i++)
			py_write_key(out, py_at(value, i));
		strbuf_append_char(out, ']');
		return;
	}
	strbuf_printf(out, "o%llu;",
		      (unsigned long long)py_serial_next()); /* upstream makes a NaN of it, a new one each time */
}
