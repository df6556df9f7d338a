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

#endif
