#include "core/base/clock.h"

#include <math.h>
#include <time.h>

uint64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t clock_wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * (int64_t)NS_PER_S + (int64_t)now.tv_nsec;
}

#define DURATION_MAX_NS (UINT64_C(1) << 62)

uint64_t clock_ns_from_seconds(double seconds)
{
	double ns = ceil(seconds * (double)NS_PER_S);

	if (!(ns > 0))
		return 0;
	return ns < (double)DURATION_MAX_NS ? (uint64_t)ns : DURATION_MAX_NS;
}

uint64_t clock_add_ns(uint64_t a_ns, uint64_t b_ns)
{
	return a_ns < DURATION_MAX_NS - (b_ns < DURATION_MAX_NS ? b_ns : DURATION_MAX_NS) ? a_ns + b_ns : DURATION_MAX_NS;
}
