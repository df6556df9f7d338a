/* units.h - bytes and times as people write them. GB = 1e9 bytes, GiB = 2^30; an allocation string's "gb" is GiB (plan/). */
#ifndef RESIDENCY_BASE_UNITS_H
#define RESIDENCY_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)
#define GB UINT64_C(1000000000)

#define UNITS_TEXT_MAX 32

/* "23.8 GB", "412 kB", "17 B": three significant digits. Writes into text[UNITS_TEXT_MAX] and returns it. */
char *units_bytes(uint64_t size_bytes, char text[UNITS_TEXT_MAX]);

/* "1.32 s", "411 us", "2 min 03 s". */
char *units_duration(uint64_t duration_ns, char text[UNITS_TEXT_MAX]);

/* "24GB", "512 MiB", "1.5e9", "800000": a size with an optional unit; false if it is not one or does not fit. */
bool units_parse_bytes(const char *text, uint64_t *size_bytes);

#endif
