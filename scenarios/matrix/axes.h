/* axes.h - the choices that a cell is made of, by name: for --policies, --caches and their like (choices.h).
 */
#ifndef RESIDENCY_SCENARIOS_AXES_H
#define RESIDENCY_SCENARIOS_AXES_H

#include <stddef.h>

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
