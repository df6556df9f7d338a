#include "scenarios/matrix/axes.h"

#include "core/manager/policy.h"
#include "core/workflow/engine.h"
#include "scenarios/matrix/matrix_workflow.h"
#include "scenarios/subject/subject.h"

const char *axis_policy_name(size_t index)
{
	for (size_t i = 0; policies[i]; i++) {
		if (i == index)
			return policies[i]->name;
	}
	return NULL;
}

int axis_policy_index(const char *name)
{
	for (size_t i = 0; policies[i]; i++) {
		if (policies[i] == policy_find(name))
			return (int)i;
	}
	return -1;
}

const char *axis_matrix_name(size_t index)
{
	for (size_t i = 0; matrices[i]; i++) {
		if (i == index)
			return matrices[i]->name;
	}
	return NULL;
}

int axis_matrix_index(const char *name)
{
	for (size_t i = 0; matrices[i]; i++) {
		if (matrices[i] == matrix_find(name))
			return (int)i;
	}
	return -1;
}

const char *axis_cache_name(size_t index)
{
	return index < CACHE_KIND_COUNT ? cache_kind_name((enum cache_kind)index) : NULL;
}

int axis_cache_index(const char *name)
{
	enum cache_kind kind;

	return cache_kind_from_name(name, &kind) ? (int)kind : -1;
}

const char *axis_mode_name(size_t index)
{
	return index < DEVICE_MODE_COUNT ? device_mode_name((enum device_mode)index) : NULL;
}

int axis_mode_index(const char *name)
{
	enum device_mode mode;

	return device_mode_from_name(name, &mode) ? (int)mode : -1;
}

const char *axis_flags_name(size_t index)
{
	return index < NODE_FLAGS_COUNT ? node_flags_name((enum node_flags)index) : NULL;
}

int axis_flags_index(const char *name)
{
	enum node_flags flags;

	return node_flags_from_name(name, &flags) ? (int)flags : -1;
}
