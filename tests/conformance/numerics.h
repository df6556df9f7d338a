/* numerics.h - the cases of part `numerics`, by file of the data. Each reads its files from folder; one that is not there is no
 * case. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_NUMERICS_H
#define RESIDENCY_TESTS_CONFORMANCE_NUMERICS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/json.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/conformance/part.h"

/* Opens folder/name.safetensors and folder/name.json; *there is false, and nothing is open, where the first is missing. */
struct numerics_data {
	struct safetensors *tensors;
	json_t *json;
};
bool numerics_open(struct numerics_data *data, const char *folder, const char *name, bool *there, struct error *e);
void numerics_close(struct numerics_data *data);

/* The count of codes that differ, NaNs as a class; *first is the first of them. */
size_t numerics_differ(enum dtype dtype, const void *found, const void *wanted, size_t count, size_t *first);

bool numerics_conversions(const char *folder, struct tally *tally, struct error *e);
bool numerics_rounding(const char *folder, struct tally *tally, struct error *e);
bool numerics_gguf(const char *folder, struct tally *tally, struct error *e);
bool numerics_lora(const char *folder, struct tally *tally, struct error *e);
bool numerics_lpd(const char *folder, struct tally *tally, struct error *e);

#endif
