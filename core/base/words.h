/* words.h - the names of an enum that an X-macro lists: from the value to its name, and back.
 *
 * LIST is a macro of X(NAME, "text", ...) in the order of the enum, whose values count from 0. Each macro here defines a function, so
 * it stands in a .c file and the header declares the function:
 *
 *	WORDS_NAME(event_stage_name, enum stage, STAGES)
 *	WORDS_FROM_NAME(event_stage_from_name, enum stage, STAGES)
 *
 * Names are static; any thread may call.
 */
#ifndef RESIDENCY_BASE_WORDS_H
#define RESIDENCY_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define WORDS_FIRST(text, ...) text,
#define WORDS_TEXT(name, ...) WORDS_FIRST(__VA_ARGS__, 0)

/* const char *FUNCTION(TYPE value): the text of a value that LIST has. */
#define WORDS_NAME(function, type, LIST)                                                                                       \
	const char *function(type value)                                                                                       \
	{                                                                                                                      \
		static const char *const words[] = { LIST(WORDS_TEXT) };                                                       \
                                                                                                                               \
		return words[value];                                                                                           \
	}

/* bool FUNCTION(const char *name, TYPE *value): false, and *value untouched, where no value of LIST has that text. */
#define WORDS_FROM_NAME(function, type, LIST)                                                                                  \
	bool function(const char *name, type *value)                                                                           \
	{                                                                                                                      \
		static const char *const words[] = { LIST(WORDS_TEXT) };                                                       \
                                                                                                                               \
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {                                                  \
			if (strcmp(words[i], name) == 0) {                                                                     \
				*value = (type)i;                                                                              \
				return true;                                                                                   \
			}                                                                                                      \
		}                                                                                                              \
		return false;                                                                                                  \
	}

#endif
