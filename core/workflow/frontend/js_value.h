/* js_value.h - values as JavaScript has them, and the JSON that they are read from and written as. Private to core/workflow/frontend.
 *
 * The front end is a program in JavaScript, and what it makes of a file depends on that: every number is a double, a value may be
 * undefined, which is neither null nor absent by mistake, the last of equal keys counts, and integers are written as JavaScript
 * writes them. The server is one in Python: its JSON has NaN and integers of any size. Both are read here (enum js_dialect).
 *
 * Values live in an arena (core/base/arena.h), which never runs out for the caller, and are borrowed until it is freed. Texts are
 * UTF-8; a lone surrogate, which JavaScript's strings may hold, is kept as three bytes and written as an escape. A text has a NUL
 * after it; one that holds a NUL itself counts up to it where it is a name. No function here keeps state; an arena and its values
 * belong to one thread.
 */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_JS_VALUE_H
#define RESIDENCY_WORKFLOW_FRONTEND_JS_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/strbuf.h"

enum js_type { JS_UNDEFINED, JS_NULL, JS_BOOLEAN, JS_NUMBER, JS_TEXT, JS_LIST, JS_OBJECT };

struct js_value;

struct js_member {
	const char *key;
	struct js_value *value;
};

struct js_value {
	enum js_type type;
	bool truth; /* JS_BOOLEAN */
	double number; /* JS_NUMBER */
	const char *digits; /* JS_NUMBER: an integer as it was written, where the dialect keeps it; NULL otherwise */
	const char *text; /* JS_TEXT */
	struct js_value **items; /* JS_LIST */
	struct js_member *members; /* JS_OBJECT */
	size_t count, capacity; /* bytes of a text, items, members */
	size_t *index; /* of a large object: members by hash, counted from 1 */
	size_t index_size;
};

enum js_dialect {
	JS_STRICT, /* a browser's JSON.parse */
	JS_PYTHON /* Python's json: NaN, Infinity, -Infinity, and integers keep their digits */
};

/* NULL with e naming `where`, line and column. A byte order mark at the start is skipped. */
struct js_value *js_parse(struct arena *arena, const char *text, size_t length, enum js_dialect dialect, const char *where,
			  struct error *e);

/* Appends JSON in one line. What is undefined, NaN or infinite is null, as JSON.stringify has it; members that are undefined are left
 * out. With JS_PYTHON NaN and infinities are written as Python does. */
void js_write(const struct js_value *value, enum js_dialect dialect, struct strbuf *out);

/* A number as JavaScript's String() writes it: 1e21, 18446744073709552000, 0.1. */
#define JS_NUMBER_TEXT_MAX 40
void js_number_text(double number, char text[JS_NUMBER_TEXT_MAX]);

/* Shared; never changed. */
extern struct js_value js_undefined, js_null, js_true, js_false;

struct js_value *js_number(struct arena *arena, double number);
struct js_value *js_text(struct arena *arena, const char *text); /* text is borrowed */
struct js_value *js_list(struct arena *arena);
struct js_value *js_object(struct arena *arena);
void js_push(struct arena *arena, struct js_value *list, struct js_value *item);
void js_put(struct arena *arena, struct js_value *object, const char *key, struct js_value *value);
void js_remove(struct js_value *object, const char *key);

/* The member; &js_undefined if it is missing or `value` is not an object. Never NULL. */
struct js_value *js_get(const struct js_value *value, const char *key);
/* The same of a list's item. */
struct js_value *js_at(const struct js_value *value, size_t index);

/* The text, or NULL where value is no text. */
const char *js_text_of(const struct js_value *value);

/* String(value): numbers and booleans as JavaScript writes them, lists joined by commas, objects "[object Object]". */
const char *js_string(struct arena *arena, const struct js_value *value);

bool js_is_truthy(const struct js_value *value);
/* Null or undefined. */
bool js_is_nullish(const struct js_value *value);
/* Equal as JSON, with numbers as doubles; the order of keys does not count. */
bool js_equal(const struct js_value *a, const struct js_value *b);

#endif
