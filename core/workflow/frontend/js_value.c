/* js_value.c - values in an arena: making them, looking into them, comparing them.
 *
 * A list and an object are arrays in the order of writing. An object of more than a few members has an index by hash beside, open
 * addressing with linear steps, rebuilt when members outgrow it: object_info has thousands of members.
 */
#include "core/workflow/frontend/js_value.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INDEXED_FROM 12 /* members; below, looking at each is as fast */

struct js_value js_undefined = { .type = JS_UNDEFINED };
struct js_value js_null = { .type = JS_NULL };
struct js_value js_true = { .type = JS_BOOLEAN, .truth = true };
struct js_value js_false = { .type = JS_BOOLEAN, .truth = false };

static struct js_value *value_new(struct arena *arena, enum js_type type)
{
	struct js_value *value = arena_take(arena, sizeof(*value));

	value->type = type;
	return value;
}

struct js_value *js_number(struct arena *arena, double number)
{
	struct js_value *value = value_new(arena, JS_NUMBER);

	value->number = number;
	return value;
}

struct js_value *js_text(struct arena *arena, const char *text)
{
	struct js_value *value = value_new(arena, JS_TEXT);

	value->text = text;
	value->count = strlen(text);
	return value;
}

struct js_value *js_list(struct arena *arena)
{
	return value_new(arena, JS_LIST);
}

struct js_value *js_object(struct arena *arena)
{
	return value_new(arena, JS_OBJECT);
}

void js_push(struct arena *arena, struct js_value *list, struct js_value *item)
{
	arena_reserve(arena, &list->items, &list->capacity, list->count + 1, sizeof(struct js_value *));
	list->items[list->count++] = item;
}

/* ---- objects ---- */

static size_t hash_of(const char *key)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, 64 bits */

	for (; *key; key++)
		hash = (hash ^ (unsigned char)*key) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 32);
}

static void index_member(struct js_value *object, size_t member)
{
	size_t at = hash_of(object->members[member].key) & (object->index_size - 1);

	while (object->index[at])
		at = (at + 1) & (object->index_size - 1);
	object->index[at] = member + 1;
}

static void index_all(struct arena *arena, struct js_value *object)
{
	object->index_size = 32;
	while (object->index_size < 4 * object->count)
		object->index_size *= 2;
	object->index = arena_take(arena, object->index_size * sizeof(*object->index));
	for (size_t i = 0; i < object->count; i++)
		index_member(object, i);
}

static struct js_member *member_find(const struct js_value *object, const char *key)
{
	if (object->index) {
		for (size_t at = hash_of(key); object->index[at & (object->index_size - 1)]; at++) {
			struct js_member *member = &object->members[object->index[at & (object->index_size - 1)] - 1];

			if (strcmp(member->key, key) == 0)
				return member;
		}
		return NULL;
	}
	for (size_t i = 0; i < object->count; i++) {
		if (strcmp(object->members[i].key, key) == 0)
			return &object->members[i];
	}
	return NULL;
}

void js_put(struct arena *arena, struct js_value *object, const char *key, struct js_value *value)
{
	struct js_member *member = member_find(object, key);

	if (member) {
		member->value = value;
		return;
	}
	arena_reserve(arena, &object->members, &object->capacity, object->count + 1, sizeof(struct js_member));
	object->members[object->count++] = (struct js_member) { .key = key, .value = value };
	if (object->count > INDEXED_FROM && 2 * object->count > object->index_size)
		index_all(arena, object);
	else if (object->index)
		index_member(object, object->count - 1);
}

void js_remove(struct js_value *object, const char *key)
{
	struct js_member *member = member_find(object, key);

	if (!member)
		return;
	memmove(member, member + 1, (size_t)(object->members + object->count - member - 1) * sizeof(*member));
	object->count--;
	if (object->index) {
		memset(object->index, 0, object->index_size * sizeof(*object->index));
		for (size_t i = 0; i < object->count; i++)
			index_member(object, i);
	}
}

struct js_value *js_get(const struct js_value *value, const char *key)
{
	struct js_member *member = value->type == JS_OBJECT ? member_find(value, key) : NULL;

	return member ? member->value : &js_undefined;
}

struct js_value *js_at(const struct js_value *value, size_t index)
{
	return value->type == JS_LIST && index < value->count ? value->items[index] : &js_undefined;
}

/* ---- conversions and comparison ---- */

const char *js_text_of(const struct js_value *value)
{
	return value->type == JS_TEXT ? value->text : NULL;
}

const char *js_string(struct arena *arena, const struct js_value *value)
{
	const char *text = "";
	char digits[JS_NUMBER_TEXT_MAX];

	switch (value->type) {
	case JS_UNDEFINED:
		return "undefined";
	case JS_NULL:
		return "null";
	case JS_BOOLEAN:
		return value->truth ? "true" : "false";
	case JS_TEXT:
		return value->text;
	case JS_OBJECT:
		return "[object Object]";
	case JS_LIST:
		for (size_t i = 0; i < value->count; i++) {
			const struct js_value *item = value->items[i];

			text = arena_printf(arena, "%s%s%s", text, i ? "," : "",
					    js_is_nullish(item) ? "" : js_string(arena, item));
		}
		return text;
	case JS_NUMBER:
		break;
	}
	js_number_text(value->number, digits);
	return arena_copy(arena, digits, strlen(digits));
}

bool js_is_truthy(const struct js_value *value)
{
	switch (value->type) {
	case JS_UNDEFINED:
	case JS_NULL:
		return false;
	case JS_BOOLEAN:
		return value->truth;
	case JS_NUMBER:
		return value->number != 0 && !isnan(value->number);
	case JS_TEXT:
		return value->count > 0;
	case JS_LIST:
	case JS_OBJECT:
		break;
	}
	return true;
}

bool js_is_nullish(const struct js_value *value)
{
	return value->type == JS_NULL || value->type == JS_UNDEFINED;
}

static bool contents_are_equal(const struct js_value *a, const struct js_value *b)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->type == JS_LIST ? !js_equal(a->items[i], b->items[i])
				       : !js_equal(a->members[i].value, js_get(b, a->members[i].key)))
			return false;
	}
	return true;
}

bool js_equal(const struct js_value *a, const struct js_value *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case JS_UNDEFINED:
	case JS_NULL:
		return true;
	case JS_BOOLEAN:
		return a->truth == b->truth;
	case JS_NUMBER:
		return a->number == b->number || (isnan(a->number) && isnan(b->number));
	case JS_TEXT:
		return a->count == b->count && memcmp(a->text, b->text, a->count) == 0;
	case JS_LIST:
	case JS_OBJECT:
		break;
	}
	return a->count == b->count && contents_are_equal(a, b);
}
