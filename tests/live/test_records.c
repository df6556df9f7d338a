/* The probe's lines as records. */
#include <string.h>

#include "probes/judge/judge.h"
#include "probes/live/live_records.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

#define HEAD(count) "{\"record\":\"batch\",\"session\":\"s\",\"first\":0,\"count\":" #count ",\"dropped\":0}\n"
#define MODEL                                                                                                                  \
	"{\"record\":\"model\",\"model\":1,\"name\":\"B\",\"generation\":1,\"inner\":1,\"kind\":\"unet\",\"size_bytes\":100,"  \
	"\"block_count\":4,\"keep\":null}\n"
#define SNAPSHOT                                                                                                               \
	"{\"record\":\"snapshot\",\"snapshot\":1,\"stage\":\"loaded\",\"time_ns\":1,\"anchor_count\":-1,\"listed_count\":1,"   \
	"\"current_device\":\"cuda:0\",\"exception\":\"\"}\n"
#define BEFORE MODEL SNAPSHOT

/* The last record of each type, and how many there were. */
static struct {
	struct record_path path;
	struct record_memory memory;
	struct record_planned planned;
	struct record_block block;
	struct record_allocation allocation;
	unsigned count[RECORD_TYPE_COUNT];
} seen;

static struct topology *topology;

static void take(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	(void)context;
	seen.count[type]++;
	if (type == RECORD_PATH)
		memcpy(&seen.path, record, size_bytes);
	else if (type == RECORD_MEMORY)
		memcpy(&seen.memory, record, size_bytes);
	else if (type == RECORD_PLANNED)
		memcpy(&seen.planned, record, size_bytes);
	else if (type == RECORD_BLOCK)
		memcpy(&seen.block, record, size_bytes);
	else if (type == RECORD_ALLOCATION)
		memcpy(&seen.allocation, record, size_bytes);
}

static void set_up(void)
{
	struct error e = ERROR_INIT;

	memset(&seen, 0, sizeof(seen));
	topology = fixture_card_topology(1000, 1000, &e);
	ck_assert_ok(topology, &e);
}

static void tear_down(void)
{
	topology_free(topology);
}

static bool read(const char *batch, struct error *e)
{
	const struct record_sink sink = { .put = take };
	struct live_translation translation = { .sink = &sink, .topology = topology, .cell = 7 };
	struct live_batch head;

	ck_assert(live_batch_is_whole(batch, strlen(batch)));
	return live_batch_read(batch, strlen(batch), 0, &translation, &head, e);
}

static void reads(const char *batch)
{
	struct error e = ERROR_INIT;

	ck_assert_ok(read(batch, &e), &e);
}

static void refused(const char *batch, const char *said)
{
	struct error e = ERROR_INIT;

	ck_assert(!read(batch, &e));
	ck_assert_msg(strstr(e.text, said), "no \"%s\" in: %s", said, e.text);
}

START_TEST(a_path_is_read_with_its_length)
{
	reads(HEAD(3) BEFORE "{\"record\":\"path\",\"snapshot\":1,\"model\":1,\"length\":2,\"path\":\"executor -> caches -> "
			     "node 7 -> patcher B\"}\n");
	ck_assert_uint_eq(seen.path.cell, 7);
	ck_assert_uint_eq(seen.path.length, 2);
	ck_assert_str_eq(seen.path.path, "executor -> caches -> node 7 -> patcher B");
}
END_TEST

START_TEST(a_ledger_line_is_read_with_its_device)
{
	reads(HEAD(3) BEFORE
	      "{\"record\":\"memory\",\"snapshot\":1,\"device\":\"cuda:0\",\"line\":\"weights\",\"size_bytes\":42}\n");
	ck_assert_uint_eq(seen.memory.device, 1);
	ck_assert_str_eq(seen.memory.line, "weights");
	ck_assert_uint_eq(seen.memory.size_bytes, 42);
}
END_TEST

START_TEST(a_line_of_a_device_that_is_not_there_is_left_out)
{
	reads(HEAD(4) BEFORE
	      "{\"record\":\"memory\",\"snapshot\":1,\"device\":\"xpu:3\",\"line\":\"used\",\"size_bytes\":1}\n"
	      "{\"record\":\"planned\",\"snapshot\":1,\"model\":1,\"first\":0,\"count\":4,\"device\":\"xpu:3\"}\n");
	ck_assert_uint_eq(seen.count[RECORD_MEMORY], 0);
	ck_assert_uint_eq(seen.count[RECORD_PLANNED], 0);
}
END_TEST

START_TEST(blocks_and_their_plan_are_read)
{
	reads(HEAD(4) BEFORE
	      "{\"record\":\"block\",\"model\":1,\"first\":1,\"count\":3,\"size_bytes\":25}\n"
	      "{\"record\":\"planned\",\"snapshot\":1,\"model\":1,\"first\":2,\"count\":2,\"device\":\"cpu:0\"}\n");
	ck_assert_uint_eq(seen.block.first, 1);
	ck_assert_uint_eq(seen.block.count, 3);
	ck_assert_uint_eq(seen.block.size_bytes, 25);
	ck_assert_uint_eq(seen.planned.first, 2);
	ck_assert_uint_eq(seen.planned.device, 0);
}
END_TEST

START_TEST(both_allocation_strings_are_read)
{
	reads(HEAD(3) BEFORE
	      "{\"record\":\"allocation\",\"snapshot\":1,\"model\":1,\"own\":\"\",\"used\":\"#cuda:0;4;cpu\"}\n");
	ck_assert_str_eq(seen.allocation.own, "");
	ck_assert_str_eq(seen.allocation.used, "#cuda:0;4;cpu");
}
END_TEST

START_TEST(what_belongs_to_no_snapshot_or_no_object_is_refused_with_its_line)
{
	refused(HEAD(2) MODEL "{\"record\":\"path\",\"snapshot\":1,\"model\":1,\"length\":0,\"path\":\"\"}\n", "line 1: ");
	refused(HEAD(3) BEFORE "{\"record\":\"allocation\",\"snapshot\":1,\"model\":2,\"own\":\"\",\"used\":\"\"}\n",
		"model is 2");
	refused(HEAD(3) BEFORE "{\"record\":\"block\",\"model\":1,\"first\":0,\"count\":-1,\"size_bytes\":1}\n", "count is -1");
	refused(HEAD(3) BEFORE "{\"record\":\"memory\",\"snapshot\":1,\"device\":\"cpu\",\"line\":\"used\"}\n", "size_bytes");
}
END_TEST

/* What is left of a device's memory, with that much of it noise; the number of findings. */
static size_t findings_of(const char *noise, const char *unattributed)
{
	struct error e = ERROR_INIT;
	struct judge *judge = judge_new(&e);
	const struct record_cell cell = { .cell = 7 };
	struct record_sink sink = judge_sink(judge);
	struct live_translation translation = { .sink = &sink, .topology = topology, .cell = 7 };
	struct live_batch head;
	struct judge_result result;
	char batch[1024];

	snprintf(batch, sizeof(batch),
		 HEAD(3) SNAPSHOT
		 "{\"record\":\"memory\",\"snapshot\":1,\"device\":\"cpu\",\"line\":\"noise\",\"size_bytes\":%s}\n"
		 "{\"record\":\"memory\",\"snapshot\":1,\"device\":\"cpu\",\"line\":\"unattributed\",\"size_bytes\":%s}\n",
		 noise, unattributed);
	record_put(&sink, RECORD_CELL, &cell, sizeof(cell));
	ck_assert_ok(live_batch_read(batch, strlen(batch), 0, &translation, &head, &e), &e);
	judge_doubt(judge, "a test");
	ck_assert_ok(judge_finish(judge, &result, &e), &e);
	ck_assert_int_eq(result.verdict, VERDICT_UNTRUSTWORTHY);
	ck_assert_str_eq(result.why, "a test");
	judge_free(judge);
	return result.finding_count;
}

START_TEST(memory_within_the_noise_is_no_finding)
{
	ck_assert_uint_eq(findings_of("5000000", "4000000"), 0);
	ck_assert_uint_eq(findings_of("3000000", "4000000"), 1);
}
END_TEST

HARNESS_SUITE(records_suite)
{
	Suite *suite = suite_create("records");
	TCase *cases = tcase_create("lines");

	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_path_is_read_with_its_length);
	tcase_add_test(cases, a_ledger_line_is_read_with_its_device);
	tcase_add_test(cases, a_line_of_a_device_that_is_not_there_is_left_out);
	tcase_add_test(cases, blocks_and_their_plan_are_read);
	tcase_add_test(cases, both_allocation_strings_are_read);
	tcase_add_test(cases, what_belongs_to_no_snapshot_or_no_object_is_refused_with_its_line);
	tcase_add_test(cases, memory_within_the_noise_is_no_finding);
	suite_add_tcase(suite, cases);
	return suite;
}
