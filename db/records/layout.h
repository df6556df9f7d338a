/* layout.h - how each record type lies in its struct and in its table: one description for the inserts of the store. */
#ifndef RESIDENCY_DB_LAYOUT_H
#define RESIDENCY_DB_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/records/record.h"

enum field_type { /* numbers come before FIELD_TEXT, enums that are stored by name after it */
		  FIELD_U32,
		  FIELD_U64, /* UNKNOWN_U64 is NULL */
		  FIELD_I64,
		  FIELD_INDEX, /* int32_t or an enum; negative is NULL */
		  FIELD_INDEX8, /* int8_t; negative is NULL */
		  FIELD_DOUBLE, /* NAN is NULL */
		  FIELD_BOOL,
		  FIELD_TEXT, /* a char array */
		  FIELD_STATE, /* a value without a name is NULL */
		  FIELD_STAGE,
		  FIELD_REASON,
		  FIELD_OUTCOME,
		  FIELD_VERDICT,
		  FIELD_ACTION
};

struct record_field {
	const char *column;
	enum field_type type;
	size_t offset;
};

/* Some tables number their rows themselves, in a column `number`. */
enum record_numbering { NUMBERED_NOT, NUMBERED_IN_CELL, NUMBERED_IN_RUN };

struct record_layout {
	const char *table; /* NULL: this record is no row of its own */
	uint32_t size_bytes;
	bool has_cell; /* its first member is the cell's number */
	enum record_numbering numbering;
	const struct record_field *fields;
	size_t field_count;
	const char *suffix; /* what follows the values in the insert; NULL for nothing */
};

extern const struct record_layout record_layouts[RECORD_TYPE_COUNT];

/* The name of an enum's value, NULL where it has none or the field is no enum. */
const char *record_field_name(enum field_type type, int value);

#endif
