/* layout.h - how each record type lies in its struct, in its table and on the wire: one description, made of the lists of fields,
 * for the inserts of the store and for the reader of a live server's lines. Constant; any thread may read it.
 */
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
		  FIELD_INDEX, /* int32_t or an enum that is stored by number; negative is NULL */
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

/* How a line from a live server gives a member. */
enum record_wire {
	WIRE_NONE, /* it does not */
	WIRE_CELL, /* the reader's own cell */
	WIRE_CYCLE, /* counted by the reader */
	WIRE_LOAD_DEVICE, /* told when the probe was greeted */
	WIRE_COUNT, /* 0 to INT32_MAX */
	WIRE_SIZE, /* 0 to INT64_MAX */
	WIRE_INDEX, /* -1 to INT32_MAX */
	WIRE_INDEX8, /* -1 to 1 */
	WIRE_BOOL, /* false where it is missing */
	WIRE_TEXT,
	WIRE_KEEP, /* true, false, or null for neither */
	WIRE_OBJECT, /* an object that was told */
	WIRE_NEW_OBJECT, /* one of those, or the next */
	WIRE_SNAPSHOT, /* a snapshot that was told */
	WIRE_NEW_SNAPSHOT, /* the next */
	WIRE_DEVICE, /* a device's name; -1 where the topology has none of it */
	WIRE_KNOWN_DEVICE, /* a device's name; the record is skipped where the topology has none of it */
	WIRE_STATE,
	WIRE_STAGE,
	WIRE_REASON
};

struct record_field {
	const char *name; /* the member's, and the key on the wire */
	const char *column; /* NULL: not stored */
	enum field_type type;
	enum record_wire wire;
	size_t offset;
	size_t size_bytes;
};

/* Some tables number their rows themselves, in a column `number`. */
enum record_numbering { NUMBERED_NOT, NUMBERED_IN_CELL, NUMBERED_IN_RUN };

struct record_layout {
	const char *name; /* the struct's, and the record's on the wire */
	const char *table; /* NULL: this record is no row of its own */
	uint32_t size_bytes;
	bool on_wire; /* a live server may send it */
	bool has_cell; /* its first member is the cell's number */
	enum record_numbering numbering;
	const struct record_field *fields;
	size_t field_count;
	const char *suffix; /* what follows the values in the insert; NULL for nothing */
};

extern const struct record_layout record_layouts[RECORD_TYPE_COUNT];

/* The name of an enum's value, NULL where it has none or the field is no enum. */
const char *record_field_name(enum field_type type, int value);

/* Whether the member stands in the line itself: the reader fills in the rest. */
bool record_wire_is_sent(enum record_wire wire);

#endif
