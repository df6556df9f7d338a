/* bench_matrix.c - the same cells with a store and without one, in turn; the rate with a store counts until everything
 * is written.
 */
#include "scenarios/bench/bench_matrix.h"

#include <stdlib.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "db/writer.h"
#include "scenarios/bench/bench.h"
#include "scenarios/bench/bench_store.h"
#include "scenarios/flow/flows.h"
#include "scenarios/matrix/matrix.h"

#define REPEATS 9 /* of the row, where none are asked for */

static bool run(struct subject *subject, const struct matrix_axes *axes, const struct record_sink *sink, double *cells_per_s,
		struct error *e)
{
	struct matrix_run matrix = { .subject = subject, .subject_name = "engine", .sink = sink };
	uint64_t start_ns = clock_now_ns();

	if (!matrix_run(&matrix, axes, e))
		return false;
	*cells_per_s = (double)matrix_cell_count(axes, NULL) * 1e9 / (double)(clock_now_ns() - start_ns);
	return true;
}

/* The store's rate counts until all is written. */
static bool run_with_store(struct subject *subject, const struct matrix_axes *axes, const struct topology *topology,
			   const char *folder, double *cells_per_s, uint64_t *dropped, struct error *e)
{
	struct bench_store store;
	uint64_t start_ns = clock_now_ns();
	uint64_t lost = 0;
	double ignored;
	bool fine = bench_store_open(&store, folder, topology, "sim", true, e) && run(subject, axes, &store.sink, &ignored, e);

	fine = bench_store_close(&store, &lost, e) && fine;
	*dropped += lost;
	*cells_per_s = (double)matrix_cell_count(axes, NULL) * 1e9 / (double)(clock_now_ns() - start_ns);
	return fine;
}

bool bench_matrix(const char *folder, unsigned repeats, const bool *interrupted, struct bench_matrix *result, struct error *e)
{
	struct matrix_axes axes = matrix_axes_default();
	struct flow_set flows = { .flows = NULL };
	struct topology *topology = bench_topology("2x3090-nvlink", e);
	struct subject *subject = topology ? subject_engine_open(topology, &sim_backend, NULL, interrupted, e) : NULL;
	double *without_per_s = array_new(repeats, sizeof(*without_per_s), e);
	double *with_per_s = array_new(repeats, sizeof(*with_per_s), e);
	double warm_up;
	bool fine = subject && without_per_s && with_per_s && flow_set_add_builtin(&flows, e);

	axes.flows = flow_set_put_default_first(&flows);
	axes.flow_count = FLOWS_BY_DEFAULT;
	fine = fine && run(subject, &axes, NULL, &warm_up, e);
	*result = (struct bench_matrix) { .cell_count = fine ? matrix_cell_count(&axes, NULL) : 0 };
	for (unsigned i = 0; fine && i < repeats; i++) {
		fine = run(subject, &axes, NULL, &without_per_s[i], e) &&
		       run_with_store(subject, &axes, topology, folder, &with_per_s[i], &result->dropped, e);
		if (fine && interrupted && *interrupted)
			fine = error_set(e, ERROR_INTERRUPTED, "interrupted");
	}
	if (fine) {
		result->without_per_s = spread_of(without_per_s, repeats);
		result->with_per_s = spread_of(with_per_s, repeats);
	}
	flow_set_free(&flows);
	free(without_per_s);
	free(with_per_s);
	subject_close(subject);
	topology_free(topology);
	return fine;
}

static bool measure(const struct bench_request *request, void *result, struct error *e)
{
	return bench_matrix(bench_folder(), bench_repeats(request, REPEATS), request->interrupted, result, e);
}

const struct bench bench_row_matrix = {
	.name = "matrix",
	.summary = "retention cells a second, without a store and with one",
	.result_size_bytes = sizeof(struct bench_matrix),
	.measure = measure,
};
