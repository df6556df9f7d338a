#include "core/model/architecture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

void architecture_begin(struct architecture *a, enum dtype dtype, struct error *e)
{
	*a = (struct architecture) { .prefix = "", .dtype = dtype, .error = e };
}

void architecture_end(struct architecture *a)
{
	for (size_t i = 0; i < a->block_count; i++)
		free((char *)(uintptr_t)a->blocks[i].name);
	for (size_t i = 0; i < a->parameter_count; i++)
		free((char *)(uintptr_t)a->parameters[i].name);
	free(a->blocks);
	free(a->parameters);
	*a = (struct architecture) { .prefix = "" };
}

static void add_block(struct architecture *a, const char *type, bool has_bias, const char *module, va_list arguments)
{
	char name[256];
	int length = snprintf(name, sizeof(name), "%s", a->prefix);
	char *copy;

	if (a->failed)
		return;
	vsnprintf(name + length, sizeof(name) - (size_t)length, module, arguments);
	copy = string_copy(name, a->error);
	if (!copy || !array_reserve(&a->blocks, &a->block_capacity, a->block_count + 1, sizeof(*a->blocks), a->error)) {
		free(copy);
		a->failed = true;
		return;
	}
	a->blocks[a->block_count++] = (struct block_description) {
		.name = copy, .type = type, .weight_size_bytes = UINT64_MAX, .has_bias = has_bias, .castable = true
	};
}

void architecture_block(struct architecture *a, const char *type, bool has_bias, const char *module, ...)
{
	va_list arguments;

	va_start(arguments, module);
	add_block(a, type, has_bias, module, arguments);
	va_end(arguments);
}

static uint64_t size_of(const struct parameter_description *parameter)
{
	uint64_t size_bytes = dtype_size_bytes(parameter->dtype);

	for (unsigned i = 0; i < parameter->rank; i++)
		size_bytes *= (uint64_t)parameter->shape[i];
	return size_bytes;
}

void architecture_parameter(struct architecture *a, const char *suffix, unsigned rank, const int64_t *shape)
{
	struct block_description *block;
	struct parameter_description *parameter;
	char name[320];
	char *copy;

	if (a->failed)
		return;
	block = &a->blocks[a->block_count - 1];
	snprintf(name, sizeof(name), "%s.%s", block->name, suffix);
	copy = string_copy(name, a->error);
	if (!copy ||
	    !array_reserve(&a->parameters, &a->parameter_capacity, a->parameter_count + 1, sizeof(*a->parameters), a->error)) {
		free(copy);
		a->failed = true;
		return;
	}
	parameter = &a->parameters[a->parameter_count++];
	*parameter = (struct parameter_description) { .name = copy, .dtype = a->dtype, .rank = rank };
	memcpy(parameter->shape, shape, rank * sizeof(*shape));
	block->parameter_count++;
	if (strcmp(suffix, "weight") == 0)
		block->weight_size_bytes = 0;
	if (block->weight_size_bytes != UINT64_MAX)
		block->weight_size_bytes += size_of(parameter);
}

void architecture_linear(struct architecture *a, int64_t out, int64_t in, bool bias, const char *module, ...)
{
	va_list arguments;

	va_start(arguments, module);
	add_block(a, "Linear", true, module, arguments);
	va_end(arguments);
	architecture_parameter(a, "weight", 2, (int64_t[]) { out, in });
	if (bias)
		architecture_parameter(a, "bias", 1, &out);
}

void architecture_convolution(struct architecture *a, int64_t out, int64_t in, int64_t kernel, const char *module, ...)
{
	va_list arguments;

	va_start(arguments, module);
	add_block(a, "Conv2d", true, module, arguments);
	va_end(arguments);
	architecture_parameter(a, "weight", 4, (int64_t[]) { out, in, kernel, kernel });
	architecture_parameter(a, "bias", 1, &out);
}

void architecture_norm(struct architecture *a, const char *type, int64_t channels, const char *module, ...)
{
	va_list arguments;

	va_start(arguments, module);
	add_block(a, type, true, module, arguments);
	va_end(arguments);
	architecture_parameter(a, "weight", 1, &channels);
	architecture_parameter(a, "bias", 1, &channels);
}

uint64_t architecture_size_bytes(const struct architecture *a)
{
	uint64_t size_bytes = 0;

	for (size_t i = 0; i < a->parameter_count; i++)
		size_bytes += size_of(&a->parameters[i]);
	return size_bytes;
}
