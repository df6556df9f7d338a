/* backends.c - a test case for each backend. Check calls checked fixtures in the order they are added, in the process of the test,
 * so the one that names the backend comes before the test's own. */
#include "tests/harness/backends.h"

#include "core/base/array.h"
#include "tests/harness/guarded.h"

const struct backend *harness_backend = &host_backend;

static void on_host(void)
{
	harness_backend = &host_backend;
}

static void on_guarded(void)
{
	harness_backend = &guarded_backend;
}

void harness_add_on_backends(Suite *suite, SFun make, SFun unmake, const TTest *const *tests, size_t count)
{
	static const SFun set[] = { on_host, on_guarded };
	static const char *const names[] = { "host", "guarded" };

	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		TCase *on_backend = tcase_create(names[i]);

		tcase_add_checked_fixture(on_backend, set[i], NULL);
		tcase_add_checked_fixture(on_backend, make, unmake);
		tcase_set_timeout(on_backend, 120);
		for (size_t t = 0; t < count; t++)
			tcase_add_test(on_backend, tests[t]);
		suite_add_tcase(suite, on_backend);
	}
}
