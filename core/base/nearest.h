/* nearest.h - the known name that a mistyped one is nearest to, for "did you mean".
 *
 * Offer every known name once; the first of the nearest is kept. Near are names at most three edits away (a letter more, less or
 * other), and fewer than the wanted one has letters. Allocates nothing.
 *
 *	struct nearest nearest = nearest_to(wanted);
 *
 *	for (size_t i = 0; policies[i]; i++)
 *		nearest_offer(&nearest, policies[i]->name);
 *	error_set(e, ERROR_USAGE, "there is no policy \"%.40s\"", wanted);
 *	return nearest_suggest(&nearest, e);
 */
#ifndef RESIDENCY_BASE_NEAREST_H
#define RESIDENCY_BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

#define NEAREST_NAME_MAX 64u /* bytes with the terminator; longer names are near to nothing */

struct nearest {
	const char *wanted; /* the caller's */
	size_t distance; /* of name, in edits */
	char name[NEAREST_NAME_MAX]; /* "" while none is near */
};

struct nearest nearest_to(const char *wanted);
void nearest_offer(struct nearest *nearest, const char *name);

/* Appends `; did you mean "NAME"?` to the error where a name is near. Returns false, as error_set does. */
bool nearest_suggest(const struct nearest *nearest, struct error *e);

#endif
