/* bench_dequant.h - how fast one core turns each quantised type into float32, by each set of instructions that it has.
 *
 * Blocks of random bytes (scales kept finite) are dequantised over and over into memory that stays in the second-level cache, so
 * that what is measured is the arithmetic and not the bus. Time is what the processor gave, not what passed.
 */
#ifndef RESIDENCY_SCENARIOS_BENCH_DEQUANT_H
#define RESIDENCY_SCENARIOS_BENCH_DEQUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/tensor/quant/quant.h"
#include "db/records/record.h"
#include "scenarios/bench/spread.h"

struct bench_dequant_point {
	enum quant type;
	enum quant_way way;
	const char *kernels; /* "scalar", "avx2", ... */
	struct bench_spread elements_per_s;
};

struct bench_dequant {
	struct bench_dequant_point *points;
	size_t point_count, point_capacity;
	size_t element_count; /* dequantised at a time */
};

/* sink: a sample of series "dequant" a point; may be NULL. repeats 0: 5. The caller frees *result with bench_dequant_free(), also
 * after an error. */
bool bench_dequant(unsigned repeats, const struct record_sink *sink, const bool *interrupted, struct bench_dequant *result,
		   struct error *e);
void bench_dequant_free(struct bench_dequant *result);

#endif
