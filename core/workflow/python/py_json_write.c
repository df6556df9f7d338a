/* py_json_write.c - JSON as json.dumps writes it with its defaults.
 *
 * What JSON has no word for, an object or a blocker, is written as the name of its type.
 */
#include "core/workflow/python/py_json.h"

#include <math.h>
#include <string.h>

#include "core/workflow/python/py_unicode.h"

static void write_text(struct strbuf *out, const char *text, size_t length)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";

	strbuf_append_char(out, '"');
	for (size_t at = 0; at < length;) {
		uint32_t point = py_unicode_next(text, length, &at);
		const char *found = point && point < 0x80 ? strchr(from, (int)point) : NULL;

		if (found)
			strbuf_printf(out, "\\%c", to[found - from]);
		else if (point >= ' ' && point < 0x7f)
			strbuf_append_char(out, (char)point);
		else if (point < 0x10000)
			strbuf_printf(out, "\\u%04x", point);
		else
			strbuf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10),
				      0xdc00 + ((point - 0x10000) & 0x3ff));
	}
	strbuf_append_char(out, '"');
}

static void write_float(struct strbuf *out, double number)
{
	if (isnan(number))
		strbuf_append(out, "NaN");
	else if (isinf(number))
		strbuf_append(out, number < 0 ? "-Infinity" : "Infinity");
	else
		py_write_float(out, number);
}

void py_json_write(struct strbuf *out, const struct py *value)
{
	switch (value->kind) {
	case PY_NONE:
		strbuf_append(out, "null");
		break;
	case PY_BOOL:
		strbuf_append(out, value->boolean ? "true" : "false");
		break;
	case PY_INTEGER:
		py_write_integer(out, value);
		break;
	case PY_FLOAT:
		write_float(out, value->number);
		break;
	case PY_TEXT:
		write_text(out, value->text.bytes, value->text.length);
		break;
	case PY_LIST:
		strbuf_append_char(out, '[');
		for (size_t i = 0; i < value->list.count; i++) {
			strbuf_append(out, i ? ", " : "");
			py_json_write(out, py_at(value, i));
		}
		strbuf_append_char(out, ']');
		break;
	case PY_MAP:
		strbuf_append_char(out, '{');
		for (size_t i = 0; i < value->map.count; i++) {
			strbuf_append(out, i ? ", " : "");
			write_text(out, value->map.pairs[i].key, value->map.pairs[i].length);
			strbuf_append(out, ": ");
			py_json_write(out, value->map.pairs[i].value);
		}
		strbuf_append_char(out, '}');
		break;
	default:
		write_text(out, py_type(value), strlen(py_type(value)));
	}
}
