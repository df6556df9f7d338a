/* py_unicode.c - decimal digits, spaces and what is not printable, from Unicode's character database.
 *
 * int() and float() take the digits of every script, and strip every kind of space; repr() escapes what is not printable.
 */
#include "core/workflow/python/py_unicode.h"

#include "core/base/array.h"

/* The zero of each script; nine digits follow it. */
static const uint32_t zeros[] = {
	0x30,	 0x660,	  0x6f0,   0x7c0,   0x966,   0x9e6,   0xa66,   0xae6,	0xb66,	 0xbe6,	  0xc66,
	0xce6,	 0xd66,	  0xde6,   0xe50,   0xed0,   0xf20,   0x1040,  0x1090,	0x17e0,	 0x1810,  0x1946,
	0x19d0,	 0x1a80,  0x1a90,  0x1b50,  0x1bb0,  0x1c40,  0x1c50,  0xa620,	0xa8d0,	 0xa900,  0xa9d0,
	0xa9f0,	 0xaa50,  0xabf0,  0xff10,  0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
	0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60,
	0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
};

/* Controls, formats, separators but the space, surrogates and private use. */
static const struct {
	uint32_t first, last;
} unprintable[] = {
	{ .first = 0x0, .last = 0x1f },	       { .first = 0x7f, .last = 0xa0 },	       { .first = 0xad, .last = 0xad },
	{ .first = 0x600, .last = 0x605 },     { .first = 0x61c, .last = 0x61c },      { .first = 0x6dd, .last = 0x6dd },
	{ .first = 0x70f, .last = 0x70f },     { .first = 0x890, .last = 0x891 },      { .first = 0x8e2, .last = 0x8e2 },
	{ .first = 0x1680, .last = 0x1680 },   { .first = 0x180e, .last = 0x180e },    { .first = 0x2000, .last = 0x200f },
	{ .first = 0x2028, .last = 0x202f },   { .first = 0x205f, .last = 0x206f },    { .first = 0x3000, .last = 0x3000 },
	{ .first = 0xd800, .last = 0xf8ff },   { .first = 0xfeff, .last = 0xfeff },    { .first = 0xfff9, .last = 0xfffb },
	{ .first = 0x110bd, .last = 0x110bd }, { .first = 0x110cd, .last = 0x110cd },  { .first = 0x13430, .last = 0x13438 },
	{ .first = 0x1bca0, .last = 0x1bca3 }, { .first = 0x1d173, .last = 0x1d17a },  { .first = 0xe0001, .last = 0xe0001 },
	{ .first = 0xe0020, .last = 0xe007f }, { .first = 0xf0000, .last = 0x10ffff },
};

uint32_t py_unicode_next(const char *text, size_t length, size_t *at)
{
	const unsigned char *p = (const unsigned char *)text + *at;
	size_t left = length - *at;
	size_t size = p[0] < 0xc0 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t point = p[0];

	if (size == 1 || size > left) {
		++*at;
		return point;
	}
	point &= 0xffu >> (size + 1);
	for (size_t i = 1; i < size; i++)
		point = point << 6 | (p[i] & 0x3fu);
	*at += size;
	return point;
}

size_t py_unicode_encode(uint32_t point, char out[4])
{
	static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;

	if (size == 1) {
		out[0] = (char)point;
		return 1;
	}
	for (size_t i = size - 1; i > 0; i--, point >>= 6)
		out[i] = (char)(0x80 | (point & 0x3f));
	out[0] = (char)(first[size] | point);
	return size;
}

int py_unicode_digit(uint32_t point)
{
	for (size_t i = 0; i < ARRAY_SIZE(zeros) && zeros[i] <= point; i++) {
		if (point - zeros[i] < 10)
			return (int)(point - zeros[i]);
	}
	return -1;
}

bool py_unicode_is_space(uint32_t point)
{
	return (point >= 0x9 && point <= 0xd) || (point >= 0x1c && point <= 0x20) || point == 0x85 || point == 0xa0 ||
	       point == 0x1680 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 ||
	       point == 0x202f || point == 0x205f || point == 0x3000;
}

bool py_unicode_is_printable(uint32_t point)
{
	for (size_t i = 0; i < ARRAY_SIZE(unprintable) && unprintable[i].first <= point; i++) {
		if (point <= unprintable[i].last)
			return false;
	}
	return true;
}
