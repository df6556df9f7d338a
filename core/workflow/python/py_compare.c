/* py_compare.c - which values are equal, which is less, which are true.
 *
 * An integer and a float compare by their exact values, as Python compares them: a float that is whole is turned into its digits,
 * another is compared with the integer's own double, which is within one unit of it.
 */
#include "core/workflow/python/py.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WHOLE_EXACT 9007199254740992.0 /* 2^53: up to here every integer is a double */
#define DIGITS_MOST 400 /* of a double's whole part: 309, a sign and the end */

bool py_is_number(const struct py *value)
{
	return value->kind == PY_INTEGER || value->kind == PY_FLOAT || value->kind == PY_BOOL;
}

double py_number_value(const struct py *value)
{
	switch (value->kind) {
	case PY_BOOL:
		return value->boolean;
	case PY_INTEGER:
		return value->integer.wide ? strtod(value->integer.wide, NULL) : (double)value->integer.small;
	case PY_FLOAT:
		return value->number;
	default:
		return 0;
	}
}

int64_t py_integer_value(const struct py *value)
{
	double number = py_number_value(value);

	if (value->kind == PY_INTEGER && !value->integer.wide)
		return value->integer.small;
	if (!(number < 0x1p63))
		return isnan(number) ? 0 : INT64_MAX;
	return number < -0x1p63 ? INT64_MIN : (int64_t)number;
}

/* ---- order of numbers ---- */

/* Digits of a whole number: an integer, a boolean or a whole float. */
static const char *whole_digits(const struct py *value, char space[DIGITS_MOST])
{
	if (value->kind == PY_INTEGER && value->integer.wide)
		return value->integer.wide;
	if (value->kind == PY_FLOAT)
		snprintf(space, DIGITS_MOST, "%.0f", value->number == 0 ? 0.0 : value->number);
	else
		snprintf(space, DIGITS_MOST, "%lld", (long long)py_integer_value(value));
	return space;
}

static int compare_digits(const char *a, const char *b)
{
	bool negative = a[0] == '-';
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);
	int order;

	if (negative != (b[0] == '-'))
		return negative ? -1 : 1;
	if (a_length != b_length)
		order = a_length < b_length ? -1 : 1;
	else
		order = strcmp(a, b);
	return negative ? -order : order;
}

static bool is_whole(const struct py *value)
{
	return value->kind != PY_FLOAT || (isfinite(value->number) && floor(value->number) == value->number);
}

static int compare_doubles(double a, double b)
{
	return (a > b) - (a < b);
}

/* Neither is a NaN. */
static int compare_numbers(const struct py *a, const struct py *b)
{
	char a_space[DIGITS_MOST];
	char b_space[DIGITS_MOST];
	double x = py_number_value(a);
	double y = py_number_value(b);

	if ((a->kind == PY_FLOAT && b->kind == PY_FLOAT) || (fabs(x) < WHOLE_EXACT && fabs(y) < WHOLE_EXACT))
		return compare_doubles(x, y);
	if (is_whole(a) && is_whole(b))
		return compare_digits(whole_digits(a, a_space), whole_digits(b, b_space));
	/* a fraction lies below 2^53, the other at or past it; or one is infinite, the other perhaps past every double */
	if (a->kind == PY_FLOAT && isinf(a->number))
		return a->number > 0 ? 1 : -1;
	if (b->kind == PY_FLOAT && isinf(b->number))
		return b->number > 0 ? -1 : 1;
	return compare_doubles(x, y);
}

static bool is_nan(const struct py *value)
{
	return value->kind == PY_FLOAT && isnan(value->number);
}

static int compare_text(const struct py *a, const struct py *b)
{
	size_t shorter = a->text.length < b->text.length ? a->text.length : b->text.length;
	int order = memcmp(a->text.bytes, b->text.bytes, shorter);

	return order ? order : (a->text.length > b->text.length) - (a->text.length < b->text.length);
}

bool py_less(const struct py *a, const struct py *b, bool *less, struct py_raised *raised)
{
	if (py_is_number(a) && py_is_number(b)) {
		*less = !is_nan(a) && !is_nan(b) && compare_numbers(a, b) < 0;
		return true;
	}
	if (a->kind == PY_TEXT && b->kind == PY_TEXT) {
		*less = compare_text(a, b) < 0;
		return true;
	}
	return py_raise(raised, "TypeError", "'<' not supported between instances of '%s' and '%s'", py_type(a), py_type(b));
}

/* ---- equality ---- */

static bool equal_maps(const struct py *a, const struct py *b)
{
	if (a->map.count != b->map.count)
		return false;
	for (size_t i = 0; i < a->map.count; i++) {
		const struct py *other = py_get_n(b, a->map.pairs[i].key, a->map.pairs[i].length);

		if (!other || !py_equal(a->map.pairs[i].value, other))
			return false;
	}
	return true;
}

bool py_equal(const struct py *a, const struct py *b)
{
	if (a == b)
		return true;
	if (py_is_number(a) && py_is_number(b)) {
		if (is_nan(a) || is_nan(b))
			return is_nan(a) && is_nan(b) && a->serial == b->serial;
		return compare_numbers(a, b) == 0;
	}
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case PY_TEXT:
		return compare_text(a, b) == 0;
	case PY_LIST:
		if (a->list.count != b->list.count)
			return false;
		for (size_t i = 0; i < a->list.count; i++) {
			if (!py_equal(py_at(a, i), py_at(b, i)))
				return false;
		}
		return true;
	case PY_MAP:
		return equal_maps(a, b);
	default:
		return a->kind == PY_NONE;
	}
}

bool py_truth(const struct py *value)
{
	switch (value->kind) {
	case PY_NONE:
		return false;
	case PY_BOOL:
		return value->boolean;
	case PY_INTEGER:
		return value->integer.wide || value->integer.small;
	case PY_FLOAT:
		return value->number != 0;
	case PY_TEXT:
		return value->text.length > 0;
	case PY_LIST:
	case PY_MAP:
		return py_count(value) > 0;
	default:
		return true;
	}
}

const char *py_type(const struct py *value)
{
	static const char *const names[] = {
		[PY_NONE] = "NoneType", [PY_BOOL] = "bool", [PY_INTEGER] = "int", [PY_FLOAT] = "float",
		[PY_TEXT] = "str",	[PY_LIST] = "list", [PY_MAP] = "dict",	  [PY_BLOCKER] = "ExecutionBlocker",
	};

	return value->kind == PY_OBJECT ? value->object.type : names[value->kind];
}
