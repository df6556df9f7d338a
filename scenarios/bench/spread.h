/* spread.h - what repeats of one measurement say together. */
#ifndef RESIDENCY_SCENARIOS_SPREAD_H
#define RESIDENCY_SCENARIOS_SPREAD_H

#include <stddef.h>

struct bench_spread {
	double median; /* of an even count: the mean of the middle two */
	double least, most;
	size_t count;
};

/* Sorts values. All NAN where count is 0. */
struct bench_spread spread_of(double *values, size_t count);

/* Least squares y = intercept + slope * x, and how much of y's variance it explains (1 where y does not vary). Both NAN with
 * fewer than two different x. */
struct line_fit {
	double intercept, slope, r_squared;
};
struct line_fit spread_line_fit(const double *x, const double *y, size_t count);

#endif
