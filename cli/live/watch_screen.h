/* watch_screen.h - what `live watch` shows: a state, a width and a height become lines of text.
 *
 * Nothing is asked and nothing is remembered here: the same view gives the same lines. They are no longer than the width, no more
 * than the height, and without colour plain text.
 */
#ifndef RESIDENCY_CLI_WATCH_SCREEN_H
#define RESIDENCY_CLI_WATCH_SCREEN_H

#include "core/base/strbuf.h"
#include "probes/live/live_now.h"

enum watch_sort { WATCH_BY_LIST, WATCH_BY_SIZE, WATCH_BY_NAME, WATCH_BY_DEVICE, WATCH_SORT_COUNT };

/* Why a server tells less than it could. */
enum watch_lack {
	WATCH_LACKS_NOTHING,
	WATCH_LACKS_PROBE, /* the server has no probe */
	WATCH_LACKS_ROUTE, /* it is older than this tool */
	WATCH_LACKS_PERMISSION /* it answers to its own machine only */
};

struct watch_view {
	const char *url;
	const struct live_now *now; /* the last answer; NULL before the first */
	enum watch_lack lack;
	uint64_t age_ns; /* of that answer */
	int64_t clock_ns; /* the time of day here, since midnight */
	uint64_t interval_ns; /* between two questions; 0: asked once, keys are not read */
	const char *trouble; /* why there is no newer answer; NULL where there is */
	uint64_t gone_ns; /* for how long */
	bool has_restarted; /* another process answers than before */
	uint64_t restarted_ns; /* since when */
	bool is_frozen;
	enum watch_sort sort;
	bool only_kept;
};

struct watch_shape {
	unsigned width;
	unsigned height; /* 0: as many lines as it takes */
	bool utf8, colour;
};

/* Appends the lines. False when out of memory. */
bool watch_screen(const struct watch_view *view, const struct watch_shape *shape, struct strbuf *out, struct error *e);

#endif
