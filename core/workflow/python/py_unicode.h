/* py_unicode.h - what Python knows of single characters, as far as casts and reprs ask. Private to core/workflow/python.
 *
 * No function keeps state, so any thread may call them.
 */
#ifndef RESIDENCY_WORKFLOW_PY_UNICODE_H
#define RESIDENCY_WORKFLOW_PY_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code point at text[*at], and *at moves past it. A lone surrogate is one; a byte that begins nothing is itself. */
uint32_t py_unicode_next(const char *text, size_t length, size_t *at);

/* Bytes of a code point, a surrogate too, in UTF-8; returns how many. */
size_t py_unicode_encode(uint32_t point, char out[4]);

/* 0 to 9, or -1. */
int py_unicode_digit(uint32_t point);
bool py_unicode_is_space(uint32_t point);
/* What repr() writes as it is. Code points that Unicode has not assigned count as printable. */
bool py_unicode_is_printable(uint32_t point);

#endif
