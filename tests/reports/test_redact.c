/* Who and where, taken out of texts. */
#include <stdlib.h>
#include <string.h>

#include "reports/bundle/redact.h"
#include "tests/harness/harness.h"

static struct redact redact;

static void begin(void)
{
	struct error e = ERROR_INIT;

	redact = (struct redact) { .word_count = 0 };
	ck_assert_ok(redact_add(&redact, "alice", "<user>", &e), &e);
	ck_assert_ok(redact_add(&redact, "studio-7.example.org", "<host>", &e), &e);
	ck_assert_ok(redact_add(&redact, "studio-7", "<host>", &e), &e);
}

static void end(void)
{
	redact_end(&redact);
}

static void becomes(const char *text, const char *wanted)
{
	struct strbuf to = STRBUF_INIT;

	redact_text(&redact, text, &to);
	ck_assert_str_eq(strbuf_text(&to), wanted);
	strbuf_free(&to);
}

START_TEST(names_go_whole_and_in_any_case)
{
	becomes("alice ran it on Studio-7", "<user> ran it on <host>");
	becomes("alice_2 and ALICE's", "<user>_2 and <user>'s");
	becomes("malice in alicent", "malice in alicent");
	becomes("studio-7.example.org:8188", "<host>:8188");
}
END_TEST

START_TEST(paths_keep_their_last_part)
{
	becomes("residency replay /home/alice/flows/mine.json --store none", "residency replay <path>/mine.json --store none");
	becomes("--models=/data/models/", "--models=<path>/models");
	becomes("\"/mnt/x/a b.json\" '/y z'", "\"<path>/a b.json\" '<path>/y z'");
	becomes("C:\\Users\\alice\\ComfyUI\\main.py", "<path>/main.py");
	becomes("\\\\server\\share\\x", "<path>/x");
	becomes("file:///home/alice/x", "file:<path>/x");
}
END_TEST

START_TEST(the_last_part_may_be_a_name_too)
{
	becomes("/home/alice", "<path>/<user>");
	becomes("/tmp/alice.json", "<path>/<user>.json");
}
END_TEST

START_TEST(what_is_no_path_stays)
{
	becomes("1/2 of abc/both, https://example.org/a/b", "1/2 of abc/both, https://example.org/a/b");
	becomes("POST /free, /free's flags", "POST /free, /free's flags");
	becomes("executor -> caches -> node 7", "executor -> caches -> node 7");
	becomes("#cuda:0;4.0;cpu", "#cuda:0;4.0;cpu");
	becomes("", "");
	becomes("/", "/");
}
END_TEST

START_TEST(what_this_program_knows_of_its_user_is_taken_out)
{
	struct redact own;
	struct error e = ERROR_INIT;
	struct strbuf to = STRBUF_INIT;

	setenv("USER", "barnaby", 1);
	setenv("HOME", "/srv/people/wilhelmina", 1);
	ck_assert_ok(redact_begin(&own, &e), &e);
	redact_text(&own, "Barnaby at /srv/people/wilhelmina/x, wilhelmina", &to);
	ck_assert_str_eq(strbuf_text(&to), "<user> at <path>/x, <user>");
	strbuf_free(&to);
	redact_end(&own);
}
END_TEST

START_TEST(the_same_text_becomes_the_same_twice_over)
{
	struct strbuf once = STRBUF_INIT;
	struct strbuf twice = STRBUF_INIT;

	redact_text(&redact, "alice: '/home/alice/a.json' on studio-7, /free, C:\\x\\y", &once);
	redact_text(&redact, strbuf_text(&once), &twice);
	ck_assert_str_eq(strbuf_text(&once), strbuf_text(&twice));
	strbuf_free(&once);
	strbuf_free(&twice);
}
END_TEST

HARNESS_SUITE(redact_suite)
{
	Suite *suite = suite_create("redact");
	TCase *tests = tcase_create("redact");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, names_go_whole_and_in_any_case);
	tcase_add_test(tests, paths_keep_their_last_part);
	tcase_add_test(tests, the_last_part_may_be_a_name_too);
	tcase_add_test(tests, what_is_no_path_stays);
	tcase_add_test(tests, what_this_program_knows_of_its_user_is_taken_out);
	tcase_add_test(tests, the_same_text_becomes_the_same_twice_over);
	suite_add_tcase(suite, tests);
	return suite;
}
