/* plan_suggest.h - the allocation strings to use for a model on a topology, fastest first. */
#ifndef RESIDENCY_CLI_PLAN_SUGGEST_H
#define RESIDENCY_CLI_PLAN_SUGGEST_H

#include "cli/command.h"
#include "cli/plan/plan_subject.h"

/* As on the command line. */
struct suggest_words {
	const char *compute; /* a device; NULL: any card */
	const char *resolution; /* "1024x1024" or "1024" */
	int64_t frames; /* of video; 0: as the family is used */
	int64_t steps;
	double keep_free_gb; /* on every device */
	double passes; /* 0: as the family's workflows have it */
	double resident_seconds; /* NAN: estimated */
	bool convert_at_target; /* copies between cards move stored bytes */
	bool json;
};

bool plan_suggest(struct cli *cli, const struct plan_subject *subject, const struct suggest_words *words, struct error *e);

#endif
