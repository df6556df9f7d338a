/* axes.h - the choices that a cell is made of, by name: for --policies, --caches and their like (choices.h).
 */
#ifndef RESIDENCY_CLI_AXES_H
#define RESIDENCY_CLI_AXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/choices.h"
#include "core/base/error.h"

/* choices_parse of an axis' list; no list (NULL) leaves *chosen as it is. */
bool axis_choose(const char *option, const char *list, choice_finder find, choice_namer name, uint64_t *chosen,
		 struct error *e);

const char *axis_policy_name(size_t index);
int axis_policy_index(const char *name);
const char *axis_matrix_name(size_t index);
int axis_matrix_index(const char *name);
const char *axis_cache_name(size_t index);
int axis_cache_index(const char *name);
const char *axis_mode_name(size_t index);
int axis_mode_index(const char *name);
const char *axis_flags_name(size_t index);
int axis_flags_index(const char *name);

#endif
