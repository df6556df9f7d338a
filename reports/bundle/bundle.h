/* bundle.h - what a maintainer needs of a run, in one file that says nothing of who made it.
 *
 *	residency-RUN/README.md		what is in here
 *	residency-RUN/cards.md		the cards, for reading
 *	residency-RUN/cards.json	the same, for programs
 *	residency-RUN/run.db		a store with this run only
 *	residency-RUN/environment.json	the run's environment key, its command and the version
 *
 * User names, home folders, the host's name and absolute paths are taken out of all of them (redact.h): the run's rows are copied
 * through that filter into an empty store, and everything else is made from the copy. The archive (tar, gzip) names no owner.
 */
#ifndef RESIDENCY_REPORTS_BUNDLE_H
#define RESIDENCY_REPORTS_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "reports/triage/triage.h"

/* Is told how far the copy is; any of it may be NULL. */
struct bundle_watcher {
	void (*rows)(void *context, size_t row_count);
	void *context;
	const bool *interrupted; /* polled; ERROR_INTERRUPTED when it becomes true */
};

/* Writes the file whole or not at all; nothing else stays behind. watcher may be NULL. */
bool bundle_write(struct store *store, const char *run, const struct triage_filter *filter, const char *path,
		  const struct bundle_watcher *watcher, struct error *e);

#endif
