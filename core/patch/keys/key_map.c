/* Rules write names into the map as they derive them from the model's own, and may write a name twice; the last one counts.
 * The entries are then sorted by name for binary search. Their texts lie in large pieces that never move, so that an entry
 * is a pointer.
 */
#include "core/patch/keys/key_map.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/keys/key_rules.h"

#define TEXT_BYTES 65536

/* Texts of entries: pieces that are filled and never move. */
struct text_piece {
	struct text_piece *next;
	size_t used;
	char bytes[TEXT_BYTES];
};

struct key_map {
	const struct key_target *targets;
	size_t target_count;
	size_t *by_key; /* indexes of targets, sorted by key */
	struct key_entry *entries;
	size_t count, capacity;
	struct text_piece *text;
};

struct key_builder {
	struct key_map *map;
	struct error *error;
	bool failed;
};

/* ---- the model's own keys ---- */

static int compare_targets(const void *a, const void *b, void *context)
{
	const struct key_target *targets = context;

	return strcmp(targets[*(const size_t *)a].key, targets[*(const size_t *)b].key);
}

static bool index_targets(struct key_map *map, struct error *e)
{
	map->by_key = array_new(map->target_count, sizeof(*map->by_key), e);
	if (!map->by_key)
		return false;
	for (size_t i = 0; i < map->target_count; i++)
		map->by_key[i] = i;
	qsort_r(map->by_key, map->target_count, sizeof(*map->by_key), compare_targets, (void *)(uintptr_t)map->targets);
	return true;
}

size_t key_map_target(const struct key_map *map, const char *key)
{
	size_t low = 0;
	size_t high = map->target_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(key, map->targets[map->by_key[middle]].key);

		if (order == 0)
			return map->by_key[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return KEY_ABSENT;
}

const char *key_map_key(const struct key_map *map, size_t target)
{
	return map->targets[target].key;
}

/* ---- building ---- */

static const char *keep_text(struct key_map *map, const char *text, struct error *e)
{
	size_t length = strlen(text) + 1;
	char *kept;

	if (!map->text || TEXT_BYTES - map->text->used < length) {
		struct text_piece *piece = array_new(1, sizeof(*piece), e);

		if (!piece)
			return NULL;
		piece->next = map->text;
		map->text = piece;
	}
	kept = map->text->bytes + map->text->used;
	memcpy(kept, text, length);
	map->text->used += length;
	return kept;
}

static void add(struct key_builder *b, const char *name, const char *key, struct slice slice, bool swaps_halves)
{
	struct key_map *map = b->map;
	struct key_entry entry = { .slice = slice, .swaps_halves = swaps_halves, .order = map->count };

	if (b->failed)
		return;
	entry.target = key_map_target(map, key);
	entry.key = entry.target == KEY_ABSENT ? keep_text(map, key, b->error) : map->targets[entry.target].key;
	entry.name = entry.key ? keep_text(map, name, b->error) : NULL;
	if (!entry.name || !array_reserve(&map->entries, &map->capacity, map->count + 1, sizeof(*map->entries), b->error))
		b->failed = true;
	else
		map->entries[map->count++] = entry;
}

void key_add(struct key_builder *b, const char *name, const char *key)
{
	add(b, name, key, (struct slice) { .count = 0 }, false);
}

void key_add_slice(struct key_builder *b, const char *name, const char *key, struct slice slice)
{
	add(b, name, key, slice, false);
}

void key_add_swapped(struct key_builder *b, const char *name, const char *key)
{
	add(b, name, key, (struct slice) { .count = 0 }, true);
}

const struct key_target *key_targets(const struct key_builder *b, size_t *count)
{
	*count = b->map->target_count;
	return b->map->targets;
}

const struct key_target *key_find(const struct key_builder *b, const char *format, ...)
{
	char key[KEY_MAX_BYTES];
	va_list arguments;
	size_t index;

	va_start(arguments, format);
	vsnprintf(key, sizeof(key), format, arguments);
	va_end(arguments);
	index = key_map_target(b->map, key);
	return index == KEY_ABSENT ? NULL : &b->map->targets[index];
}

/* ---- text ---- */

bool key_between(const char *key, const char *prefix, const char *suffix, char middle[KEY_MAX_BYTES])
{
	size_t before = strlen(prefix);
	size_t after = strlen(suffix);
	size_t length = strlen(key);

	if (length < before + after || length - before - after >= KEY_MAX_BYTES || strncmp(key, prefix, before) != 0 ||
	    strcmp(key + length - after, suffix) != 0)
		return false;
	memcpy(middle, key + before, length - before - after);
	middle[length - before - after] = '\0';
	return true;
}

void key_underscore(char *name)
{
	for (; *name; name++) {
		if (*name == '.')
			*name = '_';
	}
}

void key_replace(char text[KEY_MAX_BYTES], const char *from, const char *to)
{
	size_t from_length = strlen(from);
	size_t to_length = strlen(to);

	for (char *at = strstr(text, from); at; at = strstr(at + to_length, from)) {
		size_t rest = strlen(at + from_length) + 1;

		if ((size_t)(at - text) + to_length + rest > KEY_MAX_BYTES)
			return;
		memmove(at + to_length, at + from_length, rest);
		for (size_t i = 0; i < to_length; i++)
			at[i] = to[i];
	}
}

void key_print(char text[KEY_MAX_BYTES], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, KEY_MAX_BYTES, format, arguments);
	va_end(arguments);
}

/* ---- the map ---- */

const struct key_rules *const key_rules[] = {
	&key_rules_unet,       &key_rules_ldm,	&key_rules_flux, &key_rules_mochi, &key_rules_hunyuan_video,
	&key_rules_qwen_image, &key_rules_text, &key_rules_clip, &key_rules_t5,	   NULL,
};

static int compare_entries(const void *a, const void *b)
{
	const struct key_entry *left = a;
	const struct key_entry *right = b;
	int order = strcmp(left->name, right->name);

	if (order)
		return order;
	return left->order < right->order ? -1 : 1;
}

/* Of entries with one name the last stays. */
static void sort_entries(struct key_map *map)
{
	size_t kept = 0;

	if (map->count)
		qsort(map->entries, map->count, sizeof(*map->entries), compare_entries);
	for (size_t i = 0; i < map->count; i++) {
		if (i + 1 == map->count || strcmp(map->entries[i].name, map->entries[i + 1].name) != 0)
			map->entries[kept++] = map->entries[i];
	}
	map->count = kept;
}

struct key_map *key_map_new(const struct key_target *targets, size_t count, struct error *e)
{
	return key_map_make(targets, count, key_rules, e);
}

struct key_map *key_map_make(const struct key_target *targets, size_t count, const struct key_rules *const *all,
			     struct error *e)
{
	struct key_map *map = array_new(1, sizeof(*map), e);
	struct key_builder b = { .map = map, .error = e };

	if (!map)
		return NULL;
	map->targets = targets;
	map->target_count = count;
	if (!index_targets(map, e))
		goto fail;
	for (const struct key_rules *const *rules = all; *rules; rules++) {
		if ((!(*rules)->mark || key_find(&b, "%s", (*rules)->mark)) &&
		    (!(*rules)->but_not || !key_find(&b, "%s", (*rules)->but_not)))
			(*rules)->add(&b);
	}
	if (b.failed)
		goto fail;
	sort_entries(map);
	return map;
fail:
	key_map_free(map);
	return NULL;
}

void key_map_free(struct key_map *map)
{
	if (!map)
		return;
	while (map->text) {
		struct text_piece *next = map->text->next;

		free(map->text);
		map->text = next;
	}
	free(map->entries);
	free(map->by_key);
	free(map);
}

const struct key_entry *key_map_find(const struct key_map *map, const char *name, size_t length)
{
	size_t low = 0;
	size_t high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct key_entry *entry = &map->entries[middle];
		int order = strncmp(name, entry->name, length);

		if (order == 0 && entry->name[length] == '\0')
			return entry;
		if (order <= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct key_entry *key_map_entries(const struct key_map *map, size_t *count)
{
	*count = map->count;
	return map->entries;
}
