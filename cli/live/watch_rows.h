/* watch_rows.h - which models a screen shows, in which order: who is there, who has just left, and who should not have.
 * Private to cli/live.
 *
 * A model that was to be kept and left is shown until one of its name and kind is resident again; others for some seconds.
 */
#ifndef RESIDENCY_CLI_WATCH_ROWS_H
#define RESIDENCY_CLI_WATCH_ROWS_H

#include "cli/live/watch_screen.h"

#define WATCH_LEFT_SHOWN_NS (12 * UINT64_C(1000000000))

struct watch_row {
	const struct live_now_model *model; /* NULL: it is dead */
	const struct live_now_left *left; /* how it left; NULL where it has not, or long ago */
	bool is_missed; /* it was to be kept */
	size_t order; /* as it was told */
};

/* Rows borrow from view->now; the caller frees the array. NULL when out of memory. */
struct watch_row *watch_rows(const struct watch_view *view, size_t *count, struct error *e);

/* Of a row, dead or alive. */
const char *watch_row_name(const struct watch_row *row);
const char *watch_row_kind(const struct watch_row *row);
enum keep_request watch_row_keep(const struct watch_row *row);

/* How long ago something was, on the probe's clock. */
uint64_t watch_ago_ns(const struct watch_view *view, uint64_t time_ns);

/* Sums that cannot wrap. UNKNOWN_U64 counts as nothing. */
uint64_t watch_bytes_here(const struct live_now_model *model);
uint64_t watch_bytes(const struct live_now_model *model);

#endif
