/* plan_findings.c - a record of the class misplaced for each trap that the adviser found.
 *
 * core/plan judges the string and its plan; here its traps become facts, from which diagnosis.c derives the cause.
 */
#include "probes/diagnosis/plan_findings.h"

#include <stdio.h>

#include "probes/diagnosis/diagnosis.h"

static fact_set facts_of(enum advice_trap_kind kind)
{
	static const fact_set facts[] = {
		[ADVICE_TRAP_MISREAD] = FACT(MISREAD),
		[ADVICE_TRAP_OVER_COMMITTED] = FACT(OVER_COMMITTED),
		[ADVICE_TRAP_NO_PEER_ACCESS] = FACT(NO_PEER_ACCESS),
	};

	return FACT(MISPLACED) | facts[kind];
}

static void put(const struct advice_trap *trap, const char *allocation, uint32_t cell, const struct record_sink *sink)
{
	struct record_finding finding = { .cell = cell,
					  .class_name = "misplaced",
					  .object = -1,
					  .size_bytes = trap->size_bytes == PLAN_NO_SIZE ? UNKNOWN_U64 : trap->size_bytes,
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
	fact_set facts = facts_of(trap->kind);
	const struct cause *cause = diagnosis_of(facts);

	snprintf(finding.action, sizeof(finding.action), "plan %.90s", allocation);
	record_text(finding.place, sizeof(finding.place), trap->place);
	record_text(finding.expected, sizeof(finding.expected), trap->expected);
	record_text(finding.actual, sizeof(finding.actual), trap->actual);
	record_text(finding.detail, sizeof(finding.detail), trap->detail);
	diagnosis_facts_text(facts, finding.facts, sizeof(finding.facts));
	if (cause) {
		finding.failure_class = cause->failure_class;
		record_text(finding.cause, sizeof(finding.cause), cause->text);
		record_text(finding.threads, sizeof(finding.threads), cause->threads);
		diagnosis_why(cause, finding.why, sizeof(finding.why));
	}
	record_put(sink, RECORD_FINDING, &finding, sizeof(finding));
}

void plan_findings_put(const struct advice_list *advice, const char *allocation, uint32_t cell, const struct record_sink *sink)
{
	for (size_t i = 0; i < advice->trap_count; i++)
		put(&advice->traps[i], allocation, cell, sink);
}
