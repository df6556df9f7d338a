/* prompt_types.c - "INT" fits "INT,FLOAT": texts are parted at commas, and one name in common is enough.
 *
 * Spaces around a name do not count. The lists of two combos match only when they are equal, as upstream has it.
 */
#include "core/workflow/prompt/prompt_types.h"

#include <ctype.h>
#include <string.h>

/* The next name at *at, trimmed; false at the end. */
static bool next_name(const struct py *types, size_t *at, const char **name, size_t *length)
{
	const char *bytes = types->text.bytes;
	size_t end = *at;

	if (*at > types->text.length)
		return false;
	while (end < types->text.length && bytes[end] != ',')
		end++;
	*name = bytes + *at;
	*length = end - *at;
	*at = end + 1;
	while (*length && isspace((unsigned char)**name))
		++*name, --*length;
	while (*length && isspace((unsigned char)(*name)[*length - 1]))
		--*length;
	return true;
}

static bool names(const struct py *types, const char *name, size_t length)
{
	const char *other;
	size_t other_length;
	size_t at = 0;

	while (next_name(types, &at, &other, &other_length)) {
		if (other_length == length && memcmp(other, name, length) == 0)
			return true;
	}
	return false;
}

bool prompt_types_match(const struct py *received, const struct py *wanted)
{
	const char *name;
	size_t length;
	size_t at = 0;

	if (py_equal(received, wanted))
		return true;
	if (received->kind != PY_TEXT || wanted->kind != PY_TEXT)
		return false;
	while (next_name(received, &at, &name, &length)) {
		if (names(wanted, name, length))
			return true;
	}
	return false;
}
