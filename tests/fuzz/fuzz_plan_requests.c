/* Any lines as requests for plans: each is answered with a plan or an error, or asks for no answer. */
#include <stdlib.h>
#include <string.h>

#include "core/plan/advise/requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct plan_desk *desk, const char *line, size_t length)
{
	struct error e = ERROR_INIT;
	json_t *answer = NULL;

	if (!plan_desk_line(desk, line, length, &answer, &e))
		abort();
	if (answer && !json_object_get(answer, "output") && !json_object_get(answer, "error"))
		abort();
	json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct plan_desk *desk = plan_desk_new(NULL, &e);
	const char *line = (const char *)data;
	const char *end = line + size;

	while (desk && line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline ? newline : end;

		ask(desk, line, (size_t)(stop - line));
		line = newline ? newline + 1 : end;
	}
	plan_desk_free(desk);
	return 0;
}
