/* planner: goldens.jsonl, recorded calls of upstream's planners, answered by the code behind `residency plan --requests`; and
 * placements.json.gz, placements of real load lists (in ../loadlists) at HEAD. */
#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/plan/advise/requests.h"
#include "tests/conformance/part.h"

/* Equal as data: 0 is 0.0, and the order of members does not count. */
static bool equal(const json_t *a, const json_t *b)
{
	const char *key;
	json_t *value;

	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	if (!a || !b || json_typeof(a) != json_typeof(b))
		return false;
	if (json_is_array(a)) {
		if (json_array_size(a) != json_array_size(b))
			return false;
		for (size_t i = 0; i < json_array_size(a); i++) {
			if (!equal(json_array_get(a, i), json_array_get(b, i)))
				return false;
		}
		return true;
	}
	if (!json_is_object(a))
		return json_equal(a, b);
	if (json_object_size(a) != json_object_size(b))
		return false;
	json_object_foreach((json_t *)(uintptr_t)a, key, value)
	{
		if (!equal(value, json_object_get(b, key)))
			return false;
	}
	return true;
}

static void fail_field(struct tally *tally, const char *id, const char *field, const json_t *found, const json_t *wanted)
{
	char *found_text = found ? json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *wanted_text = wanted ? json_dumps(wanted, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	tally_fail(tally, id, "%s is %.300s, wanted %.300s", field, found_text ? found_text : "missing",
		   wanted_text ? wanted_text : "none");
	free(found_text);
	free(wanted_text);
}

static void check_output(struct tally *tally, const char *id, const json_t *found, json_t *wanted)
{
	const char *field;
	json_t *value;

	json_object_foreach(wanted, field, value)
	{
		if (strcmp(field, "warnings") != 0 && !equal(value, json_object_get(found, field))) {
			fail_field(tally, id, field, json_object_get(found, field), value);
			return;
		}
	}
	json_object_foreach((json_t *)(uintptr_t)found, field, value)
	{
		if (!json_object_get(wanted, field)) {
			fail_field(tally, id, field, value, NULL);
			return;
		}
	}
	tally_pass(tally);
}

static void check_case(struct tally *tally, const json_t *golden, const json_t *answer)
{
	const char *id = json_string_value(json_object_get(golden, "id"));
	const json_t *wanted_error = json_object_get(golden, "error");
	const json_t *found_error = json_object_get(answer, "error");

	if (wanted_error) {
		const json_t *wanted = json_object_get(wanted_error, "type");
		const json_t *found = json_object_get(found_error, "type");

		if (equal(wanted, found))
			tally_pass(tally);
		else
			fail_field(tally, id, "error.type", found ? found : answer, wanted);
	} else if (found_error) {
		fail_field(tally, id, "error", found_error, NULL);
	} else {
		check_output(tally, id, json_object_get(answer, "output"), json_object_get(golden, "output"));
	}
}

static bool run_line(struct plan_desk *desk, const json_t *line, struct tally *tally, struct error *e)
{
	const char *version = json_string_value(json_object_get(line, "version"));
	json_t *answer;

	if (version && !plan_rules_find(version)) {
		char what[64];

		snprintf(what, sizeof(what), "version %.40s", version);
		tally_not_built(tally, what, 1);
		return true;
	}
	if (!plan_desk_request(desk, line, &answer, e))
		return false;
	if (answer)
		check_case(tally, line, answer);
	json_decref(answer);
	return true;
}

static bool run_goldens(const char *folder, struct plan_desk *desk, struct tally *tally, struct error *e)
{
	size_t length;
	char *text = part_read(folder, "goldens.jsonl", &length, e);
	char *rest = text;
	unsigned number = 0;
	bool fine = text != NULL;

	for (char *at; fine && (at = strsep(&rest, "\n"));) {
		char where[48];
		json_t *line;

		snprintf(where, sizeof(where), "goldens.jsonl line %u", ++number);
		if (!*at)
			continue;
		line = json_parse(at, strlen(at), where, false, e);
		fine = line && run_line(desk, line, tally, e);
		json_decref(line);
	}
	free(text);
	return fine;
}

/* ---- placements ---- */

/* The record's devices as the planner takes them; the caller frees. */
static struct plan_device *read_devices(json_t *record, size_t *count, struct error *e)
{
	json_t *devices = json_object_get(record, "devices");
	struct plan_device *list = array_new(json_object_size(devices) + 1, sizeof(*list), e);
	const char *name;
	json_t *size;

	*count = 0;
	json_object_foreach(devices, name, size)
	{
		if (list)
			list[(*count)++] = (struct plan_device) { name, (uint64_t)json_integer_value(size) };
	}
	return list;
}

/* The device index of the record for a row of the plan's table; -1 for one that it does not list. */
static json_int_t recorded_index(const json_t *record, const struct plan *plan, uint32_t row)
{
	const json_t *names = json_object_get(record, "device_index");

	for (size_t i = 0; row != PLAN_NO_DEVICE && i < json_array_size(names); i++) {
		if (strcmp(json_string_value(json_array_get(names, i)), plan->shares[row].name) == 0)
			return (json_int_t)i;
	}
	return -1;
}

static bool runs_agree(const json_t *record, const struct plan *plan)
{
	const json_t *runs = json_object_get(record, "runs");
	size_t block = 0;

	for (size_t i = 0; i < json_array_size(runs); i++) {
		json_int_t device = json_integer_value(json_array_get(json_array_get(runs, i), 0));
		json_int_t count = json_integer_value(json_array_get(json_array_get(runs, i), 1));

		for (; count > 0; count--, block++) {
			if (block >= plan->block_count || recorded_index(record, plan, plan->share_of[block]) != device)
				return false;
		}
	}
	return block == plan->block_count;
}

/* sha256 of "name TAB device LF" over the load list. */
static void checksum(const struct plan *plan, const struct block_list *blocks, char text[65])
{
	struct sha256_ctx context;
	uint8_t digest[SHA256_DIGEST_SIZE];

	sha256_init(&context);
	for (size_t i = 0; i < plan->block_count; i++) {
		const char *device = plan->share_of[i] == PLAN_NO_DEVICE ? "-" : plan->shares[plan->share_of[i]].name;

		sha256_update(&context, strlen(blocks->blocks[i].name), (const uint8_t *)blocks->blocks[i].name);
		sha256_update(&context, 1, (const uint8_t *)"\t");
		sha256_update(&context, strlen(device), (const uint8_t *)device);
		sha256_update(&context, 1, (const uint8_t *)"\n");
	}
	sha256_digest(&context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static void check_totals(struct tally *tally, const char *name, json_t *record, const struct plan *plan)
{
	json_t *bytes = json_object_get(record, "bytes");
	const char *device;
	json_t *wanted;

	json_object_foreach(bytes, device, wanted)
	{
		double found = -1;
		double blocks = -1;

		for (size_t i = 0; i < plan->share_count; i++) {
			if (strcmp(plan->shares[i].name, device) == 0) {
				found = plan->shares[i].block_bytes;
				blocks = (double)plan->shares[i].block_count;
			}
		}
		if (found != json_number_value(wanted) ||
		    blocks != json_number_value(json_object_get(json_object_get(record, "blocks"), device))) {
			tally_fail(tally, name, "%s has %.0f bytes in %.0f blocks, wanted %.0f", device, found, blocks,
				   json_number_value(wanted));
			return;
		}
	}
	tally_pass(tally);
}

static void check_placement(struct tally *tally, json_t *record, const struct block_list *blocks, const struct plan *plan)
{
	char name[200];
	char sum[65];

	snprintf(name, sizeof(name), "%s %s", json_string_value(json_object_get(record, "loadlist")),
		 json_string_value(json_object_get(record, "allocation")));
	checksum(plan, blocks, sum);
	if (strcmp(plan->final, json_string_value(json_object_get(record, "final_allocation"))) != 0)
		tally_fail(tally, name, "final string is \"%s\", wanted \"%s\"", plan->final,
			   json_string_value(json_object_get(record, "final_allocation")));
	else if (!runs_agree(record, plan))
		tally_fail(tally, name, "a block is on another device");
	else if (strcmp(sum, json_string_value(json_object_get(record, "sha256"))) != 0)
		tally_fail(tally, name, "sha256 of the placement is %s", sum);
	else
		check_totals(tally, name, record, plan);
}

static bool run_placement(json_t *record, struct plan_desk *desk, struct tally *tally, struct error *e)
{
	const char *loadlist = json_string_value(json_object_get(record, "loadlist"));
	const struct block_list *blocks;
	struct plan_request request = { .rules = plan_rules_find("HEAD"),
					.is_clip = json_is_true(json_object_get(record, "is_clip")) };
	struct plan_device *devices;
	struct error why = ERROR_INIT;
	struct plan *plan;

	if (!loadlist || !json_get_string(record, "allocation", "placement", &request.allocation, e))
		return error_set(e, ERROR_FORMAT, "placements.json.gz: a record without a load list");
	blocks = plan_desk_loadlist(desk, loadlist, &why);
	if (!blocks) {
		tally_not_built(tally, "a placement whose load list is not in this folder", 1);
		return true;
	}
	devices = read_devices(record, &request.device_count, e);
	if (!devices)
		return false;
	request.devices = devices;
	request.blocks = blocks->blocks;
	request.block_count = blocks->count;
	plan = plan_make(&request, NULL, &why);
	if (plan)
		check_placement(tally, record, blocks, plan);
	else
		tally_fail(tally, loadlist, "%s", why.text);
	plan_free(plan);
	free(devices);
	return true;
}

static bool run_placements(const char *folder, struct plan_desk *desk, struct tally *tally, struct error *e)
{
	size_t length;
	struct error absent = ERROR_INIT;
	char *text = part_read(folder, "placements.json.gz", &length, &absent);
	json_t *records;
	bool fine = true;

	if (!text)
		return true; /* other data in the same layout need not have it */
	records = json_parse(text, length, "placements.json.gz", false, e);
	free(text);
	if (!records)
		return false;
	for (size_t i = 0; fine && i < json_array_size(records); i++)
		fine = run_placement(json_array_get(records, i), desk, tally, e);
	json_decref(records);
	return fine;
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	struct strbuf loadlists = STRBUF_INIT;
	struct plan_desk *desk;
	bool fine;

	strbuf_printf(&loadlists, "%s/../loadlists", folder);
	desk = plan_desk_new(strbuf_text(&loadlists), e);
	strbuf_free(&loadlists);
	if (!desk)
		return false;
	fine = run_goldens(folder, desk, tally, e) && run_placements(folder, desk, tally, e);
	plan_desk_free(desk);
	return fine;
}

const struct part part_planner = { .name = "planner", .folder = "planner", .run = run };
