/* schedule.h - sigma tables of the sampling types, and the schedulers that pick from them; all in float32 as PyTorch does it. */
#ifndef RESIDENCY_COMPUTE_SCHEDULE_H
#define RESIDENCY_COMPUTE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* Flow models, by how their sigmas are shifted; each a row of schedule.c. */
enum sampling_type {
	SAMPLING_SHIFT_EXPONENTIAL, /* upstream's ModelSamplingFlux: the shift is mu, 1.15 by default */
	SAMPLING_SHIFT_LINEAR /* upstream's ModelSamplingDiscreteFlow: the shift is a factor, of Wan 8, of HunyuanVideo 7 */
};

struct sigma_table {
	enum sampling_type type;
	double shift;
	double multiplier; /* linear: of the timestep */
	float *sigmas; /* ascending */
	size_t count;
};

bool schedule_table_make(struct sigma_table *table, enum sampling_type type, double shift, double multiplier, struct error *e);
void schedule_table_free(struct sigma_table *table);

/* NULL-terminated names of the schedulers there are. */
extern const char *const schedule_names[];

/* steps values and a last one, usually 0. denoise < 1 takes the end of a longer schedule; 0 or less gives none. The caller frees
 * *sigmas. ERROR_UNSUPPORTED names the schedulers there are. */
bool schedule_make(const struct sigma_table *table, const char *scheduler, unsigned steps, double denoise, float **sigmas,
		   size_t *count, struct error *e);

#endif
