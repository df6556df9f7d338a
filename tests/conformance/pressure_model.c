#include "tests/conformance/pressure_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"

#define NAME_MAX_BYTES 160

/* What a model is built from, while it is read. */
struct sketch {
	struct block_description *blocks;
	struct parameter_description *parameters;
	char (*names)[NAME_MAX_BYTES]; /* of parameters */
	size_t block_count, parameter_count;
	enum dtype dtype;
};

static const char *text_at(const json_t *row, size_t index)
{
	const char *text = json_string_value(json_array_get(row, index));

	return text ? text : "";
}

static void add_parameter(struct sketch *sketch, const char *block, const char *name, unsigned rank, int64_t first,
			  int64_t second)
{
	size_t index = sketch->parameter_count++;

	snprintf(sketch->names[index], NAME_MAX_BYTES, "%s.%s", block, name);
	sketch->parameters[index] = (struct parameter_description) {
		.name = sketch->names[index], .dtype = sketch->dtype, .rank = rank, .shape = { first, second }
	};
}

/* A layer is [name, kind, in, out, bias]; kind c may be cast, p may not, x is what a container owns. */
static void add_layer(struct sketch *sketch, const json_t *layer)
{
	struct block_description *block = &sketch->blocks[sketch->block_count++];
	int64_t in = json_integer_value(json_array_get(layer, 2));
	int64_t out = json_integer_value(json_array_get(layer, 3));
	size_t before = sketch->parameter_count;

	*block = (struct block_description) { .name = text_at(layer, 0),
					      .type = "Linear",
					      .has_bias = true, /* without one it is None, which counts */
					      .castable = strcmp(text_at(layer, 1), "c") == 0,
					      .of_container = strcmp(text_at(layer, 1), "x") == 0 };
	add_parameter(sketch, block->name, block->of_container ? "own" : "weight", 2, out, in);
	if (json_integer_value(json_array_get(layer, 4)))
		add_parameter(sketch, block->name, "bias", 1, out, 1);
	block->parameter_count = sketch->parameter_count - before;
	for (size_t i = before; i < sketch->parameter_count; i++) {
		const struct parameter_description *parameter = &sketch->parameters[i];

		block->weight_size_bytes +=
			dtype_size_bytes(parameter->dtype) * (uint64_t)(parameter->shape[0] * parameter->shape[1]);
	}
}

static const json_t *find_layer(const json_t *layers, const char *name)
{
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const json_t *layer = json_array_get(layers, i);

		if (strcmp(text_at(layer, 0), name) == 0 && strcmp(text_at(layer, 1), "x") != 0)
			return layer;
	}
	return NULL;
}

/* Modules in the order of the load list, then what containers own. */
static bool add_layers(struct sketch *sketch, const json_t *model, struct error *e)
{
	const json_t *layers = json_object_get(model, "layers");
	const json_t *list = json_object_get(model, "load_list");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *layer = find_layer(layers, text_at(json_array_get(list, i), 0));

		if (!layer || sketch->block_count == json_array_size(layers))
			return error_set(e, ERROR_FORMAT, "%s is in the load list and no layer",
					 text_at(json_array_get(list, i), 0));
		add_layer(sketch, layer);
	}
	for (size_t i = 0; i < json_array_size(layers); i++) {
		const json_t *layer = json_array_get(layers, i);

		if (strcmp(text_at(layer, 1), "x") == 0 && sketch->block_count < json_array_size(layers))
			add_layer(sketch, layer);
	}
	return true;
}

static struct model *build(const struct world *world, const char *name, const json_t *model, struct error *e)
{
	size_t count = json_array_size(json_object_get(model, "layers"));
	enum model_kind kind = json_integer_value(json_object_get(model, "clip")) ? MODEL_CLIP : MODEL_UNET;
	struct sketch sketch = { .blocks = array_new(count, sizeof(*sketch.blocks), e),
				 .parameters = array_new(2 * count, sizeof(*sketch.parameters), e),
				 .names = array_new(2 * count, NAME_MAX_BYTES, e),
				 .dtype = json_integer_value(json_object_get(model, "es")) == 4 ? DTYPE_F32 : DTYPE_F16 };
	struct device *offload = world_device(world, json_string_value(json_object_get(model, "off")), e);
	struct model *built = NULL;

	if (sketch.blocks && sketch.parameters && sketch.names && offload && add_layers(&sketch, model, e))
		built = model_new(world->machine, offload, name, kind, sketch.blocks, sketch.block_count, sketch.parameters,
				  sketch.parameter_count, e);
	free(sketch.names);
	free(sketch.parameters);
	free(sketch.blocks);
	return built;
}

/* Rows of models keep the order of the sequence. */
static struct part_model *add_row(struct world *world, const char *name, const json_t *model, struct error *e)
{
	struct part_model *row = array_new(1, sizeof(*row), e);
	struct part_model **end = &world->models;
	const char *class_name = json_string_value(json_object_get(model, "cls"));
	char text[80];

	if (!row)
		return NULL;
	while (*end)
		end = &(*end)->next;
	*end = row;
	snprintf(text, sizeof(text), "M_%s", class_name ? class_name : name);
	row->name = string_copy(name, e);
	row->class_name = string_copy(text, e);
	return row->name && row->class_name ? row : NULL;
}

bool pressure_model_add(struct world *world, const char *name, const json_t *model, struct error *e)
{
	struct device *device = world_device(world, json_string_value(json_object_get(model, "dev")), e);
	struct part_model *row = device ? add_row(world, name, model, e) : NULL;
	struct model *built = row ? build(world, name, model, e) : NULL;
	struct patcher *patcher;

	if (!built)
		return false;
	built->class_name = row->class_name;
	if (built->size_bytes != (uint64_t)json_integer_value(json_object_get(model, "size"))) {
		error_set(e, ERROR_FORMAT, "model %s has %llu bytes", name, (unsigned long long)built->size_bytes);
		model_free(built);
		return false;
	}
	patcher = patcher_new(world->manager, built, device, name, e);
	if (!patcher || !world_add_actor(world, name, patcher, e))
		return false;
	weak_set(&row->inner, NULL, patcher->inner.target, "name", NULL);
	return world_add_label(world, patcher->patches_id, name, 0, e);
}
