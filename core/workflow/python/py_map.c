/* py_map.c - lists and maps.
 *
 * A map is its pairs in order. From nine keys on it has an index as well: open addressing over hashes, twice as many slots as
 * pairs at least. Taking a key out rebuilds the index; it is rare.
 */
#include "core/workflow/python/py.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"

#define INDEXED_FROM 9 /* keys: below, comparing each is as fast */

bool py_append(struct py *list, struct py *item)
{
	if (!item || !list ||
	    !array_reserve(&list->list.items, &list->list.capacity, list->list.count + 1, sizeof(*list->list.items), NULL)) {
		py_drop(item);
		return false;
	}
	list->list.items[list->list.count++] = item;
	return true;
}

static bool key_is(const struct py_pair *pair, const char *key, size_t length)
{
	return pair->length == length && memcmp(pair->key, key, length) == 0;
}

static void index_pair(struct py *map, size_t place)
{
	const struct py_pair *pair = &map->map.pairs[place];
	uint64_t hash = XXH3_64bits(pair->key, pair->length);
	size_t at = hash % map->map.slot_count;

	while (map->map.slots[at].place)
		at = (at + 1) % map->map.slot_count;
	map->map.slots[at] = (struct py_slot) { .hash = hash, .place = place + 1 };
}

/* Without memory for it a map has no index, and is only slower. */
static void rebuild_index(struct py *map)
{
	size_t slot_count = map->map.capacity * 2 + 1;

	free(map->map.slots);
	map->map.slots = NULL;
	if (map->map.count < INDEXED_FROM)
		return;
	map->map.slots = array_new(slot_count, sizeof(*map->map.slots), NULL);
	map->map.slot_count = slot_count;
	for (size_t i = 0; map->map.slots && i < map->map.count; i++)
		index_pair(map, i);
}

static size_t find_indexed(const struct py *map, const char *key, size_t length)
{
	uint64_t hash = XXH3_64bits(key, length);
	size_t at = hash % map->map.slot_count;

	for (; map->map.slots[at].place; at = (at + 1) % map->map.slot_count) {
		size_t place = map->map.slots[at].place - 1;

		if (map->map.slots[at].hash == hash && key_is(&map->map.pairs[place], key, length))
			return place;
	}
	return SIZE_MAX;
}

size_t py_find(const struct py *map, const char *key, size_t length)
{
	if (!map || map->kind != PY_MAP)
		return SIZE_MAX;
	if (map->map.slots)
		return find_indexed(map, key, length);
	for (size_t i = 0; i < map->map.count; i++) {
		if (key_is(&map->map.pairs[i], key, length))
			return i;
	}
	return SIZE_MAX;
}

static bool add_pair(struct py *map, const char *key, size_t length, struct py *value)
{
	size_t capacity = map->map.capacity;
	char *copy;

	if (!array_reserve(&map->map.pairs, &map->map.capacity, map->map.count + 1, sizeof(*map->map.pairs), NULL))
		return false;
	copy = malloc(length + 1);
	if (!copy)
		return false;
	memcpy(copy, key, length);
	copy[length] = '\0';
	map->map.pairs[map->map.count++] = (struct py_pair) { .key = copy, .length = length, .value = value };
	if (capacity != map->map.capacity || (map->map.count >= INDEXED_FROM && !map->map.slots))
		rebuild_index(map);
	else if (map->map.slots)
		index_pair(map, map->map.count - 1);
	return true;
}

bool py_set_n(struct py *map, const char *key, size_t length, struct py *value)
{
	size_t place;

	if (!map || !value)
		goto fail;
	place = py_find(map, key, length);
	if (place != SIZE_MAX) {
		py_drop(map->map.pairs[place].value);
		map->map.pairs[place].value = value;
		return true;
	}
	if (add_pair(map, key, length, value))
		return true;
fail:
	py_drop(value);
	return false;
}

bool py_set(struct py *map, const char *key, struct py *value)
{
	return py_set_n(map, key, strlen(key), value);
}

struct py *py_get_n(const struct py *map, const char *key, size_t length)
{
	size_t place = py_find(map, key, length);

	return place == SIZE_MAX ? NULL : map->map.pairs[place].value;
}

struct py *py_get(const struct py *map, const char *key)
{
	return py_get_n(map, key, strlen(key));
}

void py_remove(struct py *map, const char *key)
{
	size_t place = py_find(map, key, strlen(key));

	if (place == SIZE_MAX)
		return;
	free(map->map.pairs[place].key);
	py_drop(map->map.pairs[place].value);
	map->map.count--;
	memmove(map->map.pairs + place, map->map.pairs + place + 1, (map->map.count - place) * sizeof(*map->map.pairs));
	rebuild_index(map);
}

size_t py_count(const struct py *value)
{
	if (value && value->kind == PY_LIST)
		return value->list.count;
	return value && value->kind == PY_MAP ? value->map.count : 0;
}

struct py *py_at(const struct py *list, size_t index)
{
	return list->list.items[index];
}

bool py_is_text(const struct py *value, const char *text)
{
	return value && value->kind == PY_TEXT && value->text.length == strlen(text) &&
	       memcmp(value->text.bytes, text, value->text.length) == 0;
}

bool py_is_link(const struct py *value)
{
	return value && value->kind == PY_LIST && value->list.count == 2 && py_at(value, 0)->kind == PY_TEXT &&
	       py_is_number(py_at(value, 1));
}

static struct py *copy_to(const struct py *value, bool deep)
{
	struct py *made;

	if (value->kind != PY_LIST && value->kind != PY_MAP)
		return py_take(value);
	made = value->kind == PY_LIST ? py_list() : py_map();
	for (size_t i = 0; made && i < py_count(value); i++) {
		const struct py *item = value->kind == PY_LIST ? py_at(value, i) : value->map.pairs[i].value;
		struct py *held = deep ? py_deep_copy(item) : py_take(item);
		bool fine = value->kind == PY_LIST ? py_append(made, held)
						   : py_set_n(made, value->map.pairs[i].key, value->map.pairs[i].length, held);

		if (!fine) {
			py_drop(made);
			made = NULL;
		}
	}
	return made;
}

struct py *py_copy(const struct py *container)
{
	return copy_to(container, false);
}

struct py *py_deep_copy(const struct py *value)
{
	return copy_to(value, true);
}

static int compare_texts(const void *a, const void *b)
{
	const struct py *x = *(const struct py *const *)a;
	const struct py *y = *(const struct py *const *)b;
	size_t shorter = x->text.length < y->text.length ? x->text.length : y->text.length;
	int order = memcmp(x->text.bytes, y->text.bytes, shorter);

	return order ? order : (x->text.length > y->text.length) - (x->text.length < y->text.length);
}

bool py_sort_texts(struct py *list)
{
	for (size_t i = 0; i < list->list.count; i++) {
		if (list->list.items[i]->kind != PY_TEXT)
			return false;
	}
	if (list->list.count)
		qsort(list->list.items, list->list.count, sizeof(*list->list.items), compare_texts);
	return true;
}
