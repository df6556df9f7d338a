#include "cli/plan/plan_lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/strbuf.h"
#include "core/plan/advise/requests.h"

/* ../loadlists beside FILE; nothing beside standard input. The caller frees. */
static char *default_loadlists(const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	struct strbuf folder = STRBUF_INIT;

	if (slash)
		strbuf_append_n(&folder, path, (size_t)(slash - path));
	else
		strbuf_append(&folder, ".");
	strbuf_append(&folder, "/../loadlists");
	return strbuf_finish(&folder, e);
}

/* Line by line, each answer flushed, so that a program may ask and wait. */
static bool answer_lines(struct cli *cli, FILE *in, const char *path, struct plan_desk *desk, struct error *e)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	bool fine = true;

	errno = 0;
	while (fine && !*cli->interrupted && (length = getline(&line, &capacity, in)) >= 0) {
		json_t *answer;

		fine = plan_desk_line(desk, line, (size_t)length, &answer, e);
		if (fine && answer) {
			json_dumpf(answer, cli->out, JSON_COMPACT);
			fputc('\n', cli->out);
			fflush(cli->out);
		}
		json_decref(answer);
	}
	free(line);
	if (fine && *cli->interrupted)
		return error_set(e, ERROR_INTERRUPTED, "interrupted");
	if (fine && !feof(in))
		return error_set(e, ERROR_IO, "cannot read %s: %s", path, strerror(errno));
	return fine;
}

bool plan_lines(struct cli *cli, const char *requests, const char *loadlists, struct error *e)
{
	bool from_input = strcmp(requests, "-") == 0;
	FILE *in = from_input ? stdin : fopen(requests, "re");
	char *folder = NULL;
	struct plan_desk *desk;
	bool fine;

	if (!in)
		return error_set(e, ERROR_MISSING, "cannot open %s: %s", requests, strerror(errno));
	if (!loadlists && !from_input)
		folder = default_loadlists(requests, e);
	desk = error_is_set(e) ? NULL : plan_desk_new(loadlists ? loadlists : folder, e);
	fine = desk && answer_lines(cli, in, requests, desk, e);
	plan_desk_free(desk);
	free(folder);
	if (!from_input)
		fclose(in);
	return fine;
}
