/* plan_findings.c - one pass over the plan and its string for each kind of trap.
 *
 * Each find_ function looks for one mistake and emits one record of the class misplaced for each place it finds, with
 * the facts from which diagnosis.c derives the cause. Traps of the string come first, then devices with more than they
 * hold, then slow routes.
 */
#include "probes/diagnosis/plan_findings.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/units.h"
#include "core/plan/string/allocation.h"
#include "core/plan/versions.h"
#include "probes/diagnosis/diagnosis.h"

struct desk {
	const struct plan_request *request;
	const struct plan *plan;
	uint32_t cell;
	const struct record_sink *sink;
	size_t count;
};

static struct record_finding begin(const struct desk *desk, const char *expected, const char *actual)
{
	struct record_finding finding = { .cell = desk->cell,
					  .class_name = "misplaced",
					  .object = -1,
					  .size_bytes = UNKNOWN_U64,
					  .device = -1,
					  .planned_device = -1,
					  .state = STATE_COUNT,
					  .end_state = STATE_COUNT,
					  .holders_before = "[]",
					  .holders_after = "[]",
					  .bytes_before = UNKNOWN_U64,
					  .bytes_after = UNKNOWN_U64,
					  .failure_class = -1,
					  .stage = "plan" };

	snprintf(finding.action, sizeof(finding.action), "plan %.90s", desk->request->allocation);
	record_text(finding.expected, sizeof(finding.expected), expected);
	record_text(finding.actual, sizeof(finding.actual), actual);
	return finding;
}

static void put(struct desk *desk, struct record_finding *finding, fact_set facts)
{
	const struct cause *cause = diagnosis_of(facts);

	diagnosis_facts_text(facts, finding->facts, sizeof(finding->facts));
	if (cause) {
		finding->failure_class = cause->failure_class;
		record_text(finding->cause, sizeof(finding->cause), cause->text);
		record_text(finding->threads, sizeof(finding->threads), cause->threads);
		diagnosis_why(cause, finding->why, sizeof(finding->why));
	}
	record_put(desk->sink, RECORD_FINDING, finding, sizeof(*finding));
	desk->count++;
}

static void put_misread(struct desk *desk, const char *place, const char *expected, const char *actual)
{
	struct record_finding finding = begin(desk, expected, actual);

	record_text(finding.place, sizeof(finding.place), place);
	snprintf(finding.detail, sizeof(finding.detail), "\"%.200s\": %s was meant, it says %s", desk->request->allocation,
		 expected, actual);
	put(desk, &finding, FACT(MISPLACED) | FACT(MISREAD));
}

/* ---- traps of the string ---- */

/* Bytes are looked for as a letter g, m, k or b anywhere in the string, and devices have names. */
static void find_letters_of_names(struct desk *desk, const struct allocation *allocation)
{
	bool (*reads_names)(const struct allocation *) = desk->request->rules->reads_names;

	if (reads_names && reads_names(allocation))
		put_misread(desk, "a letter of a device's name", "a share",
			    "bytes: the name has a letter that a size could have");
}

static void find_wildcard_with_number(struct desk *desk, const struct allocation *allocation)
{
	bool (*loses_number)(struct span value) = desk->request->rules->loses_number;
	struct span rest = allocation->expert;
	struct span device;
	struct span value;

	if (desk->plan->mode != PLAN_BYTE || !loses_number)
		return;
	while (allocation_next_pair(&rest, &device, &value)) {
		char expected[64];

		if (!loses_number(value))
			continue;
		snprintf(expected, sizeof(expected), "%.*s", (int)(value.length < 40 ? value.length : 40), value.text);
		put_misread(desk, "a number before a '*'", expected, "whatever is left over: the number is not read");
	}
}

/* Shares that add up to the whole were meant of the model. */
static void find_fractions_of_devices(struct desk *desk)
{
	const struct plan *plan = desk->plan;
	double sum = 0;

	if (plan->mode != PLAN_FRACTION)
		return;
	for (size_t i = 0; i < plan->share_count; i++)
		sum += plan->shares[i].fraction;
	if (fabs(sum - 1) < 0.01)
		put_misread(desk, "fractions that add up to 1", "shares of the model", "fractions of each device's memory");
}

/* A quota is a fraction of a device's memory, written with four decimals; half a step more, and the block would have had room. */
static bool rounding_left_out(const struct plan *plan, uint64_t size_bytes)
{
	for (size_t i = 0; i < plan->share_count; i++) {
		const struct plan_share *share = &plan->shares[i];

		if (share->quota_bytes > 0 && share->left_bytes + 0.00005 * share->total_bytes >= (double)size_bytes)
			return true;
	}
	return false;
}

static void find_orphans_of_rounding(struct desk *desk)
{
	const struct plan *plan = desk->plan;
	uint64_t bytes = 0;
	size_t count = 0;
	char expected[64];
	char size[UNITS_TEXT_MAX];

	for (size_t i = 0; i < plan->block_count; i++) {
		uint64_t size_bytes = desk->request->blocks[i].size_bytes;

		if (plan->reason_of[i] != PLAN_REASON_ORPHAN || !rounding_left_out(plan, size_bytes))
			continue;
		count++;
		bytes += size_bytes;
	}
	if (!count)
		return;
	snprintf(expected, sizeof(expected), "%zu block%s, %s, with the others", count, count == 1 ? "" : "s",
		 units_bytes(bytes, size));
	put_misread(desk, "quotas rounded to four decimals", expected, "no quota has room: left on the compute device");
}

static void find_traps(struct desk *desk)
{
	const char *text = desk->request->allocation;
	struct error unread = ERROR_INIT;
	struct trouble trouble = { .allocation = text, .text = text, .text_length = strlen(text), .e = &unread };
	struct allocation allocation;

	/* The planner has read it, so that it can be taken apart. */
	if (!allocation_parse(&allocation, text, desk->request->rules, &trouble))
		return;
	find_letters_of_names(desk, &allocation);
	find_wildcard_with_number(desk, &allocation);
	find_fractions_of_devices(desk);
	find_orphans_of_rounding(desk);
	/* Versions with a usual compute device take it here, and the plan names it. */
	if (allocation.hash && allocation.tail.length == 0 && !desk->plan->compute[0])
		put_misread(desk, "a trailing '#'", "the usual compute device", "a compute device without a name");
}

/* ---- more than there is ---- */

static void put_over_commitment(struct desk *desk, const struct plan_device *device, uint64_t bytes, uint64_t free_bytes)
{
	struct record_finding finding;
	char planned[UNITS_TEXT_MAX];
	char total[UNITS_TEXT_MAX];
	char room[UNITS_TEXT_MAX];
	char expected[96];
	char actual[96];

	units_bytes(bytes, planned);
	units_bytes(device->total_bytes, total);
	units_bytes(free_bytes, room);
	snprintf(expected, sizeof(expected), "%s on %.40s", planned, device->name);
	if (free_bytes < device->total_bytes)
		snprintf(actual, sizeof(actual), "%s free of %s", room, total);
	else
		snprintf(actual, sizeof(actual), "%s in all", total);
	finding = begin(desk, expected, actual);
	finding.size_bytes = bytes;
	record_text(finding.place, sizeof(finding.place), device->name);
	if (free_bytes < device->total_bytes)
		snprintf(finding.detail, sizeof(finding.detail), "%s are planned for %.40s, which has %s free of %s", planned,
			 device->name, room, total);
	else
		snprintf(finding.detail, sizeof(finding.detail), "%s are planned for %.40s, which has %s", planned,
			 device->name, total);
	put(desk, &finding, FACT(MISPLACED) | FACT(OVER_COMMITTED));
}

static void find_over_commitment(struct desk *desk, const uint64_t *free_bytes)
{
	const struct plan_request *request = desk->request;

	for (size_t i = 0; i < request->device_count; i++) {
		double bytes = plan_device_bytes(desk->plan, request->devices, request->device_count, i);
		uint64_t room = free_bytes ? free_bytes[i] : request->devices[i].total_bytes;

		if (bytes > (double)room)
			put_over_commitment(desk, &request->devices[i], (uint64_t)bytes, room);
	}
}

/* ---- ways ---- */

/* Blocks that wait on a device are copied to the compute device at each pass: twice, where there is no link between the two. */
static void find_detours(struct desk *desk, const struct topology *topology)
{
	int compute = topology_find(topology, desk->plan->compute);

	for (size_t i = 0; compute >= 0 && i < desk->plan->share_count; i++) {
		const struct plan_share *share = &desk->plan->shares[i];
		const struct link_description *route[2];
		int donor = topology_find(topology, share->name);
		struct record_finding finding;
		char size[UNITS_TEXT_MAX];

		if (donor < 0 || !share->block_count || topology_route(topology, (unsigned)donor, (unsigned)compute, route) < 2)
			continue;
		finding = begin(desk, "one copy, from card to card", "two copies, through main memory");
		finding.size_bytes = (uint64_t)share->block_bytes;
		snprintf(finding.place, sizeof(finding.place), "%.28s -> %.28s", share->name, desk->plan->compute);
		snprintf(finding.detail, sizeof(finding.detail), "%s wait on %.40s, which has no link to %.40s",
			 units_bytes((uint64_t)share->block_bytes, size), share->name, desk->plan->compute);
		put(desk, &finding, FACT(MISPLACED) | FACT(NO_PEER_ACCESS));
	}
}

size_t plan_findings_put(const struct plan_outcome *outcome, uint32_t cell, const struct record_sink *sink)
{
	struct desk desk = { .request = outcome->request, .plan = outcome->plan, .cell = cell, .sink = sink };
	char place[32];

	if (outcome->plan) {
		find_traps(&desk);
		find_over_commitment(&desk, outcome->free_bytes);
		find_detours(&desk, outcome->topology);
		return desk.count;
	}
	snprintf(place, sizeof(place), "column %zu", outcome->column);
	put_misread(&desk, outcome->column ? place : "the string", "a plan", outcome->why);
	return desk.count;
}
