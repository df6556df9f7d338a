/* Lines of logs: what is around the words goes, what they say is told by a table, and hostile bytes do no harm. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "probes/log/log_import.h"
#include "probes/log/log_kind.h"
#include "probes/log/log_line.h"
#include "tests/harness/harness.h"

/* What records arrive, by type, and the last verdict. */
struct seen {
	size_t counts[RECORD_TYPE_COUNT];
	struct record_verdict verdict;
	uint32_t last_snapshot;
	uint64_t model_size_bytes;
	bool in_order;
};

static void see(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	struct seen *seen = context;

	(void)size_bytes;
	seen->counts[type]++;
	if (type == RECORD_VERDICT)
		seen->verdict = *(const struct record_verdict *)record;
	if (type == RECORD_MODEL)
		seen->model_size_bytes = ((const struct record_model *)record)->size_bytes;
	if (type == RECORD_CELL)
		seen->last_snapshot = 0;
	if (type == RECORD_SNAPSHOT)
		seen->in_order &= ((const struct record_snapshot *)record)->snapshot == ++seen->last_snapshot;
}

/* Imports a text, in pieces of so many bytes. */
static struct log_summary import_text(const char *text, size_t length, size_t piece, struct seen *seen)
{
	const struct record_sink sink = { .context = seen, .put = see };
	struct error e = ERROR_INIT;
	struct log_import *import = log_import_new(&sink, &e);
	struct log_summary summary;

	*seen = (struct seen) { .in_order = true };
	ck_assert_msg(import && log_import_begin(import, "a.log", &e), "%s", e.text);
	for (size_t at = 0; at < length; at += piece)
		ck_assert_msg(log_import_feed(import, text + at, length - at < piece ? length - at : piece, &e), "%s", e.text);
	ck_assert_msg(log_import_end(import, &e), "%s", e.text);
	summary = *log_import_finish(import);
	log_import_free(import);
	return summary;
}

START_TEST(what_is_around_a_line_goes)
{
	static const struct {
		const char *pasted, *meant;
	} lines[] = {
		{ "\033[1;32mgot prompt\033[0m\r", "got prompt" },
		{ "\033]0;title\agot prompt   ", "got prompt" },
		{ "[2025-09-28 16:55:25.353] got prompt", "got prompt" },
		{ "comfyui-1  | [MultiGPU] x", "[MultiGPU] x" },
		{ "> > got prompt", "got prompt" },
		{ "Sep 28 16:55:25 host python[77]: got prompt", "got prompt" },
		{ "anything at all: [MultiGPU Model Management] x", "[MultiGPU Model Management] x" },
		{ "cuda:0 (<0.01%)        13          0.05      0.1%", "cuda:0 (<0.01%)        13          0.05      0.1%" },
		{ "100%|####| 20/20 [00:20<00:00,  1.00s/it]", "100%|####| 20/20 [00:20<00:00,  1.00s/it]" },
		{ "a\xff\xfe\x01z", "a??z" },
		{ "\033[", "" },
		{ "\033", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[128];
		int64_t wall_ns = 0;

		snprintf(text, sizeof(text), "%s", lines[i].pasted);
		log_line_clean(text, strlen(text));
		ck_assert_str_eq(log_line_skip_prefix(text, &wall_ns), lines[i].meant);
	}
}
END_TEST

START_TEST(a_time_is_read_to_the_millisecond_or_not_at_all)
{
	int64_t wall_ns = 0;

	ck_assert_str_eq(log_line_time("2025-09-28T16:55:25.353Z rest", &wall_ns), " rest");
	ck_assert_int_eq(wall_ns, INT64_C(1759078525353000000));
	ck_assert_ptr_null(log_line_time("2025-13-28T16:55:25Z", &wall_ns));
	ck_assert_ptr_null(log_line_time("2025-09-28T16:5", &wall_ns));
	ck_assert_ptr_null(log_line_time("9999-09-28T16:55:25Z", &wall_ns));
	ck_assert_ptr_null(log_line_time("", &wall_ns));
}
END_TEST

START_TEST(a_number_has_its_unit_and_an_end)
{
	double value;

	ck_assert_ptr_nonnull(log_line_number("   +0.02GB", &value));
	ck_assert_double_eq_tol(value, 0.02, 1e-12);
	ck_assert_ptr_nonnull(log_line_number("73.3% next", &value));
	ck_assert_ptr_null(log_line_number("1e400", &value));
	ck_assert_ptr_null(log_line_number("nan", &value));
	ck_assert_ptr_null(log_line_number("12xyz", &value));
	ck_assert_ptr_null(log_line_number("", &value));
}
END_TEST

START_TEST(the_kind_of_a_line_is_told_behind_its_tags)
{
	static const struct {
		const char *text;
		enum log_kind kind;
		const char *rest;
	} lines[] = {
		{ "[MultiGPU Model Management] [PRUNE_DEBUG] Starting prune - current_loaded_models count: 9", LOG_LIST_BEGINS,
		  "9" },
		{ "[MultiGPU Model Management] [Phase 3 Debug] Model 0: Toy, unload_distorch_model=True", LOG_LIST_ROW,
		  "0: Toy, unload_distorch_model=True" },
		{ "[MultiGPU_Memory_Management] Triggering PromptExecutor cache reset. Reason: x", LOG_EXECUTOR_RESET, "x" },
		{ "    DisTorch2 CLIP Model Device Allocations", LOG_TABLE, "Device Allocations" },
		{ "[MultiGPU Whatever] words", LOG_OURS, "words" },
		{ "[MultiGPU unclosed", LOG_OURS, "[MultiGPU unclosed" },
		{ "Model 0: of another program", LOG_OTHER, "Model 0: of another program" },
		{ "tag=a|cpu=1/2", LOG_MEMORY_PROBE, "tag=a|cpu=1/2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *rest;

		ck_assert_int_eq(log_kind_of(lines[i].text, &rest), lines[i].kind);
		ck_assert_str_eq(rest, lines[i].rest);
	}
}
END_TEST

#define POINT(time, tag, memory) "[MultiGPU Model Management] 2026-03-01T10:00:" time "Z " tag " " memory "\n"

START_TEST(how_the_bytes_come_in_pieces_changes_nothing)
{
	static const char text[] = "got prompt\n" POINT("01.000", "patched_soft_empty_start:force=False",
							"cpu|1.00 cuda:0|2.00")
		POINT("01.001", "patched_soft_empty_end", "cpu|1.00 cuda:0|2.00") "Prompt executed in 1.50 seconds\nlast line";
	struct seen whole;
	struct seen pieces;
	struct log_summary summary = import_text(text, sizeof(text) - 1, sizeof(text), &whole);

	ck_assert_uint_eq(summary.lines, 5);
	for (size_t piece = 1; piece < 40; piece++) {
		summary = import_text(text, sizeof(text) - 1, piece, &pieces);
		ck_assert_uint_eq(summary.lines, 5);
		ck_assert_mem_eq(whole.counts, pieces.counts, sizeof(whole.counts));
	}
}
END_TEST

START_TEST(a_summary_that_repeats_points_adds_none)
{
	static const char text[] = POINT("01.000", "demo_a", "cpu|1.00")
		POINT("02.000", "demo_b", "cpu|1.00") "[MultiGPU Model Management] === memory summary: demo ===\n" POINT(
			"01.000", "demo_a", "cpu|1.00") POINT("02.000", "demo_b", "cpu|1.00");
	struct seen seen;
	struct log_summary summary = import_text(text, sizeof(text) - 1, sizeof(text), &seen);

	ck_assert_uint_eq(summary.memory_points, 2);
	ck_assert_uint_eq(summary.repeated_points, 2);
}
END_TEST

#define ROW(number, rest) "[MultiGPU Model Management] [PRUNE_DEBUG] Model " number ": " rest "\n"
#define LIST(count) "[MultiGPU Model Management] [PRUNE_DEBUG] Starting prune - current_loaded_models count: " count "\n"

START_TEST(a_list_with_a_row_missing_says_nothing_of_who_left)
{
	static const char text[] = LIST("2") ROW("0", "A, keep_loaded=True, hash=1") ROW("1", "B, keep_loaded=True, hash=2")
		LIST("2") ROW("0", "A, keep_loaded=True, hash=1") LIST("1") "Prompt executed in 1.00 seconds\n";
	struct seen seen;

	import_text(text, sizeof(text) - 1, sizeof(text), &seen);
	ck_assert_uint_eq(seen.counts[RECORD_DEPARTURE], 0);
}
END_TEST

START_TEST(a_kept_model_that_a_later_list_lacks_is_lost)
{
	static const char text[] = LIST("2") ROW("0", "A, keep_loaded=True, hash=1")
		ROW("1", "B, keep_loaded=False, hash=2") "Prompt executed in 1.00 seconds\n" LIST("1")
			ROW("0", "B, keep_loaded=False, hash=2") POINT("01.000", "patched_soft_empty_end", "cpu|1.00");
	struct seen seen;

	import_text(text, sizeof(text) - 1, sizeof(text), &seen);
	ck_assert_uint_eq(seen.counts[RECORD_DEPARTURE], 1);
	ck_assert_int_eq(seen.verdict.verdict, VERDICT_FAIL);
}
END_TEST

START_TEST(a_stock_model_that_core_loads_is_listed_with_its_bytes)
{
	static const char *const loads[] = {
		"Requested to load AutoencoderKL\nloaded completely 179.03 159.50 True\nPrompt executed in 1.00 seconds\n",
		"Requested to load AutoencoderKL\nloaded completely; 179.03 MB usable, 159.50 MB loaded, full load: True\n"
		"Prompt executed in 1.00 seconds\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		struct seen seen;

		import_text(loads[i], strlen(loads[i]), 64, &seen);
		ck_assert_uint_eq(seen.model_size_bytes, 159 * MIB + MIB / 2);
		ck_assert_uint_eq(seen.counts[RECORD_LOAD], 1);
	}
}
END_TEST

START_TEST(an_unload_that_no_list_follows_gives_no_verdict)
{
	static const char text[] = LIST("1") ROW(
		"0", "A, keep_loaded=True, hash=1") "Prompt executed in 1.00 seconds\n"
						    "[MultiGPU Model Management] [UNLOAD_DEBUG] Patched unload_all_models "
						    "called - initial model count: 1\n"
						    "[MultiGPU Model Management] [UNLOAD_DEBUG] Model 0: A, keep_loaded=True\n";
	struct seen seen;

	import_text(text, sizeof(text) - 1, sizeof(text), &seen);
	ck_assert_int_eq(seen.verdict.verdict, VERDICT_UNTRUSTWORTHY);
	ck_assert_str_eq(seen.verdict.why, "no list of models follows the last unload");
}
END_TEST

START_TEST(a_log_longer_than_the_limits_is_cut_and_says_so)
{
	struct strbuf text = STRBUF_INIT;
	struct log_summary summary;
	struct seen seen;

	for (unsigned i = 0; i < 6000; i++)
		strbuf_append(&text, LIST("0") "Prompt executed in 1.00 seconds\n");
	for (unsigned i = 0; i < 100; i++)
		strbuf_printf(&text, "Requested to load M%u\n  v1 Expert String x\n", i);
	strbuf_append(&text, LIST("99999999999999999999"));
	summary = import_text(text.text, text.length, 4096, &seen);
	ck_assert_uint_le(seen.counts[RECORD_SNAPSHOT], 5000);
	ck_assert(seen.in_order);
	ck_assert_uint_eq(summary.prompts, 6000);
	ck_assert_int_eq(seen.verdict.verdict, VERDICT_UNTRUSTWORTHY);
	ck_assert_ptr_nonnull(strstr(seen.verdict.why, "longer than what is kept"));
	strbuf_free(&text);
}
END_TEST

START_TEST(a_line_without_end_is_cut_and_counted)
{
	struct strbuf text = STRBUF_INIT;
	struct log_summary summary;
	struct seen seen;

	for (unsigned i = 0; i < LOG_LINE_MAX * 3u; i++)
		strbuf_append_char(&text, 'x');
	strbuf_append(&text, "\ngot prompt\n");
	summary = import_text(text.text, text.length, 1000, &seen);
	ck_assert_uint_eq(summary.lines, 2);
	ck_assert_uint_eq(summary.long_lines, 1);
	ck_assert_uint_eq(summary.complaints[0].line, 1);
	ck_assert_uint_eq(summary.known_lines, 1);
	strbuf_free(&text);
}
END_TEST

HARNESS_SUITE(log_suite)
{
	Suite *suite = suite_create("log");
	TCase *lines = tcase_create("lines");
	TCase *import = tcase_create("import");

	tcase_add_test(lines, what_is_around_a_line_goes);
	tcase_add_test(lines, a_time_is_read_to_the_millisecond_or_not_at_all);
	tcase_add_test(lines, a_number_has_its_unit_and_an_end);
	tcase_add_test(lines, the_kind_of_a_line_is_told_behind_its_tags);
	tcase_add_test(import, how_the_bytes_come_in_pieces_changes_nothing);
	tcase_add_test(import, a_summary_that_repeats_points_adds_none);
	tcase_add_test(import, a_list_with_a_row_missing_says_nothing_of_who_left);
	tcase_add_test(import, a_kept_model_that_a_later_list_lacks_is_lost);
	tcase_add_test(import, a_stock_model_that_core_loads_is_listed_with_its_bytes);
	tcase_add_test(import, an_unload_that_no_list_follows_gives_no_verdict);
	tcase_add_test(import, a_log_longer_than_the_limits_is_cut_and_says_so);
	tcase_add_test(import, a_line_without_end_is_cut_and_counted);
	suite_add_tcase(suite, lines);
	suite_add_tcase(suite, import);
	return suite;
}
