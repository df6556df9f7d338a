/* forward.h - what the files of part forward share: a golden pair opened, models made of its weights, tensors compared. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_FORWARD_H
#define RESIDENCY_TESTS_CONFORMANCE_FORWARD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/json.h"
#include "core/compute/compute.h"
#include "core/model/families/family.h"
#include "core/tensor/safetensors/safetensors.h"
#include "tests/conformance/part.h"

struct forward_data {
	const char *folder;
	const char *name;
	struct tally *tally;
	json_t *json;
	struct safetensors *tensors; /* NULL where the pair is JSON alone */
	struct machine *machine; /* host: cpu and one card */
	struct device *device;
};

bool forward_open(struct forward_data *f, struct error *e);
void forward_close(struct forward_data *f);

/* Float32 values of a golden tensor, converted; the caller frees. NULL where there is none. */
float *forward_values(const struct forward_data *f, const struct safetensors_tensor *tensor);
const struct safetensors_tensor *forward_tensor(const struct forward_data *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
float *forward_input(const struct forward_data *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
int64_t *forward_ids(const struct forward_data *f, const char *case_name, const char *input, size_t *count);

/* A model of a family from a file's tensors: PREFIX + parameter name. Weights are rounded to dtype; `factor` multiplies every
 * weight of two and more dimensions and every bias. The config is JSON's; freed with the model. */
struct model *forward_model(struct forward_data *f, const struct family *family, const json_t *config,
			    const struct safetensors *file, const char *prefix, enum dtype dtype, float factor,
			    struct error *e);

/* One comparison is one case: passes if max |difference| / max |reference| is at most tolerance. */
void forward_compare(const struct forward_data *f, const char *case_name, const char *what,
		     const struct safetensors_tensor *golden, const float *values, size_t count, double tolerance);

/* A tap that compares each value told with the golden CASE.act.MODULE (and probe.MODULE.in and .out), where there is one. */
struct forward_tap {
	struct compute_tap tap;
	const struct forward_data *f;
	const char *case_name;
	const char *strip; /* a prefix that golden names lack */
	double tolerance;
	size_t compared;
	bool probes;
};
void forward_tap_begin(struct forward_tap *tap, const struct forward_data *f, const char *case_name, double tolerance);
/* Every golden activation of the case must have been told once. */
void forward_tap_end(const struct forward_tap *tap);

double forward_tolerance(const char *case_name);

void forward_flux(struct forward_data *f);
void forward_flux_eps(struct forward_data *f);
void forward_clip(struct forward_data *f);
void forward_clip_eps(struct forward_data *f);
void forward_t5(struct forward_data *f);
void forward_t5_eps(struct forward_data *f);
void forward_autoencoder(struct forward_data *f);
void forward_autoencoder_eps(struct forward_data *f);
void forward_e2e(struct forward_data *f);
void forward_noise(struct forward_data *f);
void forward_schedules(struct forward_data *f);
void forward_samplers(struct forward_data *f);

#endif
