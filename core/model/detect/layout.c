/* A rule is a pattern of names with a wildcard for numbers and one for the suffix; the first rule that matches a parameter
 * gives the tensors that it comes from, with what the wildcards stood for put in, and the cut gives their rows. A family
 * without rules is described in both layouts, and the n-th parameter of one is the n-th of the other.
 */
#include "core/model/detect/layout.h"

#include <stdio.h>
#include <string.h>

bool layout_map_begin(struct layout_map *map, const struct family *family, const void *config, enum layout layout,
		      struct error *e)
{
	*map = (struct layout_map) { .trunk = layout == LAYOUT_OWN ? family->trunk : NULL, .rules = family->layout_rules };
	architecture_begin(&map->own, DTYPE_F32, e);
	architecture_begin(&map->other, DTYPE_F32, e);
	if (map->trunk || map->rules)
		return true;
	map->other.layout = layout;
	family->describe(config, &map->own);
	family->describe(config, &map->other);
	if (!architecture_ok(&map->own) || !architecture_ok(&map->other))
		return false;
	return map->own.parameter_count == map->other.parameter_count ||
	       error_set(e, ERROR_BUG, "a %s model has %zu parameters in one layout, %zu in the other", family->name,
			 map->own.parameter_count, map->other.parameter_count);
}

void layout_map_end(struct layout_map *map)
{
	architecture_end(&map->own);
	architecture_end(&map->other);
}

/* ---- names ---- */

/* What stood for a rule's wildcards in a name. */
struct wildcards {
	char number[24];
	const char *suffix; /* "weight" or "bias" */
};

static size_t take_number(const char *text, char number[24])
{
	size_t length = strspn(text, "0123456789");

	if (length == 0 || length >= 24)
		return 0;
	memcpy(number, text, length);
	number[length] = '\0';
	return length;
}

static size_t take_suffix(const char *text, const char **suffix)
{
	static const char *const suffixes[] = { "weight", "bias" };

	for (size_t i = 0; i < 2; i++) {
		if (strcmp(text, suffixes[i]) == 0) {
			*suffix = suffixes[i];
			return strlen(text);
		}
	}
	return 0;
}

static bool matches(const char *pattern, const char *name, struct wildcards *found)
{
	for (; *pattern; pattern++) {
		size_t length = *pattern == '*'	  ? take_number(name, found->number)
				: *pattern == '@' ? take_suffix(name, &found->suffix)
						  : *pattern == *name;

		if (length == 0)
			return false;
		name += length;
	}
	return *name == '\0';
}

static void expand(const char *pattern, const struct wildcards *found, char name[256])
{
	size_t length = 0;

	for (; *pattern && length < 255; pattern++) {
		const char one[2] = { *pattern, '\0' };
		const char *text = *pattern == '*' ? found->number : *pattern == '@' ? found->suffix : one;

		length += (size_t)snprintf(name + length, 256 - length, "%s", text);
	}
	name[length < 256 ? length : 255] = '\0';
}

/* ---- origins ---- */

static struct origin_piece *add_piece(struct origin *origin, const char *pattern, const struct wildcards *found)
{
	struct origin_piece *piece = &origin->pieces[origin->piece_count++];

	*piece = (struct origin_piece) { .part_count = 1 };
	expand(pattern, found, piece->name);
	return piece;
}

static void add_part(struct origin *origin, const struct layout_rule *rule, const struct wildcards *found, unsigned part,
		     unsigned part_count)
{
	struct origin_piece *piece = add_piece(origin, rule->from[0], found);

	piece->part = part;
	piece->part_count = part_count;
}

static void follow(const struct layout_rule *rule, const struct wildcards *found, struct origin *origin)
{
	switch (rule->cut) {
	case CUT_FIRST_THIRD:
	case CUT_SECOND_THIRD:
	case CUT_LAST_THIRD:
		add_part(origin, rule, found, (unsigned)rule->cut - CUT_FIRST_THIRD, 3);
		break;
	case CUT_SWAPPED_HALVES:
		add_part(origin, rule, found, 1, 2);
		add_part(origin, rule, found, 0, 2);
		break;
	case CUT_WHOLE:
	case CUT_TRANSPOSED:
		origin->transposed = rule->cut == CUT_TRANSPOSED;
		for (size_t i = 0; i < LAYOUT_PIECES_MAX && rule->from[i]; i++)
			add_piece(origin, rule->from[i], found);
		break;
	}
}

static bool by_position(struct layout_map *map, const char *parameter, struct origin *origin)
{
	const struct wildcards none = { .suffix = "" };
	size_t count = map->own.parameter_count;

	for (size_t i = 0; i < count; i++) {
		size_t at = (map->next + i) % count;

		if (strcmp(map->own.parameters[at].name, parameter) != 0)
			continue;
		add_piece(origin, map->other.parameters[at].name, &none);
		map->next = at + 1;
		return true;
	}
	return false;
}

static void by_name(const struct layout_map *map, const char *parameter, struct origin *origin)
{
	size_t trunk = strlen(map->trunk);
	struct origin_piece *piece = &origin->pieces[origin->piece_count++];

	*piece = (struct origin_piece) { .part_count = 1 };
	snprintf(piece->name, sizeof(piece->name), "%s", parameter + (strncmp(parameter, map->trunk, trunk) == 0 ? trunk : 0));
}

bool layout_origin(struct layout_map *map, const char *parameter, struct origin *origin, struct error *e)
{
	*origin = (struct origin) { .piece_count = 0 };
	if (map->trunk) {
		by_name(map, parameter, origin);
		return true;
	}
	if (!map->rules && by_position(map, parameter, origin))
		return true;
	for (const struct layout_rule *rule = map->rules; rule && rule->own; rule++) {
		struct wildcards found = { .suffix = "" };

		if (!matches(rule->own, parameter, &found))
			continue;
		follow(rule, &found, origin);
		return true;
	}
	return error_set(e, ERROR_BUG, "no rule says where %s comes from", parameter);
}

void layout_transpose(const void *from, void *to, size_t rows, size_t columns, size_t element_bytes)
{
	const unsigned char *source = from;
	unsigned char *target = to;

	for (size_t i = 0; i < rows; i++) {
		for (size_t j = 0; j < columns; j++)
			memcpy(target + (i * columns + j) * element_bytes, source + (j * rows + i) * element_bytes,
			       element_bytes);
	}
}
