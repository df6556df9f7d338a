/* The screen of live watch: a state, a width and a height become lines. Expected screens are in watch/; now.json is the state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/live/watch_screen.h"
#include "cli/live/watch_text.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "tests/harness/harness.h"

#define S UINT64_C(1000000000)

static json_t *answer;
static struct live_now *now;
static struct watch_view view;
static struct error e;

static void set_up(void)
{
	error_clear(&e);
	answer = json_parse_file("tests/live/watch/now.json", &e);
	now = answer ? live_now_parse(answer, &e) : NULL;
	ck_assert_ok(now, &e);
	view = (struct watch_view) { .url = "http://127.0.0.1:8188",
				     .now = now,
				     .age_ns = S * 3 / 10,
				     .clock_ns = (int64_t)((14 * 3600 + 3 * 60 + 12) * S + S / 2),
				     .interval_ns = S };
}

static void tear_down(void)
{
	live_now_free(now);
	json_decref(answer);
}

/* After a change to `answer`. */
static void read_again(void)
{
	live_now_free(now);
	now = live_now_parse(answer, &e);
	ck_assert_ok(now, &e);
	view.now = now;
}

/* The caller frees. */
static char *screen(struct watch_shape shape)
{
	struct strbuf out = STRBUF_INIT;

	ck_assert_ok(watch_screen(&view, &shape, &out, &e), &e);
	return strbuf_finish(&out, &e);
}

static void shows(const char *file, struct watch_shape shape)
{
	char path[128];
	size_t length;
	char *wanted;
	char *found = screen(shape);

	snprintf(path, sizeof(path), "tests/live/watch/%s.txt", file);
	wanted = file_read_whole(path, &length, &e);
	ck_assert_ok(wanted, &e);
	ck_assert_msg(strcmp(found, wanted) == 0, "%s; found:\n%s", path, found);
	free(wanted);
	free(found);
}

static void has_line(const char *wanted, struct watch_shape shape)
{
	char *found = screen(shape);

	ck_assert_msg(strstr(found, wanted), "no \"%s\" in:\n%s", wanted, found);
	free(found);
}

static void has_no(const char *unwanted, struct watch_shape shape)
{
	char *found = screen(shape);

	ck_assert_msg(!strstr(found, unwanted), "\"%s\" in:\n%s", unwanted, found);
	free(found);
}

static const struct watch_shape usual = { .width = 80, .height = 24, .utf8 = true };
static const struct watch_shape wide = { .width = 120, .height = 40, .utf8 = true };

START_TEST(eighty_columns)
{
	shows("80x24", usual);
}
END_TEST

START_TEST(a_hundred_and_twenty_columns)
{
	shows("120x40", wide);
}
END_TEST

START_TEST(sixty_columns)
{
	shows("60x20", (struct watch_shape) { .width = 60, .height = 20, .utf8 = true });
}
END_TEST

START_TEST(once_is_the_whole_as_plain_text)
{
	view.interval_ns = 0;
	shows("80-ascii", (struct watch_shape) { .width = 80 });
}
END_TEST

START_TEST(a_server_that_is_gone_is_told_of_above_what_was_last_seen)
{
	view.trouble = "GET http://127.0.0.1:8188/residency/now: Couldn't connect to server";
	view.gone_ns = 12 * S;
	view.has_restarted = view.is_frozen = view.only_kept = true;
	view.restarted_ns = 5 * S;
	shows("80x16-gone", (struct watch_shape) { .width = 80, .height = 16, .utf8 = true });
}
END_TEST

START_TEST(without_a_probe_it_is_said_what_is_missing_and_how_to_get_it)
{
	json_t *stats = json_loads("{\"system\":{\"ram_total\":67000000000,\"ram_free\":41000000000},\"devices\":["
				   "{\"type\":\"cuda\",\"index\":0,\"vram_total\":25300000000,\"vram_free\":5300000000}]}",
				   0, NULL);
	json_t *queue = json_object();

	live_now_free(now);
	view.now = now = live_now_from_server(stats, queue, &e);
	view.lack = WATCH_LACKS_PROBE;
	view.interval_ns = 0;
	shows("60-no-probe", (struct watch_shape) { .width = 60, .utf8 = true });
	view.lack = WATCH_LACKS_PERMISSION;
	has_line("RESIDENCY_PROBE_REMOTE=1", usual);
	view.lack = WATCH_LACKS_ROUTE;
	has_line("Its probe node is older than this tool", usual);
	json_decref(stats);
	json_decref(queue);
}
END_TEST

START_TEST(before_the_first_answer_there_is_a_head)
{
	view.now = NULL;
	view.trouble = "it stalls";
	has_line("trying again: it stalls", usual);
}
END_TEST

/* Columns of the longest line, lines, and whether each ends. */
static void measure(const char *text, unsigned *width, unsigned *height)
{
	*width = *height = 0;
	while (*text) {
		char line[4096];
		size_t length = strcspn(text, "\n");
		unsigned columns;

		ck_assert_int_eq(text[length], '\n');
		ck_assert_uint_lt(length, sizeof(line));
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		columns = watch_text_columns(line, true);
		*width = columns > *width ? columns : *width;
		(*height)++;
		text += length + 1;
	}
}

START_TEST(no_line_is_wider_and_no_screen_higher_than_there_is_room)
{
	for (unsigned width = 1; width <= 140; width++) {
		for (unsigned height = 1; height <= 45; height++) {
			char *text = screen((struct watch_shape) { .width = width, .height = height, .utf8 = true });
			unsigned columns;
			unsigned lines;

			measure(text, &columns, &lines);
			ck_assert_msg(columns <= width && lines <= height, "%u columns and %u lines of %u and %u", columns,
				      lines, width, height);
			free(text);
		}
	}
}
END_TEST

/* Without the sequences that colour it. */
static void strip(char *text)
{
	char *to = text;

	for (const char *from = text; *from;) {
		if (*from == '\033')
			from += strcspn(from, "m") + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
}

START_TEST(colour_adds_colour_and_nothing_else)
{
	struct watch_shape coloured = usual;
	char *plain = screen(usual);
	char *text;

	coloured.colour = true;
	text = screen(coloured);
	ck_assert_ptr_nonnull(strstr(text, "\033[1;31mclip_l\033[0m"));
	ck_assert_ptr_null(strchr(plain, '\033'));
	strip(text);
	ck_assert_str_eq(text, plain);
	free(plain);
	free(text);
}
END_TEST

START_TEST(who_was_not_wished_to_stay_is_shown_for_some_seconds)
{
	has_line("  sdxl                 unet no   left 5 s ago", usual);
	view.age_ns = 20 * S;
	has_no("sdxl                 unet", usual);
}
END_TEST

START_TEST(who_was_wished_to_stay_is_shown_until_he_is_back)
{
	json_t *back = json_deep_copy(json_array_get(json_object_get(answer, "models"), 1));

	view.age_ns = 3600 * S;
	has_line("! clip_l               clip yes  left 63 min ago", usual);
	json_object_set_new(back, "name", json_string("clip_l"));
	json_object_set_new(back, "model", json_integer(99));
	json_array_append_new(json_object_get(answer, "models"), back);
	read_again();
	has_no("! clip_l", usual);
	has_line("  clip_l                       clip no   cuda:0", wide);
}
END_TEST

START_TEST(only_who_is_wished_to_stay)
{
	view.only_kept = true;
	has_line("flux1-dev-fp8", usual);
	has_no("sdxl    ", usual);
	has_no("  ae   ", usual);
}
END_TEST

static bool comes_before(const char *text, const char *first, const char *second)
{
	const char *a = strstr(text, first);
	const char *b = strstr(text, second);

	return a && b && a < b;
}

START_TEST(rows_are_sorted_as_asked_and_the_missed_come_first)
{
	static const struct {
		enum watch_sort sort;
		const char *first, *second;
	} orders[] = {
		{ WATCH_BY_LIST, "  flux1", "  a-very" },
		{ WATCH_BY_SIZE, "  flux1", "  a-very" },
		{ WATCH_BY_NAME, "  a-very", "  ae" },
		{ WATCH_BY_DEVICE, "  ae ", "  stray" },
	};

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		char *text;

		view.sort = orders[i].sort;
		text = screen(usual);
		ck_assert_msg(comes_before(text, orders[i].first, orders[i].second), "%zu:\n%s", i, text);
		ck_assert_msg(comes_before(text, "! clip_l", orders[i].first), "%zu:\n%s", i, text);
		free(text);
	}
}
END_TEST

START_TEST(more_free_than_there_is_and_more_weights_than_used_are_shown_within_the_bar)
{
	json_t *device = json_array_get(json_object_get(answer, "devices"), 1);

	json_object_set_new(device, "free_bytes", json_integer(INT64_MAX));
	json_object_set_new(device, "weights_bytes", json_integer(INT64_MAX));
	json_object_set_new(device, "other_bytes", json_integer(INT64_MAX));
	read_again();
	has_line("cuda:0        0 B  25.3 GB ▕████████████████████████████▏", usual);
}
END_TEST

START_TEST(sizes_that_do_not_fit_together_do_not_wrap)
{
	json_t *model = json_array_get(json_object_get(answer, "models"), 2);

	json_object_set_new(model, "bytes",
			    json_pack("{s:I, s:I, s:I}", "cpu", INT64_MAX, "cuda:0", INT64_MAX, "cuda:1", INT64_MAX));
	read_again();
	has_line("unloaded, 18447 PB", wide);
}
END_TEST

START_TEST(a_probe_that_is_off_or_failing_says_so)
{
	json_object_set_new(answer, "on", json_false());
	json_object_set_new(answer, "failures", json_integer(3));
	read_again();
	has_line("the probe is switched off until the next start", usual);
	has_line("the probe failed 3 times", usual);
}
END_TEST

START_TEST(entries_that_hold_nothing_are_told_of)
{
	has_no("hold nothing", usual);
	json_object_set_new(answer, "stale", json_integer(2));
	read_again();
	has_line("2 entries of the loaded list hold nothing any more", usual);
}
END_TEST

START_TEST(nothing_loaded_is_said)
{
	json_array_clear(json_object_get(answer, "models"));
	json_array_clear(json_object_get(answer, "left"));
	read_again();
	has_line("  none is loaded", usual);
}
END_TEST

HARNESS_SUITE(screen_suite)
{
	Suite *suite = suite_create("screen");
	TCase *cases = tcase_create("screens");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, eighty_columns);
	tcase_add_test(cases, a_hundred_and_twenty_columns);
	tcase_add_test(cases, sixty_columns);
	tcase_add_test(cases, once_is_the_whole_as_plain_text);
	tcase_add_test(cases, a_server_that_is_gone_is_told_of_above_what_was_last_seen);
	tcase_add_test(cases, without_a_probe_it_is_said_what_is_missing_and_how_to_get_it);
	tcase_add_test(cases, before_the_first_answer_there_is_a_head);
	tcase_add_test(cases, no_line_is_wider_and_no_screen_higher_than_there_is_room);
	tcase_add_test(cases, colour_adds_colour_and_nothing_else);
	tcase_add_test(cases, who_was_not_wished_to_stay_is_shown_for_some_seconds);
	tcase_add_test(cases, who_was_wished_to_stay_is_shown_until_he_is_back);
	tcase_add_test(cases, only_who_is_wished_to_stay);
	tcase_add_test(cases, rows_are_sorted_as_asked_and_the_missed_come_first);
	tcase_add_test(cases, more_free_than_there_is_and_more_weights_than_used_are_shown_within_the_bar);
	tcase_add_test(cases, sizes_that_do_not_fit_together_do_not_wrap);
	tcase_add_test(cases, a_probe_that_is_off_or_failing_says_so);
	tcase_add_test(cases, entries_that_hold_nothing_are_told_of);
	tcase_add_test(cases, nothing_loaded_is_said);
	suite_add_tcase(suite, cases);
	return suite;
}
