/* print.c - the list of printers; each names the benchmark that it prints, so that their order says nothing. */
#include "cli/bench/print.h"

#include "core/base/array.h"

static const struct bench_printer *const printers[] = {
	&printer_links,	  &printer_offload, &printer_load,     &printer_dequant, &printer_plan,	  &printer_patch,
	&printer_predict, &printer_writer,  &printer_snapshot, &printer_probes,	 &printer_matrix,
};

const struct bench_printer *bench_printer_of(const struct bench *bench)
{
	for (size_t i = 0; i < ARRAY_SIZE(printers); i++)
		if (printers[i]->bench == bench)
			return printers[i];
	return NULL;
}
