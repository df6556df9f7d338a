/* axes.c - the table of the axes that have values here: policies and matrices by their tables, the others by their enums.
 *
 * Names and numbers are asked of whoever defines the values, so that a new policy, matrix, cache or mode needs nothing here.
 */
#include "scenarios/matrix/axes.h"

#include "core/manager/policy.h"
#include "core/workflow/engine.h"
#include "scenarios/models/matrix_workflow.h"
#include "scenarios/subject/subject.h"

static const char *policy_name(size_t index)
{
	for (size_t i = 0; policies[i]; i++) {
		if (i == index)
			return policies[i]->name;
	}
	return NULL;
}

static int policy_index(const char *name)
{
	for (size_t i = 0; policies[i]; i++) {
		if (policies[i] == policy_find(name))
			return (int)i;
	}
	return -1;
}

static const char *matrix_name(size_t index)
{
	for (size_t i = 0; matrix_list[i]; i++) {
		if (i == index)
			return matrix_list[i]->name;
	}
	return NULL;
}

static int matrix_index(const char *name)
{
	for (size_t i = 0; matrix_list[i]; i++) {
		if (matrix_list[i] == matrix_find(name))
			return (int)i;
	}
	return -1;
}

static const char *cache_name(size_t index)
{
	return index < CACHE_KIND_COUNT ? cache_kind_name((enum cache_kind)index) : NULL;
}

static int cache_index(const char *name)
{
	enum cache_kind kind;

	return cache_kind_from_name(name, &kind) ? (int)kind : -1;
}

static const char *mode_name(size_t index)
{
	return index < DEVICE_MODE_COUNT ? subject_device_mode_name((enum device_mode)index) : NULL;
}

static int mode_index(const char *name)
{
	enum device_mode mode;

	return subject_device_mode_from_name(name, &mode) ? (int)mode : -1;
}

static const char *flags_name(size_t index)
{
	return index < NODE_FLAGS_COUNT ? subject_node_flags_name((enum node_flags)index) : NULL;
}

static int flags_index(const char *name)
{
	enum node_flags flags;

	return subject_node_flags_from_name(name, &flags) ? (int)flags : -1;
}

#define VALUES(name_, index_, member)                                                                                          \
	{                                                                                                                      \
		.name = (name_), .index = (index_), .offset = offsetof(struct matrix_axes, member)                             \
	}

const struct matrix_axis matrix_axis_table[CELL_AXIS_COUNT] = {
	[CELL_AXIS_POLICY] = VALUES(policy_name, policy_index, policies),
	[CELL_AXIS_MATRIX] = VALUES(matrix_name, matrix_index, matrices),
	[CELL_AXIS_CACHE] = VALUES(cache_name, cache_index, caches),
	[CELL_AXIS_DEVICE_MODE] = VALUES(mode_name, mode_index, device_modes),
	[CELL_AXIS_NODE_FLAGS] = VALUES(flags_name, flags_index, node_flags),
};

uint64_t *matrix_axis_bits(struct matrix_axes *axes, enum cell_axis_id axis)
{
	return (uint64_t *)(void *)((char *)axes + matrix_axis_table[axis].offset);
}

uint64_t matrix_axis_bit(enum cell_axis_id axis, const char *name)
{
	int index = matrix_axis_table[axis].index(name);

	return index < 0 ? 0 : UINT64_C(1) << index;
}
