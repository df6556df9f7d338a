/* clock.h - time in integer nanoseconds. */
#ifndef RESIDENCY_BASE_CLOCK_H
#define RESIDENCY_BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_US UINT64_C(1000)

/* Monotonic, since some point in the past; only differences mean something. */
uint64_t clock_now_ns(void);

/* Since 1970, UTC. For records; never for measuring. */
int64_t clock_wall_ns(void);

/* Durations that are computed, not measured: rounded up, and at most about 146 years, so that sums of a few never wrap. */
uint64_t clock_ns_from_seconds(double seconds);
uint64_t clock_add_ns(uint64_t a_ns, uint64_t b_ns);

#endif
