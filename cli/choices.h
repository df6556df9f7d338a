/* choices.h - comma-separated choices from a list of names: --policies stock,strict. */
#ifndef RESIDENCY_CLI_CHOICES_H
#define RESIDENCY_CLI_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define CHOICES_MAX 64

/* Index of a name or one of its aliases, or -1. */
typedef int (*choice_finder)(const char *name);
/* The name at an index; NULL past the last. */
typedef const char *(*choice_namer)(size_t index);

/* Sets the bits of the names in `list`, "all" meaning each. ERROR_USAGE names the option, what was not understood and what there
 * is. At most CHOICES_MAX names exist. */
bool choices_parse(const char *option, const char *list, choice_finder find, choice_namer name, uint64_t *chosen,
		   struct error *e);

static inline bool choice_is_set(uint64_t chosen, size_t index)
{
	return chosen >> index & 1;
}

#endif
