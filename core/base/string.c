/* string.c - a copy allocates once, copies bytes and terminates them; an ending is compared at its distance from the end. */
#include "core/base/string.h"

#include <stdlib.h>
#include <string.h>

char *string_copy_n(const char *text, size_t length, struct error *e)
{
	char *copy = malloc(length + 1);

	if (!copy) {
		error_no_memory(e);
		return NULL;
	}
	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

char *string_copy(const char *text, struct error *e)
{
	return string_copy_n(text, strlen(text), e);
}

bool string_ends_with(const char *text, const char *ending)
{
	size_t length = strlen(text);
	size_t ending_length = strlen(ending);

	return length >= ending_length && strcmp(text + length - ending_length, ending) == 0;
}
