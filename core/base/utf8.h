/* utf8.h - UTF-8, strictly: overlong forms, surrogates and what lies past U+10FFFF are none. */
#ifndef RESIDENCY_BASE_UTF8_H
#define RESIDENCY_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the sequence at p, of which `left` may be read; 0 if it is not a whole one. */
size_t utf8_length(const unsigned char *p, size_t left);

/* The code point of a sequence whose length utf8_length gave. */
uint32_t utf8_code_point(const unsigned char *p, size_t length);

/* Whether all of it is UTF-8; *bad (may be NULL) is where it first is not. */
bool utf8_check(const void *text, size_t length, size_t *bad);

/* What a terminal would obey, and what is no UTF-8, becomes '?', in place. */
void utf8_clean(char *text);

#endif
