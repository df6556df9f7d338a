/* adapters.h - LoRA files made of tensors that the goldens keep, and goldens by name. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_ADAPTERS_H
#define RESIDENCY_TESTS_CONFORMANCE_ADAPTERS_H

#include "core/patch/patch.h"
#include "tests/conformance/numerics.h"

#define ADAPTERS_MAX 8

/* A tensor by name, or by its alias; NULL if there is none. */
__attribute__((format(printf, 2, 3))) const struct safetensors_tensor *golden_find(const struct numerics_data *data,
										   const char *format, ...);

/* The tensors under "PREFIX.0/", "PREFIX.1/", ... as LoRA files. */
struct adapters {
	struct lora_file *files[ADAPTERS_MAX];
	uint8_t *bytes[ADAPTERS_MAX];
	size_t count;
};
bool adapters_read(struct adapters *adapters, const struct numerics_data *data, const char *prefix, struct error *e);
void adapters_free(struct adapters *adapters);

/* The largest absolute difference of two arrays, over the largest absolute value of the second. */
double relative_difference(const float *found, const float *wanted, size_t count);

#endif
