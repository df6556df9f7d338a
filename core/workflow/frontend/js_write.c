/* js_write.c - values as JSON, numbers as JavaScript writes them.
 *
 * A number has the fewest digits that read back as the same double. JavaScript writes it plainly from 1e-6 to below 1e21, with zeros
 * after the digits where it is larger than they say, and with an exponent elsewhere.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/workflow/frontend/js_value.h"

#define DIGITS_MAX 17 /* always enough for a double */

/* The shortest digits, and the place of the point after them: 0.25 is "25" and 0. Returns how many digits. */
static int shortest_digits(double number, char digits[DIGITS_MAX + 1], int *point)
{
	char text[40];
	int count = 0;
	int precision = 1;

	do {
		snprintf(text, sizeof(text), "%.*e", precision - 1, number);
	} while (precision++ < DIGITS_MAX && strtod(text, NULL) != number);
	for (const char *p = text; *p && *p != 'e'; p++) {
		if (*p >= '0' && *p <= '9')
			digits[count++] = *p;
	}
	*point = atoi(strchr(text, 'e') + 1) + 1;
	while (count > 1 && digits[count - 1] == '0')
		count--;
	digits[count] = '\0';
	return count;
}

static void plain_text(const char *digits, int count, int point, char *text, size_t size_bytes)
{
	if (point > 21 || point < -5)
		snprintf(text, size_bytes, "%c%s%se%+d", digits[0], count > 1 ? "." : "", digits + 1, point - 1);
	else if (point <= 0)
		snprintf(text, size_bytes, "0.%.*s%s", -point, "000000", digits);
	else if (count <= point)
		snprintf(text, size_bytes, "%s%.*s", digits, point - count, "000000000000000000000");
	else
		snprintf(text, size_bytes, "%.*s.%s", point, digits, digits + point);
}

void js_number_text(double number, char text[JS_NUMBER_TEXT_MAX])
{
	char digits[DIGITS_MAX + 1];
	int count;
	int point;

	if (!isfinite(number)) {
		snprintf(text, JS_NUMBER_TEXT_MAX, "%s", isnan(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
		return;
	}
	if (number == 0) {
		snprintf(text, JS_NUMBER_TEXT_MAX, "0");
		return;
	}
	if (number < 0)
		*text++ = '-';
	count = shortest_digits(fabs(number), digits, &point);
	plain_text(digits, count, point, text, JS_NUMBER_TEXT_MAX - 1);
}

/* Bytes of a lone surrogate (a three-byte form that UTF-8 does not have). */
static bool is_surrogate(const unsigned char *p, size_t left)
{
	return left >= 3 && p[0] == 0xed && p[1] >= 0xa0;
}

static void write_text(const char *text, size_t length, struct strbuf *out)
{
	static const char escaped[] = "\"\\\b\f\n\r\t";
	static const char letters[] = "\"\\bfnrt";

	strbuf_append_char(out, '"');
	for (size_t i = 0; i < length; i++) {
		const unsigned char *p = (const unsigned char *)text + i;
		const char *found = *p ? strchr(escaped, *p) : NULL;

		if (found) {
			strbuf_append_char(out, '\\');
			strbuf_append_char(out, letters[found - escaped]);
		} else if (*p < 0x20) {
			strbuf_printf(out, "\\u%04x", *p);
		} else if (is_surrogate(p, length - i)) {
			strbuf_printf(out, "\\u%04x", 0xd000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
			i += 2;
		} else {
			strbuf_append_char(out, text[i]);
		}
	}
	strbuf_append_char(out, '"');
}

static void write_number(const struct js_value *value, enum js_dialect dialect, struct strbuf *out)
{
	char digits[JS_NUMBER_TEXT_MAX];

	js_number_text(value->number, digits);
	strbuf_append(out, value->digits ? value->digits : dialect == JS_STRICT && !isfinite(value->number) ? "null" : digits);
}

static void write_list(const struct js_value *list, enum js_dialect dialect, struct strbuf *out)
{
	strbuf_append_char(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		strbuf_append(out, i ? "," : "");
		js_write(list->items[i], dialect, out);
	}
	strbuf_append_char(out, ']');
}

static void write_object(const struct js_value *object, enum js_dialect dialect, struct strbuf *out)
{
	const char *comma = "";

	strbuf_append_char(out, '{');
	for (size_t i = 0; i < object->count; i++) {
		const struct js_member *member = &object->members[i];

		if (member->value->type == JS_UNDEFINED)
			continue;
		strbuf_append(out, comma);
		write_text(member->key, strlen(member->key), out);
		strbuf_append_char(out, ':');
		js_write(member->value, dialect, out);
		comma = ",";
	}
	strbuf_append_char(out, '}');
}

void js_write(const struct js_value *value, enum js_dialect dialect, struct strbuf *out)
{
	switch (value->type) {
	case JS_UNDEFINED:
	case JS_NULL:
		strbuf_append(out, "null");
		break;
	case JS_BOOLEAN:
		strbuf_append(out, value->truth ? "true" : "false");
		break;
	case JS_NUMBER:
		write_number(value, dialect, out);
		break;
	case JS_TEXT:
		write_text(value->text, value->count, out);
		break;
	case JS_LIST:
		write_list(value, dialect, out);
		break;
	case JS_OBJECT:
		write_object(value, dialect, out);
		break;
	}
}
