#include "tests/patch/small.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

void small_open(struct small *small, const struct backend *backend)
{
	struct error e = ERROR_INIT;

	small->machine = fixture_card(backend, GIB, GIB, &e);
	ck_assert_ok(small->machine, &e);
	small->folder = harness_make_folder();
}

void small_close(struct small *small)
{
	machine_close(small->machine);
	harness_remove_folder(small->folder);
}

struct model *small_model(const struct small *small, const struct parameter_description *parameters, size_t count)
{
	struct block_description blocks[8];
	struct error e = ERROR_INIT;
	struct model *model;

	ck_assert_uint_le(count, ARRAY_SIZE(blocks));
	for (size_t i = 0; i < count; i++)
		blocks[i] = (struct block_description) {
			.name = parameters[i].name, .type = "Linear", .parameter_count = 1, .has_bias = true, .castable = true
		};
	model = model_new(small->machine, machine_device(small->machine, 0), "m", MODEL_UNET, blocks, count, parameters, count,
			  &e);
	ck_assert_ok(model, &e);
	return model;
}

struct lora_file *small_lora(const struct small *small, const struct safetensors_entry *entries, size_t count)
{
	struct error e = ERROR_INIT;
	struct lora_file *lora;
	char path[300];

	snprintf(path, sizeof(path), "%s/lora.safetensors", small->folder);
	ck_assert_ok(safetensors_write(path, entries, count, NULL, &e), &e);
	lora = lora_open(small->folder, "lora.safetensors", &e);
	ck_assert_ok(lora, &e);
	return lora;
}

void one_begin(struct one *one, const struct model *model, struct lora_file *lora, double strength)
{
	struct error e = ERROR_INIT;

	ck_assert_ptr_nonnull(lora);
	*one = (struct one) { .use = { .match = lora_match(lora, model, &e), .strength = strength, .strength_model = 1 } };
	ck_assert_ok(one->use.match, &e);
	lora_close(lora);
	one->list = (struct patch_list) { .uses = &one->use, .use_count = 1 };
}

void one_end(struct one *one)
{
	lora_match_end(one->use.match);
}
