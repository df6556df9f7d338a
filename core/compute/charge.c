/* charge.c - the cost of a block that no forward runs.
 *
 * Each parameter is fetched as an operation would fetch it, one after the other: those on the compute device are free, others are
 * copied there and, in another type than the pass's, converted. The block's own work is one kernel after that.
 */
#include "core/compute/compute.h"
#include "core/compute/fetch.h"
#include "core/compute/pass.h"

bool compute_charge_block(struct compute *c, size_t block, const struct kernel_cost *cost)
{
	const struct block *from = &c->model->blocks[block];

	for (size_t i = 0; !c->failed && i < from->parameter_count; i++) {
		struct fetched_module module;

		fetch_parameter(c, &module, OPERATION_LINEAR, c->model->parameters[from->first_parameter + i].name);
		fetch_release(c, &module);
	}
	return !c->failed && (stream_kernel(c->stream, cost, c->error) || pass_fail_as_set(c) != NULL);
}
