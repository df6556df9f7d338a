/* torture.h - a piece of work whose every allocation is made to fail once.
 *
 * The program is linked with malloc and its kin wrapped. A piece runs cleanly once, which counts its allocations; then it runs
 * again and again, and in each run one allocation fails. Every time it must end with an error that says why, or succeed in
 * spite of it, and give back all it took.
 */
#ifndef RESIDENCY_TESTS_TORTURE_TORTURE_H
#define RESIDENCY_TESTS_TORTURE_TORTURE_H

#include <stdbool.h>

#include "core/base/error.h"

struct torture_piece {
	const char *name;
	bool (*run)(struct error *e);
};

bool torture_devices(struct error *e);
bool torture_flow(struct error *e);
bool torture_log(struct error *e);
bool torture_now(struct error *e);
bool torture_matrix(struct error *e);
bool torture_explore(struct error *e);
bool torture_manager(struct error *e);
bool torture_families(struct error *e);
bool torture_weights_file(struct error *e);
bool torture_scenario(struct error *e);
bool torture_sweep(struct error *e);
bool torture_triage(struct error *e);
bool torture_patch(struct error *e);
bool torture_patch_file(struct error *e);
bool torture_tensor(struct error *e);
bool torture_plans(struct error *e);
bool torture_advice(struct error *e);
bool torture_suggestions(struct error *e);
bool torture_gguf_model(struct error *e);
bool torture_other_layout(struct error *e);
bool torture_made_up_blocks(struct error *e);

extern const struct torture_piece torture_pieces[]; /* a row without a name ends it */

#endif
