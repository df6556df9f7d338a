#include "cli/subject_find.h"

#include <string.h>

#include "core/manager/policy.h"
#include "scenarios/subject_comfyui.h"

#define LIVE "comfyui="

const char *subject_live_url(const char *text)
{
	return text && strncmp(text, LIVE, strlen(LIVE)) == 0 ? text + strlen(LIVE) : NULL;
}

struct subject *subject_live_open(const char *url, struct cli *cli, struct error *e)
{
	struct subject *subject = subject_comfyui_open(url, NULL, cli->log, cli->interrupted, e);

	if (!subject)
		return NULL;
	if (subject_comfyui_policy(subject)) {
		fprintf(cli->err, "%s: %s, policy %s\n", url, subject_comfyui_version(subject),
			subject_comfyui_policy(subject)->name);
		return subject;
	}
	error_set(e, ERROR_UNSUPPORTED, "%s: %s unloads in a way that is not known here", url,
		  subject_comfyui_version(subject));
	subject_close(subject);
	return NULL;
}
