/* spread.c - sorts a copy of the samples; median, least and most are read off. */
#include "scenarios/bench/spread.h"

#include <math.h>
#include <stdlib.h>

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

struct bench_spread spread_of(double *values, size_t count)
{
	if (!count)
		return (struct bench_spread) { .median = NAN, .least = NAN, .most = NAN };
	qsort(values, count, sizeof(*values), by_size);
	return (struct bench_spread) {
		.median = (values[(count - 1) / 2] + values[count / 2]) / 2,
		.least = values[0],
		.most = values[count - 1],
		.count = count,
	};
}

struct line_fit spread_line_fit(const double *x, const double *y, size_t count)
{
	struct line_fit fit = { NAN, NAN, NAN };
	double mean_x = 0;
	double mean_y = 0;
	double xx = 0;
	double xy = 0;
	double yy = 0;

	for (size_t i = 0; i < count; i++) {
		mean_x += x[i] / (double)count;
		mean_y += y[i] / (double)count;
	}
	for (size_t i = 0; i < count; i++) {
		xx += (x[i] - mean_x) * (x[i] - mean_x);
		xy += (x[i] - mean_x) * (y[i] - mean_y);
		yy += (y[i] - mean_y) * (y[i] - mean_y);
	}
	if (count < 2 || xx <= 0)
		return fit;
	fit.slope = xy / xx;
	fit.intercept = mean_y - fit.slope * mean_x;
	fit.r_squared = yy > 0 ? xy * xy / (xx * yy) : 1;
	return fit;
}
