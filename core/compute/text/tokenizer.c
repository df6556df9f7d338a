#include "core/compute/text/tokenizer.h"

#include <stdbool.h>

/* Bytes from 128 on are parts of letters in UTF-8. */
static bool is_word(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 128;
}

static bool is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static uint64_t hash_byte(uint64_t hash, unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (unsigned char)(c - 'A' + 'a');
	return (hash ^ c) * UINT64_C(0x100000001b3);
}

size_t tokenizer_split(const char *text, int64_t first, int64_t range, int64_t *ids, size_t most)
{
	const unsigned char *c = (const unsigned char *)text;
	size_t count = 0;

	while (*c && count < most) {
		uint64_t hash = UINT64_C(0xcbf29ce484222325);

		if (is_blank(*c)) {
			c++;
			continue;
		}
		if (is_word(*c)) {
			while (is_word(*c))
				hash = hash_byte(hash, *c++);
		} else {
			hash = hash_byte(hash, *c++);
		}
		ids[count++] = first + (int64_t)(hash % (uint64_t)range);
	}
	return count;
}
