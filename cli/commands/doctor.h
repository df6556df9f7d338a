/* doctor.h - what `residency doctor` looks at: a row each, filled by looking, never by changing anything.
 * Private to cli/commands.
 */
#ifndef RESIDENCY_CLI_DOCTOR_H
#define RESIDENCY_CLI_DOCTOR_H

#include "cli/command.h"

#define DOCTOR_TEXT_MAX 256

enum doctor_state {
	DOCTOR_FINE,
	DOCTOR_LESS, /* works, with less */
	DOCTOR_MISSING /* something cannot be done on this machine */
};

struct doctor_finding {
	enum doctor_state state;
	char found[DOCTOR_TEXT_MAX]; /* what is there */
	char remedy[DOCTOR_TEXT_MAX]; /* what it would give, and how to get it; "" where all is fine */
};

struct doctor_check {
	const char *name;
	void (*look)(const struct cli *cli, const char *store, struct doctor_finding *finding); /* store: NULL for none */
};

extern const struct doctor_check doctor_checks[]; /* a row without a name ends it */

const char *doctor_state_name(enum doctor_state state); /* "fine", "less", "missing" */

#endif
