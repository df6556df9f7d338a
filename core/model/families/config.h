/* config.h - a family's configuration: a plain struct, described by a table of its members.
 *
 * The table reads the struct from JSON (the member names of upstream's own configurations), checks every number's range, and
 * writes it back as upstream's detection would state it:
 *
 *	static const struct config_field fields[] = {
 *		CONFIG_TEXT("image_model", "\"flux\""),
 *		CONFIG_COUNT(struct flux_config, depth, "depth", 0, 1024),
 *		CONFIG_END,
 *	};
 *
 * A member that is `quiet` is written only where it differs from its fallback: upstream's detection does not state it.
 */
#ifndef RESIDENCY_MODEL_CONFIG_H
#define RESIDENCY_MODEL_CONFIG_H

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define CONFIG_LIST_MAX 32

/* A list of small numbers: depths by level. */
struct config_list {
	size_t count;
	int64_t values[CONFIG_LIST_MAX];
};

enum config_kind {
	CONFIG_KIND_END,
	CONFIG_KIND_INTEGER, /* int64_t */
	CONFIG_KIND_OPTIONAL, /* int64_t; 0 stands for null */
	CONFIG_KIND_NUMBER, /* double */
	CONFIG_KIND_BOOL, /* bool */
	CONFIG_KIND_LIST, /* struct config_list */
	CONFIG_KIND_TEXT /* nothing in the struct: always the same JSON, written and not read */
};

struct config_field {
	const char *name;
	enum config_kind kind;
	size_t offset;
	double least, most; /* of each number */
	double fallback; /* where the member is absent; NAN: it must be there */
	bool quiet;
	const char *text; /* JSON */
};

#define CONFIG_END                                                                                                             \
	{                                                                                                                      \
		.kind = CONFIG_KIND_END                                                                                        \
	}
#define CONFIG_FIELD(type, member, json, what, low, high, or, says)                                                            \
	{                                                                                                                      \
		.name = (json), .kind = CONFIG_KIND_##what, .offset = offsetof(type, member), .least = (low), .most = (high),  \
		.fallback = (or), .quiet = (says)                                                                              \
	}
/* Must be given. */
#define CONFIG_COUNT(type, member, json, low, high) CONFIG_FIELD(type, member, json, INTEGER, low, high, NAN, false)
#define CONFIG_LIST(type, member, json, low, high) CONFIG_FIELD(type, member, json, LIST, low, high, NAN, false)
/* May be left out. */
#define CONFIG_COUNT_OR(type, member, json, low, high, or) CONFIG_FIELD(type, member, json, INTEGER, low, high, or, false)
#define CONFIG_QUIET(type, member, json, low, high, or) CONFIG_FIELD(type, member, json, INTEGER, low, high, or, true)
#define CONFIG_OPTIONAL(type, member, json, low, high) CONFIG_FIELD(type, member, json, OPTIONAL, low, high, 0, false)
#define CONFIG_NUMBER_OR(type, member, json, low, high, or) CONFIG_FIELD(type, member, json, NUMBER, low, high, or, false)
#define CONFIG_BOOL_OR(type, member, json, or) CONFIG_FIELD(type, member, json, BOOL, 0, 1, or, false)
#define CONFIG_TEXT(json, value)                                                                                               \
	{                                                                                                                      \
		.name = (json), .kind = CONFIG_KIND_TEXT, .text = (value)                                                      \
	}

/* Fills the struct at `config`. ERROR_FORMAT names the member, what was found and what is wanted. */
bool config_read(const struct config_field *fields, void *config, const json_t *object, const char *where, struct error *e);

/* The caller owns the result (json_decref). NULL with e set. */
json_t *config_write(const struct config_field *fields, const void *config, struct error *e);

/* Every number in its range: of a struct that did not come from JSON. `what` names it. */
bool config_check(const struct config_field *fields, const void *config, const char *what, struct error *e);

#endif
