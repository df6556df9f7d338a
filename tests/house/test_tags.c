/* One name, one thing: no tag of a struct, an enum or a union is defined in two files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/harness.h"
#include "tests/house/source.h"

struct definition {
	char *tag;
	char *path;
};

struct definitions {
	struct definition *items;
	size_t count, capacity;
};

static void add(struct definitions *all, const char *tag, size_t length, const char *path)
{
	ck_assert(array_reserve(&all->items, &all->capacity, all->count + 1, sizeof(*all->items), NULL));
	all->items[all->count++] = (struct definition) { .tag = strndup(tag, length), .path = strdup(path) };
}

static void find_definitions(void *context, const char *path, const char *code)
{
	static const char *const keywords[] = { "struct", "enum", "union" };

	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++) {
		for (const char *at = source_find_word(code, keywords[i]); at; at = source_find_word(at + 1, keywords[i])) {
			const char *tag = source_skip_space(at + strlen(keywords[i]));
			const char *end = source_skip_word(tag);

			if (end > tag && *source_skip_space(end) == '{')
				add(context, tag, (size_t)(end - tag), path);
		}
	}
}

static int compare(const void *a, const void *b)
{
	const struct definition *left = a;
	const struct definition *right = b;
	int order = strcmp(left->tag, right->tag);

	return order ? order : strcmp(left->path, right->path);
}

/* How many tags have more than one definition; each is printed. */
static size_t repeated(struct definitions *all)
{
	size_t wrong = 0;
	size_t same;

	qsort(all->items, all->count, sizeof(*all->items), compare);
	for (size_t i = 0; i < all->count; i += same) {
		for (same = 1; i + same < all->count && strcmp(all->items[i].tag, all->items[i + same].tag) == 0;)
			same++;
		if (same == 1)
			continue;
		for (size_t j = i; j < i + same; j++)
			fprintf(stderr, "%s defines %s, too\n", all->items[j].path, all->items[j].tag);
		wrong++;
	}
	return wrong;
}

static void free_definitions(struct definitions *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->items[i].tag);
		free(all->items[i].path);
	}
	free(all->items);
}

START_TEST(no_tag_is_defined_in_two_files)
{
	struct definitions all = { .items = NULL };

	source_each(find_definitions, &all);
	ck_assert_uint_gt(all.count, 500);
	ck_assert_uint_eq(repeated(&all), 0);
	free_definitions(&all);
}
END_TEST

START_TEST(a_tag_with_two_definitions_is_seen)
{
	struct definitions all = { .items = NULL };

	find_definitions(&all, "a.c", "struct model {\n}; struct plan; struct plan x = { 1 }; enum stage { LOADED };");
	ck_assert_uint_eq(all.count, 2);
	ck_assert_uint_eq(repeated(&all), 0);
	find_definitions(&all, "b.c", "struct stage\n{\n};");
	ck_assert_uint_eq(repeated(&all), 1);
	free_definitions(&all);
}
END_TEST

HARNESS_SUITE(tags_suite)
{
	Suite *suite = suite_create("tags");
	TCase *tests = tcase_create("tags");

	tcase_add_test(tests, no_tag_is_defined_in_two_files);
	tcase_add_test(tests, a_tag_with_two_definitions_is_seen);
	suite_add_tcase(suite, tests);
	return suite;
}
