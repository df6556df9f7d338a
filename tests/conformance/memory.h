/* memory.h - how much of the heap a piece of work takes at most: malloc and its kin are wrapped in this program. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_MEMORY_H
#define RESIDENCY_TESTS_CONFORMANCE_MEMORY_H

#include <stddef.h>

/* From here on the peak is counted anew. Returns what is in use now. */
size_t memory_begin(void);
/* The most that was in use since, less what was then. */
size_t memory_peak(size_t at_begin);

#endif
