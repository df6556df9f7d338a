/* Every name that another object can link to begins with its module, so that a reader knows the file or the folder it is from. The
 * names are those that nm finds in the product's objects; a module is a file's path:
 *
 *	core/model/detect/tensor_table.c	model_..., detect_..., tensor_...
 *	core/manager/policies/stock.c		manager_..., policies, policy_..., stock_...
 *
 * that is, a folder on it (but `core`, which most names are of) or the first word of the file's name, as it stands or in the
 * singular. The file is the one that defines the name, or a header that declares it. There are no exceptions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/harness.h"
#include "tests/house/source.h"

struct external {
	char *path; /* of the file that defines it */
	char *name;
	bool is_named; /* after its module */
};

struct externals {
	struct external *items;
	size_t count, capacity;
};

static void add(struct externals *all, const char *path, const char *name)
{
	ck_assert(array_reserve(&all->items, &all->capacity, all->count + 1, sizeof(*all->items), NULL));
	all->items[all->count++] = (struct external) { .path = strdup(path), .name = strdup(name) };
}

static void free_externals(struct externals *all)
{
	for (size_t i = 0; i < all->count; i++) {
		free(all->items[i].path);
		free(all->items[i].name);
	}
	free(all->items);
}

static bool begins_with(const char *name, const char *word, size_t length)
{
	return strncmp(name, word, length) == 0 && (name[length] == '_' || name[length] == '\0');
}

/* Whether a name begins with a word or with its singular: "streams", "stream"; "policies", "policy". */
static bool is_named_after(const char *name, const char *word, size_t length)
{
	char singular[64];

	if (begins_with(name, word, length))
		return true;
	if (length < 4 || length >= sizeof(singular) || word[length - 1] != 's')
		return false;
	if (begins_with(name, word, length - 1))
		return true;
	if (strncmp(word + length - 3, "ies", 3) != 0)
		return false;
	snprintf(singular, sizeof(singular), "%.*sy", (int)(length - 3), word);
	return begins_with(name, singular, length - 2);
}

/* "core/model/detect/tensor_table.c": model, detect or tensor. */
static bool is_named_after_path(const char *name, const char *path)
{
	while (*path) {
		size_t folder = strcspn(path, "/");
		size_t length = path[folder] ? folder : strcspn(path, "_.");

		if ((length != 4 || strncmp(path, "core", 4) != 0) && is_named_after(name, path, length))
			return true;
		path += folder + (path[folder] == '/');
	}
	return false;
}

/* A line of nm: ".../core.dir/core/base/array.c.o: array_new T 0 40". Names with two underscores or a dot are the compiler's. */
static void read_line(struct externals *all, char *line)
{
	char *path = strstr(line, ".dir/");
	char *end = path ? strstr(path, ".o: ") : NULL;
	char *name = end ? end + strlen(".o: ") : NULL;

	if (!name)
		return;
	path += strlen(".dir/");
	path += strspn(path, "./");
	*end = '\0';
	name[strcspn(name, " ")] = '\0';
	if (strncmp(name, "__", 2) != 0 && !strchr(name, '.'))
		add(all, path, name);
}

static void read_objects(struct externals *all)
{
	FILE *nm = popen(HOUSE_NM " -A -P -g --defined-only @" HOUSE_OBJECTS, "r");
	char line[4096];

	ck_assert_ptr_nonnull(nm);
	while (fgets(line, sizeof(line), nm))
		read_line(all, line);
	ck_assert_int_eq(pclose(nm), 0);
}

/* Names that a header declares, and whose first word is the header's, are named. */
static void look_in_header(void *context, const char *path, const char *code)
{
	struct externals *all = context;

	if (path[strlen(path) - 1] != 'h')
		return;
	for (size_t i = 0; i < all->count; i++) {
		struct external *external = &all->items[i];

		if (!external->is_named && is_named_after_path(external->name, path) && source_find_word(code, external->name))
			external->is_named = true;
	}
}

/* How many are not named after a module; each is printed. */
static size_t unnamed(struct externals *all)
{
	size_t wrong = 0;

	for (size_t i = 0; i < all->count; i++)
		all->items[i].is_named = is_named_after_path(all->items[i].name, all->items[i].path);
	source_each(look_in_header, all);
	for (size_t i = 0; i < all->count; i++) {
		if (all->items[i].is_named)
			continue;
		fprintf(stderr, "%s defines %s: a name with external linkage begins with its file or a folder of it\n",
			all->items[i].path, all->items[i].name);
		wrong++;
	}
	return wrong;
}

START_TEST(every_external_name_begins_with_its_module)
{
	struct externals all = { .items = NULL };

	read_objects(&all);
	ck_assert_uint_gt(all.count, 1000);
	ck_assert_uint_eq(unnamed(&all), 0);
	free_externals(&all);
}
END_TEST

/* The first half begins with a module, the other does not. */
START_TEST(an_external_name_without_its_module_is_seen)
{
	static const struct {
		const char *path, *name;
	} named[] = {
		{ .path = "core/manager/policies/stock.c", .name = "policy_other" },
		{ .path = "core/manager/policies/stock.c", .name = "policies" },
		{ .path = "core/device/streams.c", .name = "stream_of_nothing" },
		{ .path = "core/model/detect/tensor_table.c", .name = "tensor_of_nothing" },
		{ .path = "core/none.c", .name = "heap_free" }, /* heap.h declares it */
	}, unnamed_ones[] = {
		{ .path = "core/manager/policies/stock.c", .name = "stocks" },
		{ .path = "core/base/array.c", .name = "core_array" },
		{ .path = "core/model/detect/tensor_table.c", .name = "table_of_nothing" },
		{ .path = "core/none.c", .name = "heap_of_nothing" },
	};
	struct externals all = { .items = NULL };

	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		add(&all, named[i].path, named[i].name);
	ck_assert_uint_eq(unnamed(&all), 0);
	for (size_t i = 0; i < ARRAY_SIZE(unnamed_ones); i++)
		add(&all, unnamed_ones[i].path, unnamed_ones[i].name);
	ck_assert_uint_eq(unnamed(&all), ARRAY_SIZE(unnamed_ones));
	free_externals(&all);
}
END_TEST

HARNESS_SUITE(externals_suite)
{
	Suite *suite = suite_create("externals");
	TCase *tests = tcase_create("externals");

	tcase_add_test(tests, every_external_name_begins_with_its_module);
	tcase_add_test(tests, an_external_name_without_its_module_is_seen);
	suite_add_tcase(suite, tests);
	return suite;
}
