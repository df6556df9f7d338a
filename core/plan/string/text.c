/* text.c - numbers as Python reads and writes them.
 *
 * A number is first brought to plain ASCII, its digits from whatever script and its underscores checked, then its form is looked
 * at, and only then does strtod read it, which by itself would take more than Python does. Writing tries precisions until the text
 * reads back as the same value.
 */
#include "core/plan/string/text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/array.h"
#include "core/base/units.h"

/* Code points of the digit 0 of every script (Unicode 14, general category Nd); its nine others follow it. */
static const uint32_t digit_zeros[] = {
	0x660,	 0x6f0,	  0x7c0,   0x966,   0x9e6,   0xa66,   0xae6,   0xb66,	0xbe6,	 0xc66,	  0xce6,   0xd66,   0xde6,
	0xe50,	 0xed0,	  0xf20,   0x1040,  0x1090,  0x17e0,  0x1810,  0x1946,	0x19d0,	 0x1a80,  0x1a90,  0x1b50,  0x1bb0,
	0x1c40,	 0x1c50,  0xa620,  0xa8d0,  0xa900,  0xa9d0,  0xa9f0,  0xaa50,	0xabf0,	 0xff10,  0x104a0, 0x10d30, 0x11066,
	0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50,
	0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
};

#define KELVIN_SIGN 0x212a /* its lower case is the letter k */

/* The character that begins at text[0], and its bytes. Malformed text gives its bytes as they are: nothing here takes them for
 * a digit or a space. */
static uint32_t first_character(const char *text, size_t length, size_t *used)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = p[0] < 0xc2 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 1;
	uint32_t code = p[0];

	*used = 1;
	if (n == 1 || n > length)
		return code < 0x80 ? code : UINT32_MAX;
	code &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		code = code << 6 | (p[i] & 0x3fu);
	}
	*used = n;
	return code;
}

static bool is_wide_space(uint32_t c)
{
	return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
	       c == 0x202f || c == 0x205f || c == 0x3000;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f) || is_wide_space(c);
}

/* What float() skips: the separators 0x1c to 0x1f are space elsewhere in the language, but not here. */
static bool is_number_space(uint32_t c)
{
	return c == ' ' || (c >= 0x09 && c <= 0x0d) || is_wide_space(c);
}

/* The digit's value, or -1. */
static int digit_value(uint32_t c)
{
	if (c >= '0' && c <= '9')
		return (int)(c - '0');
	if (c < 0x660)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(digit_zeros); i++) {
		if (c >= digit_zeros[i] && c < digit_zeros[i] + 10)
			return (int)(c - digit_zeros[i]);
	}
	return -1;
}

static struct span trim(struct span span, bool (*skips)(uint32_t c))
{
	size_t used;

	while (span.length && skips(first_character(span.text, span.length, &used))) {
		span.text += used;
		span.length -= used;
	}
	while (span.length) {
		size_t back = 1;

		while (back < span.length && back < 4 && ((unsigned char)span.text[span.length - back] & 0xc0) == 0x80)
			back++;
		if (!skips(first_character(span.text + span.length - back, back, &used)) || used != back)
			break;
		span.length -= back;
	}
	return span;
}

struct span text_trim(struct span span)
{
	return trim(span, is_space);
}

bool text_has_unit(struct span span)
{
	for (size_t i = 0; i < span.length;) {
		size_t used;
		uint32_t c = first_character(span.text + i, span.length - i, &used);

		if (c == KELVIN_SIGN || (c < 0x80 && c && strchr("gmkbGMKB", (int)c)))
			return true;
		i += used;
	}
	return false;
}

/* Writes the text in ASCII with plain digits, without underscores that stand between two digits; false if it holds anything
 * that no number holds. `out` has room for length + 1. */
static bool plain_number(struct span span, char *out)
{
	bool after_digit = false;
	bool wants_digit = false;

	while (span.length) {
		size_t used;
		uint32_t c = first_character(span.text, span.length, &used);
		int digit = digit_value(c);

		if (digit >= 0) {
			*out++ = (char)('0' + digit);
			wants_digit = false;
		} else if (wants_digit) {
			return false;
		} else if (c == '_') {
			if (!after_digit)
				return false;
			wants_digit = true;
		} else if (c < 0x80 && c) {
			*out++ = (char)c;
		} else {
			return false;
		}
		after_digit = digit >= 0;
		span.text += used;
		span.length -= used;
	}
	*out = '\0';
	return !wants_digit;
}

static const char *skip_digits(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

/* [+-] digits with an optional point and exponent, nothing else: strtod alone would take hexadecimal. */
static bool is_decimal(const char *p)
{
	const char *digits;
	size_t count;

	p += *p == '+' || *p == '-';
	digits = p;
	p = skip_digits(p);
	count = (size_t)(p - digits);
	if (*p == '.') {
		digits = ++p;
		p = skip_digits(p);
		count += (size_t)(p - digits);
	}
	if (count == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		digits = p;
		p = skip_digits(p);
		if (p == digits)
			return false;
	}
	return *p == '\0';
}

static bool is_infinity_or_nan(const char *p, double *value)
{
	bool negative = *p == '-';

	p += *p == '+' || *p == '-';
	if (strcasecmp(p, "inf") == 0 || strcasecmp(p, "infinity") == 0)
		*value = negative ? -(double)INFINITY : (double)INFINITY;
	else if (strcasecmp(p, "nan") == 0)
		*value = (double)NAN;
	else
		return false;
	return true;
}

int text_to_double(struct span span, double *value)
{
	char small[64];
	char *plain = small;
	int result = 1;

	span = trim(span, is_number_space);
	if (span.length >= sizeof(small)) {
		plain = malloc(span.length + 1);
		if (!plain)
			return -1;
	}
	if (plain_number(span, plain)) {
		if (is_decimal(plain)) {
			*value = strtod(plain, NULL);
			result = 0;
		} else if (is_infinity_or_nan(plain, value)) {
			result = 0;
		}
	}
	if (plain != small)
		free(plain);
	return result;
}

/* Bytes of leading digits. */
static size_t digits_length(struct span span)
{
	size_t at = 0;
	size_t used;

	while (at < span.length && digit_value(first_character(span.text + at, span.length - at, &used)) >= 0)
		at += used;
	return at;
}

static double unit_factor(struct span rest)
{
	size_t used = 0;
	uint32_t c = ' ';

	while (rest.length && is_space(c = first_character(rest.text, rest.length, &used))) {
		rest.text += used;
		rest.length -= used;
	}
	if (!rest.length)
		return 1;
	switch (c) {
	case 'g':
	case 'G':
		return GIB;
	case 'm':
	case 'M':
		return MIB;
	case 'k':
	case 'K':
	case KELVIN_SIGN:
		return KIB;
	default:
		return 1;
	}
}

int text_to_memory(struct span span, double *bytes)
{
	size_t length;
	int result;

	span = text_trim(span);
	length = digits_length(span);
	if (length == 0)
		return 1;
	if (length < span.length && span.text[length] == '.')
		length += 1 + digits_length((struct span) { span.text + length + 1, span.length - length - 1 });
	result = text_to_double((struct span) { span.text, length }, bytes);
	if (result == 0)
		*bytes *= unit_factor((struct span) { span.text + length, span.length - length });
	return result;
}

void text_append_double(struct strbuf *b, double value)
{
	char digits[40];
	char text[40];
	int exponent;
	size_t length;

	if (isnan(value) || isinf(value)) {
		strbuf_append(b, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
		return;
	}
	for (int precision = 0; precision < 17; precision++) {
		snprintf(digits, sizeof(digits), "%.*e", precision, value);
		if (strtod(digits, NULL) == value)
			break;
	}
	exponent = atoi(strchr(digits, 'e') + 1);
	if (exponent < -4 || exponent >= 16) {
		/* digits, "e", sign, at least two digits: what %e prints. */
		strbuf_append(b, digits);
		return;
	}
	length = (size_t)(strchr(digits, 'e') - digits);
	length -= digits[0] == '-';
	length -= length > 1; /* the point */
	snprintf(text, sizeof(text), "%.*f", (int)length - 1 > exponent ? (int)length - 1 - exponent : 1, value);
	strbuf_append(b, text);
}

void text_append_four_digits(struct strbuf *b, double value)
{
	if (isnan(value))
		strbuf_append(b, "nan");
	else
		strbuf_printf(b, "%.4f", value);
}
