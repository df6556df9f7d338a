#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/bench/bench.h"

const struct bench *const benches[] = {
	&bench_row_links,   &bench_row_offload, &bench_row_load,     &bench_row_dequant, &bench_row_plan,   &bench_row_patch,
	&bench_row_predict, &bench_row_writer,	&bench_row_snapshot, &bench_row_probes,	 &bench_row_matrix, NULL,
};

const char *bench_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && folder[0] ? folder : "/tmp";
}

bool bench_table(const struct bench_request *request, const char *name, char path[BENCH_PATH_MAX])
{
	int length = snprintf(path, BENCH_PATH_MAX, "%s/%s", request->tables, name);

	return length > 0 && length < BENCH_PATH_MAX && access(path, R_OK) == 0;
}
