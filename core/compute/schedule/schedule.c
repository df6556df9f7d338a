/* schedule.c - sigmas from a table of a sampling type.
 *
 * A type is a row: how many sigmas its table has, the sigma of a timestep and the timestep of a sigma. A table lists the
 * sigmas of evenly spaced timesteps, ascending; the schedulers pick entries of it or ask the row in between.
 */
#include "core/compute/schedule/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"

#define STEPS_MAX 100000u

struct sampling_row {
	unsigned entries;
	float (*sigma)(const struct sigma_table *table, float timestep);
	bool timestep_is_multiplied; /* timesteps are sigmas times the multiplier */
};

/* e^mu / (e^mu + 1/u - 1), as PyTorch computes it: a number divided by a tensor is a reciprocal and a product. */
static float exponential_sigma(const struct sigma_table *table, float u)
{
	float e = (float)exp(table->shift);

	return 1.0F / (e + (1.0F / u - 1.0F)) * e;
}

static float linear_sigma(const struct sigma_table *table, float timestep)
{
	float u = timestep / (float)table->multiplier;

	return table->shift == 1.0 ? u : (float)table->shift * u / (1.0F + (float)(table->shift - 1.0) * u);
}

static const struct sampling_row sampling_rows[] = {
	[SAMPLING_SHIFT_EXPONENTIAL] = { .entries = 10000, .sigma = exponential_sigma },
	[SAMPLING_SHIFT_LINEAR] = { .entries = 1000, .sigma = linear_sigma, .timestep_is_multiplied = true },
};

static float sigma_at(const struct sigma_table *table, float timestep)
{
	return sampling_rows[table->type].sigma(table, timestep);
}

static float timestep_of(const struct sigma_table *table, float sigma)
{
	return sampling_rows[table->type].timestep_is_multiplied ? sigma * (float)table->multiplier : sigma;
}

bool schedule_table_make(struct sigma_table *table, enum sampling_type type, double shift, double multiplier, struct error *e)
{
	*table = (struct sigma_table) {
		.type = type, .shift = shift, .multiplier = multiplier, .count = sampling_rows[type].entries
	};
	table->sigmas = array_new(table->count, sizeof(*table->sigmas), e);
	if (!table->sigmas)
		return false;
	for (size_t i = 0; i < table->count; i++)
		table->sigmas[i] = sigma_at(table, timestep_of(table, (float)(i + 1) / (float)table->count));
	return true;
}

void schedule_table_free(struct sigma_table *table)
{
	free(table->sigmas);
	*table = (struct sigma_table) { .sigmas = NULL };
}

/* Every n-th entry from the end. */
static size_t simple(const struct sigma_table *table, unsigned steps, float *sigmas)
{
	double stride = (double)table->count / (double)steps;

	for (unsigned k = 0; k < steps; k++)
		sigmas[k] = table->sigmas[table->count - 1 - (size_t)((double)k * stride)];
	sigmas[steps] = 0;
	return steps + 1;
}

/* torch.linspace in float32: from both ends towards the middle, each step one fused multiply-add. */
static float linspace(float first, float last, unsigned count, unsigned i)
{
	float step = (last - first) / (float)(count - 1);

	if (count == 1)
		return first;
	return i < count / 2 ? fmaf((float)i, step, first) : fmaf(-(float)(count - 1 - i), step, last);
}

/* Evenly spaced timesteps; a table that ends at 0 already gives the last one. */
static size_t normal(const struct sigma_table *table, unsigned steps, float *sigmas)
{
	float first = timestep_of(table, table->sigmas[table->count - 1]);
	float last = timestep_of(table, table->sigmas[0]);
	bool ends_at_zero = fabs((double)sigma_at(table, last)) <= 1e-5;
	unsigned count = ends_at_zero ? steps + 1 : steps;

	for (unsigned i = 0; i < count; i++)
		sigmas[i] = sigma_at(table, linspace(first, last, count, i));
	if (!ends_at_zero)
		sigmas[count] = 0;
	return steps + 1;
}

const char *const schedule_names[] = { "simple", "normal", NULL };

bool schedule_make(const struct sigma_table *table, const char *scheduler, unsigned steps, double denoise, float **sigmas,
		   size_t *count, struct error *e)
{
	static size_t (*const makers[])(const struct sigma_table *, unsigned, float *) = { simple, normal };
	unsigned whole = denoise > 0.9999 ? steps : (unsigned)((double)steps / denoise);
	size_t made;
	size_t kept;
	size_t which = 0;

	*sigmas = NULL;
	*count = 0;
	while (schedule_names[which] && strcmp(schedule_names[which], scheduler) != 0)
		which++;
	if (!schedule_names[which])
		return error_set(e, ERROR_UNSUPPORTED, "scheduler \"%.40s\" is not built in; there are simple and normal",
				 scheduler);
	if (denoise <= 0)
		return true;
	if (steps < 1 || whole > STEPS_MAX)
		return error_set(e, ERROR_FORMAT, "%u steps with denoise %g; there may be 1 to %u", steps, denoise, STEPS_MAX);
	*sigmas = array_new(whole + 2, sizeof(**sigmas), e);
	if (!*sigmas)
		return false;
	made = makers[which](table, whole, *sigmas);
	kept = steps + 1 < made ? steps + 1 : made;
	memmove(*sigmas, *sigmas + made - kept, kept * sizeof(**sigmas));
	*count = kept;
	return true;
}
