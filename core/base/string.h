/* string.h - plain C strings: copies that report when there is no memory, and how a string ends. Any thread. */
#ifndef RESIDENCY_BASE_STRING_H
#define RESIDENCY_BASE_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* strdup and strndup that set ERROR_MEMORY and return NULL on failure. The caller frees. string_copy_n copies `length` bytes, which
 * need not be terminated, whole. */
char *string_copy(const char *text, struct error *e);
char *string_copy_n(const char *text, size_t length, struct error *e);

bool string_ends_with(const char *text, const char *ending);

#endif
