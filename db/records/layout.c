/* layout.c - each record's list of fields (fields_*.h), expanded into a table of its columns, offsets and wire forms.
 *
 * Every record gets one array of fields and one row of record_layouts, in the order of RECORDS. A record is on the wire where one of
 * its fields has a wire form, which LAYOUT asks each.
 */
#include "db/records/layout.h"

#include "core/base/array.h"

#define FIELD_KEEP FIELD_INDEX /* stored by number; KEEP_NONE is NULL */

#define ROW(of, member, column_name, field, wire_form)                                                                         \
	{ .name = #member,                                                                                                     \
	  .column = (column_name),                                                                                             \
	  .type = (field),                                                                                                     \
	  .wire = WIRE_##wire_form,                                                                                            \
	  .offset = offsetof(struct of, member),                                                                               \
	  .size_bytes = sizeof(((struct of *)NULL)->member) },
#define NUMBER_ROW(of, kind, member, column, wire) ROW(of, member, column, FIELD_##kind, wire)
#define STRING_ROW(of, capacity, member, column, wire) ROW(of, member, column, FIELD_TEXT, wire)
#define FIELDS(type, record, table, has_cell, numbering, suffix)                                                               \
	static const struct record_field record##_fields[] = { RECORD_FIELDS_##record(NUMBER_ROW, STRING_ROW,                  \
										      record_##record) };
RECORDS(FIELDS)

#define NUMBER_IS_SENT(of, kind, member, column, wire) || WIRE_##wire != WIRE_NONE
#define STRING_IS_SENT(of, capacity, member, column, wire) || WIRE_##wire != WIRE_NONE
#define LAYOUT(type, record, table_name, cell, number, after)                                                                  \
	[RECORD_##type] = { .name = #record,                                                                                   \
			    .table = (table_name),                                                                             \
			    .size_bytes = sizeof(struct record_##record),                                                      \
			    .on_wire = false RECORD_FIELDS_##record(NUMBER_IS_SENT, STRING_IS_SENT, record_##record),          \
			    .has_cell = (cell),                                                                                \
			    .numbering = NUMBERED_##number,                                                                    \
			    .fields = record##_fields,                                                                         \
			    .field_count = ARRAY_SIZE(record##_fields),                                                        \
			    .suffix = (after) },

const struct record_layout record_layouts[RECORD_TYPE_COUNT] = { RECORDS(LAYOUT) };

const char *record_field_name(enum field_type type, int value)
{
	unsigned index = (unsigned)value;

	switch (type) {
	case FIELD_STATE:
		return index < STATE_COUNT ? record_residency_state_name((enum residency_state)index) : NULL;
	case FIELD_STAGE:
		return index < STAGE_COUNT ? event_stage_name((enum stage)index) : NULL;
	case FIELD_REASON:
		return index < REASON_COUNT ? event_reason_name((enum reason)index) : NULL;
	case FIELD_OUTCOME:
		return index < OUTCOME_COUNT ? record_outcome_name((enum outcome)index) : NULL;
	case FIELD_VERDICT:
		return index < VERDICT_COUNT ? record_verdict_name((enum verdict)index) : NULL;
	case FIELD_ACTION:
		return index < ACTION_KIND_COUNT ? action_record_word((enum action_kind)index) : NULL;
	default:
		return NULL;
	}
}

bool record_wire_is_sent(enum record_wire wire)
{
	return wire > WIRE_LOAD_DEVICE;
}
