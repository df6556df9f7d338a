/* bench.c - the list of benchmarks, and what they share.
 *
 * A row tells how large its result is, so that one function allocates, measures and frees any of them; what the result contains
 * is known to the benchmark and to its printer alone.
 */
#include "scenarios/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/array.h"

const struct bench *const bench_list[] = {
	&bench_row_links,   &bench_row_offload, &bench_row_load,     &bench_row_dequant, &bench_row_plan,   &bench_row_patch,
	&bench_row_predict, &bench_row_writer,	&bench_row_snapshot, &bench_row_probes,	 &bench_row_matrix, NULL,
};

void *bench_measure(const struct bench *bench, const struct bench_request *request, struct error *e)
{
	void *result = array_new(1, bench->result_size_bytes, e);

	if (!result || bench->measure(request, result, e))
		return result;
	bench_result_free(bench, result);
	return NULL;
}

void bench_result_free(const struct bench *bench, void *result)
{
	if (result && bench->free)
		bench->free(result);
	free(result);
}

bool bench_table(const struct bench_request *request, const char *name, char path[BENCH_PATH_MAX])
{
	int length = snprintf(path, BENCH_PATH_MAX, "%s/%s", request->tables, name);

	return length > 0 && length < BENCH_PATH_MAX && access(path, R_OK) == 0;
}

const char *bench_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && folder[0] ? folder : "/tmp";
}

unsigned bench_repeats(const struct bench_request *request, unsigned by_default)
{
	return request->repeats ? request->repeats : by_default;
}

bool bench_goes_on(const struct bench_request *request, struct error *e)
{
	return !*request->interrupted || error_set(e, ERROR_INTERRUPTED, "interrupted");
}
