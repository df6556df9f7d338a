#include "cli/find/subject_find.h"

#include <string.h>

#include "core/manager/policy.h"
#include "scenarios/subject/subject_comfyui.h"

#define LIVE "comfyui="

const char *subject_live_url(const char *text)
{
	return text && strncmp(text, LIVE, strlen(LIVE)) == 0 ? text + strlen(LIVE) : NULL;
}

static void warn_of_version(const char *url, const char *probe, const struct cli *cli)
{
	if (strcmp(probe, RESIDENCY_VERSION) != 0)
		fprintf(cli->err,
			"warning: %s: its probe node is version %s, and this is residency %s: what they say may differ; "
			"`residency "
			"live install DIR` puts this one's there\n",
			url, probe, RESIDENCY_VERSION);
}

struct subject *subject_live_open(const char *url, struct cli *cli, struct error *e)
{
	struct subject *subject = subject_comfyui_open(url, NULL, cli->log, cli->interrupted, e);

	if (!subject)
		return NULL;
	warn_of_version(url, subject_comfyui_probe(subject), cli);
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
