/* Whatever git says, or something that is no git: no commit has an id, a time or a message that could not be shown and stored. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/sweep/git.h"
#include "core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct git_commits commits = { .commits = NULL };
	char *text = malloc(length + 1);
	size_t merge_count = 0;

	if (!text)
		abort();
	memcpy(text, bytes, length);
	git_read_log(text, length, &commits, &merge_count, NULL);
	for (size_t i = 0; i < commits.count; i++) {
		const struct git_commit *commit = &commits.commits[i];

		if (!commit->id[0] || commit->committed_wall_ns < 0 || strpbrk(commit->summary, "\n\033") ||
		    !utf8_check(commit->summary, strlen(commit->summary), NULL))
			abort();
	}
	if (merge_count > commits.count)
		abort();
	free(commits.commits);
	free(text);
	return 0;
}
