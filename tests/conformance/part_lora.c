/* The lora.* records of `numerics`: adapters of every kind on a small net's weights, in every weight type; the float32 sum, the cast,
 * and the run-time path in both compute types. */
#include "tests/conformance/part_lora.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/patch/patch.h"
#include "core/tensor/convert.h"
#include "core/tensor/stochastic.h"

#define ADAPTERS_MAX 8

/* ---- tensors of a record ---- */

struct goldens {
	struct safetensors *file;
	const json_t *alias;
};

static const struct safetensors_tensor *golden(const struct goldens *goldens, const char *name)
{
	const struct safetensors_tensor *tensor = safetensors_find(goldens->file, name);
	const char *stored = tensor ? NULL : json_string_value(json_object_get(goldens->alias, name));

	return stored ? safetensors_find(goldens->file, stored) : tensor;
}

__attribute__((format(printf, 2, 3))) static const struct safetensors_tensor *find(const struct goldens *goldens,
										   const char *format, ...)
{
	char name[300];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	return golden(goldens, name);
}

/* ---- the net ---- */

#define KEY(module) "diffusion_model.blk." module

static const int64_t lin[] = { 8, 12 };
static const int64_t sq[] = { 8, 8 };
static const int64_t conv[] = { 6, 4, 3, 3 };
static const int64_t qkv[] = { 12, 6 };
static const int64_t eight[] = { 8 };
static const int64_t six[] = { 6 };
static const int64_t twelve[] = { 12 };

static const struct key_target net[] = {
	{ KEY("lin.weight"), 2, lin }, { KEY("lin.bias"), 1, eight }, { KEY("sq.weight"), 2, sq },    { KEY("sq.bias"), 1, eight },
	{ KEY("conv.weight"), 4, conv }, { KEY("conv.bias"), 1, six }, { KEY("qkv.weight"), 2, qkv }, { KEY("qkv.bias"), 1, twelve },
	{ KEY("norm.weight"), 1, eight }, { KEY("norm.bias"), 1, eight },
};

/* Names of rows of qkv stand beside the modules' own. */
static void add_net(struct key_builder *b)
{
	static const char *const parts[] = { "q", "k", "v" };

	for (size_t i = 0; i < ARRAY_SIZE(net); i++) {
		char module[KEY_MAX_BYTES];

		if (key_between(net[i].key, "", ".weight", module))
			key_add(b, module, net[i].key);
	}
	for (int i = 0; i < 3; i++)
		key_add_slice(b, parts[i], KEY("qkv.weight"), (struct slice) { .first = 4 * i, .count = 4 });
}

static const struct key_rules net_rules = { .name = "the goldens' net", .add = add_net };

/* ---- adapter files, made of the goldens' tensors ---- */

/* The tensors under "lora.KIND.NAME.i/" as a file in memory; NULL without an error where there are none. */
static char *write_adapter(const struct goldens *goldens, const char *prefix, const char *path, struct error *e)
