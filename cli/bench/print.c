/* print.c - the list of printers; each names the benchmark that it prints, so that their order says nothing. */
#include "cli/bench/print.h"

#include "core/base/array.h"

static const struct bench_printer *const printers[] = {
	&bench_printer_links,	 &bench_printer_offload, &bench_printer_load,	 &bench_printer_dequant,
	&bench_printer_plan,	 &bench_printer_patch,	 &bench_printer_predict, &bench_printer_writer,
	&bench_printer_snapshot, &bench_printer_probes,	 &bench_printer_matrix,
};

const struct bench_printer *bench_printer_of(const struct bench *bench)
{
	for (size_t i = 0; i < ARRAY_SIZE(printers); i++)
		if (printers[i]->bench == bench)
			return printers[i];
	return NULL;
}
