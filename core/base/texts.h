/* texts.h - a short list of borrowed texts, with room of its own: what an option that may be repeated was given.
 *
 * Copying the struct copies the list, so that a caller can add to its own copy. Nothing here is freed.
 */
#ifndef RESIDENCY_BASE_TEXTS_H
#define RESIDENCY_BASE_TEXTS_H

#include <stddef.h>

#define TEXTS_MAX 32

struct texts {
	const char *texts[TEXTS_MAX]; /* borrowed, in their order */
	size_t count;
};

#endif
