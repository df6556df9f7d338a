/* Levenshtein's distance by one row of his table; a name is kept when it is nearer than the one before. */
#include "core/base/nearest.h"

#include <stdio.h>
#include <string.h>

#define EDITS_MAX 3u /* more is a guess, not a help */

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* b is shorter than NEAREST_NAME_MAX. */
static size_t edits_between(const char *a, const char *b)
{
	size_t row[NEAREST_NAME_MAX];
	size_t columns = strlen(b);

	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= columns; j++) {
			size_t above = row[j];

			row[j] = smallest(row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[columns];
}

struct nearest nearest_to(const char *wanted)
{
	size_t length = strlen(wanted);

	return (struct nearest) { .wanted = wanted, .distance = length <= EDITS_MAX ? length : EDITS_MAX + 1 };
}

void nearest_offer(struct nearest *nearest, const char *name)
{
	size_t distance;

	if (strlen(name) >= NEAREST_NAME_MAX || strlen(nearest->wanted) >= NEAREST_NAME_MAX + EDITS_MAX)
		return;
	distance = edits_between(nearest->wanted, name);
	if (distance >= nearest->distance)
		return;
	nearest->distance = distance;
	memcpy(nearest->name, name, strlen(name) + 1);
}

bool nearest_suggest(const struct nearest *nearest, struct error *e)
{
	size_t length;

	if (!e || !nearest->name[0])
		return false;
	length = strlen(e->text);
	snprintf(e->text + length, sizeof(e->text) - length, "; did you mean \"%s\"?", nearest->name);
	return false;
}
