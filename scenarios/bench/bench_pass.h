/* bench_pass.h - the models of the published tables, placed and run in the simulator. Private to scenarios/bench. */
#ifndef RESIDENCY_SCENARIOS_BENCH_PASS_H
#define RESIDENCY_SCENARIOS_BENCH_PASS_H

#include "core/plan/place/blocks.h"
#include "core/plan/suggest/costs.h"

struct bench_pass {
	struct block_list list;
	struct pass_costs costs;
	const struct topology *topology; /* borrowed */
	unsigned compute;
	struct topology *boundless;
	bool converts_at_source;
	double resident_seconds; /* as simulated */
};

/* A model by its name and precision in the table ("flux1-dev-Q8_0", "gguf_Q8_0"). *known is false, and nothing else done, where the
 * name stands for none. The caller closes with bench_pass_close(), also after an error. */
bool bench_pass_open(struct bench_pass *pass, const char *model, const char *precision, const struct topology *topology,
		     unsigned compute, bool converts_at_source, bool *known, struct error *e);
void bench_pass_close(struct bench_pass *pass);

/* What offloading so many bytes to a device adds to an iteration: planned as upstream did when the tables were made, and run. */
bool bench_pass_added_seconds(const struct bench_pass *pass, double offloaded_bytes, unsigned donor, double *seconds,
			      struct error *e);

#endif
