#include "core/base/utf8.h"

#include <ctype.h>
#include <string.h>

size_t utf8_length(const unsigned char *p, size_t left)
{
	if (left == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (left >= 2 && p[0] >= 0xc2 && p[0] <= 0xdf && (p[1] & 0xc0) == 0x80)
		return 2;
	if (left >= 3 && (p[0] & 0xf0) == 0xe0 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80)
		return (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ? 0 : 3;
	if (left >= 4 && p[0] >= 0xf0 && p[0] <= 0xf4 && (p[1] & 0xc0) == 0x80 && (p[2] & 0xc0) == 0x80 &&
	    (p[3] & 0xc0) == 0x80)
		return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ? 0 : 4;
	return 0;
}

uint32_t utf8_code_point(const unsigned char *p, size_t length)
{
	uint32_t code = length == 1 ? p[0] : p[0] & (0x7fu >> length);

	for (size_t i = 1; i < length; i++)
		code = code << 6 | (p[i] & 0x3fu);
	return code;
}

bool utf8_check(const void *text, size_t length, size_t *bad)
{
	const unsigned char *p = text;

	for (size_t at = 0; at < length;) {
		size_t n = utf8_length(p + at, length - at);

		if (n == 0) {
			if (bad)
				*bad = at;
			return false;
		}
		at += n;
	}
	return true;
}

void utf8_clean(char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t length = utf8_length((const unsigned char *)text, left);

		if (length == 0 || (length == 1 && iscntrl((unsigned char)*text)) ||
		    (length == 2 && utf8_code_point((const unsigned char *)text, 2) < 0xa0)) {
			*text = '?';
			length = 1;
		}
		text += length;
		left -= length;
	}
}
