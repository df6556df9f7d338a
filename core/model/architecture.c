/* A description is grown module by module. The path holds the name as it stands: entering a scope appends to it, leaving
 * cuts it back, and a module or parameter copies it. Sizes are added up on the way, as the planner counts them: the block's
 * whole size, and the part of it that is weight and bias. After the first failure every function returns at once, so that a
 * family need not look.
 */
#include "core/model/architecture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"

static const struct {
	const char *type;
	bool has_bias, castable;
} kinds[] = {
#define MODULE_ROW(name, type, has_bias, castable) { type, has_bias, castable },
	MODULE_KINDS(MODULE_ROW)
#undef MODULE_ROW
};

void architecture_begin(struct architecture *a, enum dtype dtype, struct error *e)
{
	*a = (struct architecture) { .dtype = dtype, .error = e };
}

void architecture_end(struct architecture *a)
{
	for (size_t i = 0; i < a->block_count; i++)
		free((char *)(uintptr_t)a->blocks[i].name);
	for (size_t i = 0; i < a->parameter_count; i++)
		free((char *)(uintptr_t)a->parameters[i].name);
	free(a->blocks);
	free(a->parameters);
	*a = (struct architecture) { .dtype = a->dtype };
}

/* ---- names ---- */

static void enter(struct architecture *a, const char *path, va_list arguments)
{
	size_t room = sizeof(a->path) - a->path_length;
	int length = vsnprintf(a->path + a->path_length, room, path, arguments);

	if (length < 0 || (size_t)length >= room) {
		a->path[a->path_length] = '\0';
		a->failed = true;
		error_set(a->error, ERROR_BUG, "a module's name below %s is too long", a->path);
		return;
	}
	a->path_length += (size_t)length;
}

size_t architecture_enter(struct architecture *a, const char *path, ...)
{
	size_t outside = a->path_length;
	va_list arguments;

	va_start(arguments, path);
	enter(a, path, arguments);
	va_end(arguments);
	return outside;
}

void architecture_leave(struct architecture *a, size_t outside)
{
	a->path_length = outside;
	a->path[outside] = '\0';
}

/* ---- modules ---- */

/* The module named by the path as it stands. */
static void add_block(struct architecture *a, enum module_kind kind)
{
	char *copy;

	if (a->failed)
		return;
	copy = string_copy(a->path, a->error);
	if (!copy || !array_reserve(&a->blocks, &a->block_capacity, a->block_count + 1, sizeof(*a->blocks), a->error)) {
		free(copy);
		a->failed = true;
		return;
	}
	a->blocks[a->block_count++] = (struct block_description) { .name = copy,
								   .type = kinds[kind].type,
								   .weight_size_bytes = UINT64_MAX,
								   .has_bias = kinds[kind].has_bias,
								   .castable = kinds[kind].castable,
								   .of_container = kind == MODULE_CONTAINER };
}

static void add_module(struct architecture *a, enum module_kind kind, const char *name, va_list arguments)
{
	size_t outside = a->path_length;

	enter(a, name, arguments);
	add_block(a, kind);
	architecture_leave(a, outside);
}

void architecture_module(struct architecture *a, enum module_kind kind, const char *name, ...)
{
	va_list arguments;

	va_start(arguments, name);
	add_module(a, kind, name, arguments);
	va_end(arguments);
}

uint64_t architecture_parameter_size_bytes(const struct parameter_description *parameter)
{
	uint64_t size_bytes = parameter->quantised ? 1 : dtype_size_bytes(parameter->dtype);

	for (unsigned i = 0; i < parameter->rank; i++)
		size_bytes *= (uint64_t)parameter->shape[i];
	if (parameter->quantised)
		return size_bytes / quant_block_elements(parameter->quant) * quant_block_bytes(parameter->quant);
	return size_bytes;
}

static struct parameter_description *add_parameter(struct architecture *a, const char *suffix, unsigned rank,
						   const int64_t *shape)
{
	struct block_description *block = &a->blocks[a->block_count - 1];
	struct parameter_description *parameter;
	char name[320];
	char *copy;

	snprintf(name, sizeof(name), "%s%s%s", block->name, *block->name ? "." : "", suffix);
	copy = string_copy(name, a->error);
	if (!copy ||
	    !array_reserve(&a->parameters, &a->parameter_capacity, a->parameter_count + 1, sizeof(*a->parameters), a->error)) {
		free(copy);
		a->failed = true;
		return NULL;
	}
	parameter = &a->parameters[a->parameter_count++];
	*parameter = (struct parameter_description) { .name = copy, .dtype = a->dtype, .rank = rank };
	memcpy(parameter->shape, shape, rank * sizeof(*shape));
	block->parameter_count++;
	return parameter;
}

/* Weight and bias alone are the planner's W, and the weight has to be there. */
static void count_weight(struct block_description *block, const char *suffix, uint64_t size_bytes)
{
	bool is_weight = strcmp(suffix, "weight") == 0;

	if (is_weight)
		block->weight_size_bytes = 0;
	if (is_weight || (strcmp(suffix, "bias") == 0 && block->weight_size_bytes != UINT64_MAX))
		block->weight_size_bytes += size_bytes;
}

struct parameter_description *architecture_parameter(struct architecture *a, const char *suffix, unsigned rank,
						     const int64_t *shape)
{
	struct parameter_description *parameter = a->failed ? NULL : add_parameter(a, suffix, rank, shape);

	if (parameter)
		count_weight(&a->blocks[a->block_count - 1], suffix, architecture_parameter_size_bytes(parameter));
	return parameter;
}

/* A file may lack it: upstream makes it 1. */
static void add_scale(struct architecture *a)
{
	struct parameter_description *scale;

	a->dtype = DTYPE_F32;
	scale = architecture_parameter(a, "scale_weight", 0, (int64_t[]) { 0 });
	if (scale)
		scale->optional = true;
}

/* Whether the module added last is; a root of NULL is above all. */
static bool is_below(const struct architecture *a, const char *root)
{
	return !root || (a->block_count && strncmp(a->blocks[a->block_count - 1].name, root, strlen(root)) == 0);
}

static void add_weights(struct architecture *a, enum module_kind kind, bool bias, unsigned rank, const int64_t *shape)
{
	bool scaled = a->scaled && kind == MODULE_LINEAR && is_below(a, a->scaled_root);
	enum dtype dtype = a->dtype;

	a->dtype = scaled ? DTYPE_F8_E4M3 : dtype;
	architecture_parameter(a, "weight", rank, shape);
	if (bias)
		architecture_parameter(a, "bias", 1, shape);
	if (scaled)
		add_scale(a);
	a->dtype = dtype;
}

/* Each function below takes its name's arguments, adds the module, then the parameters. */
#define ADD_NAMED_MODULE(a, kind, name)                                                                                        \
	do {                                                                                                                   \
		va_list arguments;                                                                                             \
                                                                                                                               \
		va_start(arguments, name);                                                                                     \
		add_module(a, kind, name, arguments);                                                                          \
		va_end(arguments);                                                                                             \
	} while (0)

void architecture_weighted(struct architecture *a, enum module_kind kind, bool bias, unsigned rank, const int64_t *shape,
			   const char *name, ...)
{
	ADD_NAMED_MODULE(a, kind, name);
	add_weights(a, kind, bias, rank, shape);
}

void architecture_linear(struct architecture *a, int64_t out, int64_t in, bool bias, const char *name, ...)
{
	ADD_NAMED_MODULE(a, MODULE_LINEAR, name);
	add_weights(a, MODULE_LINEAR, bias, SHAPE(out, in));
}

void architecture_convolution(struct architecture *a, int64_t out, int64_t in, int64_t kernel, const char *name, ...)
{
	ADD_NAMED_MODULE(a, MODULE_CONV2D, name);
	add_weights(a, MODULE_CONV2D, true, SHAPE(out, in, kernel, kernel));
}

void architecture_convolution3(struct architecture *a, enum module_kind kind, int64_t out, int64_t in, int64_t kernel,
			       const char *name, ...)
{
	ADD_NAMED_MODULE(a, kind, name);
	add_weights(a, kind, true, SHAPE(out, in, kernel, kernel, kernel));
}

void architecture_norm(struct architecture *a, enum module_kind kind, int64_t channels, const char *name, ...)
{
	ADD_NAMED_MODULE(a, kind, name);
	add_weights(a, kind, true, SHAPE(channels));
}

void architecture_scale_norm(struct architecture *a, enum module_kind kind, int64_t channels, const char *name, ...)
{
	ADD_NAMED_MODULE(a, kind, name);
	add_weights(a, kind, false, SHAPE(channels));
}

void architecture_bare_norm(struct architecture *a, const char *name, ...)
{
	ADD_NAMED_MODULE(a, MODULE_LAYER_NORM, name);
	if (!a->failed)
		a->blocks[a->block_count - 1].weight_size_bytes = 0; /* a weight that is None */
}

void architecture_loose(struct architecture *a, const char *module, const char *suffix, unsigned rank, const int64_t *shape)
{
	size_t outside = architecture_enter(a, "%s", module);
	size_t end = a->path_length;
	bool is_the_entered = end && a->path[end - 1] == '.'; /* "blocks.0." stands for the module blocks.0 */

	if (is_the_entered)
		a->path[end - 1] = '\0';
	add_block(a, MODULE_CONTAINER);
	if (is_the_entered)
		a->path[end - 1] = '.';
	architecture_leave(a, outside);
	architecture_parameter(a, suffix, rank, shape);
}

void architecture_count_weights(struct architecture *a)
{
	size_t at = 0;

	for (size_t i = 0; i < a->block_count; i++) {
		struct block_description *block = &a->blocks[i];
		size_t own = strlen(block->name) + (*block->name ? 1 : 0);
		bool has_weight = block->weight_size_bytes != UINT64_MAX && block->parameter_count > 0;

		block->weight_size_bytes = has_weight ? UINT64_MAX : block->weight_size_bytes;
		for (size_t j = 0; j < block->parameter_count; j++, at++) {
			if (has_weight)
				count_weight(block, a->parameters[at].name + own,
					     architecture_parameter_size_bytes(&a->parameters[at]));
		}
	}
}

uint64_t architecture_size_bytes(const struct architecture *a)
{
	uint64_t size_bytes = 0;

	for (size_t i = 0; i < a->parameter_count; i++)
		size_bytes += architecture_parameter_size_bytes(&a->parameters[i]);
	return size_bytes;
}
