/* placed_run.h - one model, placed and run for a moment: seconds of an iteration.
 *
 * A synthetic model at its full size, by name (core/model/synthesis/synthesis.h), on a machine of its own. On sim the time is the simulator's and
 * nothing is computed; on a backend with bytes it is real. FLUX.1 is what is sampled here.
 */
#ifndef RESIDENCY_SCENARIOS_PLACED_RUN_H
#define RESIDENCY_SCENARIOS_PLACED_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "core/model/model.h"

/* Borrowed; lives as long as the run. */
struct placed_request {
	const struct topology *topology;
	const struct backend *backend;
	const char *model; /* a name that a model is simulated by */
	unsigned compute; /* device index */
	int64_t width, height; /* of the latent: an eighth of the pixels */
	const bool *interrupted; /* may be NULL */
};

struct placed_result {
	double seconds; /* of the last of two iterations; NAN where the model or its activations did not fit */
	uint64_t moved_bytes; /* that crossed a link in it */
	uint64_t peak_bytes; /* most that the compute device held, weights and activations */
};

/* The model, to see its blocks; valid in `place` only. */
struct placer {
	void *context;
	/* Fills device_of for every block of the model, in its order. */
	bool (*place)(void *context, const struct model *model, unsigned *device_of, struct error *e);
};

/* Opens, places, runs two steps, closes. *offloaded_bytes (may be NULL): weights that rest elsewhere than on the compute device. Out of
 * device memory is a result, not an error. */
bool placed_run(const struct placed_request *request, const struct placer *placer, struct placed_result *result,
		uint64_t *offloaded_bytes, struct error *e);

#endif
