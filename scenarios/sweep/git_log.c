/* git_log.c - reads what `git log` prints: "ID SECONDS PARENTS", a zero byte, the message's first line, a newline; and so on.
 *
 * The zero byte cannot occur in a message, so that no message can look like the next commit. Texts are cut to their records' room
 * and made valid UTF-8. A pure function of the text: a fuzzer feeds it.
 */
#include "scenarios/sweep/git.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/utf8.h"

#define SECONDS_MOST 9000000000 /* what fits into nanoseconds */

static int64_t wall_ns(const char *seconds)
{
	long long value = strtoll(seconds, NULL, 10);

	return value < 0 || value > SECONDS_MOST ? 0 : (int64_t)value * (int64_t)NS_PER_S;
}

/* The words of a line up to `end`: id, seconds, parents. */
static bool read_commit(const char *line, const char *end, const char *summary, struct git_commits *commits,
			size_t *merge_count, struct error *e)
{
	const char *seconds = memchr(line, ' ', (size_t)(end - line));
	const char *parents = seconds ? memchr(seconds + 1, ' ', (size_t)(end - seconds - 1)) : NULL;
	struct git_commit *commit;

	if (!parents || seconds == line || (size_t)(seconds - line) >= RECORD_COMMIT_MAX)
		return error_set(e, ERROR_FORMAT, "git log answers in a way that is not understood");
	if (!array_reserve(&commits->commits, &commits->capacity, commits->count + 1, sizeof(*commits->commits), e))
		return false;
	commit = &commits->commits[commits->count++];
	*commit = (struct git_commit) { .committed_wall_ns = wall_ns(seconds + 1) };
	memcpy(commit->id, line, (size_t)(seconds - line));
	utf8_clean(commit->id);
	record_text(commit->summary, sizeof(commit->summary), summary);
	utf8_clean(commit->summary);
	*merge_count += memchr(parents + 1, ' ', (size_t)(end - parents - 1)) != NULL;
	return true;
}

bool git_read_log(char *text, size_t length, struct git_commits *commits, size_t *merge_count, struct error *e)
{
	char *at = text;
	char *end = length ? text + length : text;

	while (at < end) {
		char *zero = memchr(at, '\0', (size_t)(end - at));
		char *line_end = zero ? memchr(zero, '\n', (size_t)(end - zero)) : NULL;

		if (!line_end)
			return error_set(e, ERROR_FORMAT, "git log answers in a way that is not understood");
		*line_end = '\0';
		if (!read_commit(at, zero, zero + 1, commits, merge_count, e))
			return false;
		at = line_end + 1;
	}
	return true;
}
