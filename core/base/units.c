#include "core/base/units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/array.h"
#include "core/base/clock.h"

static int digits_after_point(double value)
{
	if (value >= 99.95)
		return 0;
	return value >= 9.995 ? 1 : 2;
}

char *units_bytes(uint64_t size_bytes, char text[UNITS_TEXT_MAX])
{
	static const char *const names[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double value = (double)size_bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < ARRAY_SIZE(names)) {
		value /= 1000;
		unit++;
	}
	snprintf(text, UNITS_TEXT_MAX, "%.*f %s", unit ? digits_after_point(value) : 0, value, names[unit]);
	return text;
}

char *units_duration(uint64_t duration_ns, char text[UNITS_TEXT_MAX])
{
	static const char *const names[] = { "ns", "us", "ms", "s" };
	double value = (double)duration_ns;
	size_t unit = 0;

	if (duration_ns >= 60 * NS_PER_S) {
		uint64_t seconds = (duration_ns + NS_PER_S / 2) / NS_PER_S;

		snprintf(text, UNITS_TEXT_MAX, "%llu min %02llu s", (unsigned long long)(seconds / 60),
			 (unsigned long long)(seconds % 60));
		return text;
	}
	while (value >= 999.5 && unit + 1 < ARRAY_SIZE(names)) {
		value /= 1000;
		unit++;
	}
	snprintf(text, UNITS_TEXT_MAX, "%.*f %s", unit ? digits_after_point(value) : 0, value, names[unit]);
	return text;
}

bool units_parse_bytes(const char *text, uint64_t *size_bytes)
{
	static const struct {
		const char *name;
		double factor;
	} units[] = {
		{ .name = "", .factor = 1 },	     { .name = "b", .factor = 1 },
		{ .name = "kb", .factor = 1e3 },     { .name = "mb", .factor = 1e6 },
		{ .name = "gb", .factor = 1e9 },     { .name = "tb", .factor = 1e12 },
		{ .name = "kib", .factor = 1024.0 }, { .name = "mib", .factor = 1048576.0 },
		{ .name = "gib", .factor = 0x1p30 }, { .name = "tib", .factor = 0x1p40 },
	};
	char *end;
	double value = strtod(text, &end);

	if (end == text || !isfinite(value) || value < 0)
		return false;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcasecmp(end, units[i].name) != 0)
			continue;
		value *= units[i].factor;
		if (value >= 0x1p63)
			return false;
		*size_bytes = (uint64_t)value;
		return true;
	}
	return false;
}
