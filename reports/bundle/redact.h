/* redact.h - taking out of a text who and where: user names, home folders, the host's name, absolute paths.
 *
 *	alice		<user>		whole words, in any case
 *	workstation-7	<host>		with and without its domain
 *	/home/alice/x	<path>/x	every absolute path, POSIX's or Windows'; its last part stays, it says which file it was
 *
 * A word's edge is where no letter follows, so "alice_2" is found too. The same text always becomes the same. Web addresses stay,
 * and "/free", which is no path but what one posts to.
 */
#ifndef RESIDENCY_REPORTS_REDACT_H
#define RESIDENCY_REPORTS_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

#define REDACT_WORDS_MAX 12

struct redact {
	struct {
		char *word; /* owned; at least two characters */
		const char *instead; /* static text */
	} words[REDACT_WORDS_MAX];
	size_t word_count;
};

/* Who runs this program, and where: from the system's user database, the environment and the host's name. */
bool redact_begin(struct redact *redact, struct error *e);

/* One word more; too short ones, and those beyond the most, are passed over. */
bool redact_add(struct redact *redact, const char *word, const char *instead, struct error *e);
void redact_end(struct redact *redact);

void redact_text(const struct redact *redact, const char *text, struct strbuf *to);

#endif
