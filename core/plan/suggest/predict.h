/* predict.h - seconds per iteration of a placed model, from bytes, passes and links.
 *
 *	seconds = resident + sum over donors of passes * (bytes * expansion / (bandwidth * efficiency) + copies * latency)
 *
 * resident is what an iteration takes with every weight on the compute device. In every pass each weight that waits elsewhere
 * crosses a link once; nothing overlaps, as upstream loads. `expansion` counts where a copy converts: from the host the stored
 * bytes cross and the card converts them; from one card to another PyTorch converts on the source, so that 8-bit weights cross as 16
 * bits. That is a reading of published tables, not a measurement, so it is a term that can be switched off (converts_at_source).
 *
 * The formula is what a run of the placement (scenarios/placed/placed_pass.h) is compared with, and what says which are worth running.
 */
#ifndef RESIDENCY_PLAN_PREDICT_H
#define RESIDENCY_PLAN_PREDICT_H

#include "core/device/topology/topology.h"

struct predict_terms {
	double passes; /* of the model in an iteration */
	double resident_seconds; /* NAN: unknown */
	double expansion; /* bytes in the pass's type for each stored byte: 2 for 8-bit weights, 1 where none is cast in a copy */
	bool converts_at_source; /* between cards */
};

struct predict_load {
	uint64_t bytes_on[DEVICE_MAX]; /* weights resting on each device */
	size_t copies_on[DEVICE_MAX]; /* blocks of them that have any */
};

struct prediction {
	double seconds; /* NAN where resident_seconds is */
	double copy_seconds; /* of an iteration, all donors; what offloading adds */
	double conversion_seconds; /* the part of it that is converting at the source */
};

/* Seconds that one byte resting on `from` adds to an iteration on `compute`; 0 for the device itself, INFINITY where no way leads. */
double predict_seconds_per_byte(const struct topology *topology, unsigned from, unsigned compute,
				const struct predict_terms *terms);

struct prediction predict(const struct topology *topology, unsigned compute, const struct predict_load *load,
			  const struct predict_terms *terms);

#endif
