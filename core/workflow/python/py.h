/* py.h - values as Python has them: what a prompt holds, what nodes take and return, and what ComfyUI's answers are made of.
 *
 * Numbers compare by value whatever their kind (1 == true == 1.0), integers have no limit, a NaN equals only itself, maps keep the
 * order of their keys, and text is UTF-8 in which a lone surrogate may stand (three bytes, as WTF-8 has it).
 *
 * A value is counted: py_take() adds a reference and py_drop() gives one back; NULL may be dropped. A function that returns a
 * `struct py *` gives a reference to its caller unless it says "borrowed". Functions that put a value into a container take the
 * reference over, on failure too, and fail on NULL, so that calls may be nested. One thread may use a value at a time.
 *
 * What Python would raise is told in a `struct py_raised`; a lack of memory is one of these (raised->no_memory).
 */
#ifndef RESIDENCY_WORKFLOW_PY_H
#define RESIDENCY_WORKFLOW_PY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

enum py_kind {
	PY_NONE,
	PY_BOOL,
	PY_INTEGER,
	PY_FLOAT,
	PY_TEXT,
	PY_LIST,
	PY_MAP,
	PY_BLOCKER, /* ComfyUI's ExecutionBlocker */
	PY_OBJECT, /* anything else: equal only to itself */
};

struct py;

struct py_pair {
	char *key; /* owned, terminated; may hold NULs */
	size_t length;
	struct py *value;
};

/* Keys of a map by hash; keys are borrowed from the pairs. Private to py_map.c. */
struct py_slot {
	uint64_t hash;
	size_t place; /* of a pair, from 1; 0 is free */
};

struct py {
	enum py_kind kind;
	size_t references; /* 0: never freed */
	uint64_t serial; /* of NaNs and objects: its identity */
	union {
		bool boolean;
		struct {
			int64_t small;
			char *wide; /* decimal digits of what int64_t does not hold, else NULL */
		} integer;
		double number;
		struct {
			char *bytes; /* terminated; may hold NULs */
			size_t length;
		} text;
		struct {
			struct py **items;
			size_t count, capacity;
		} list;
		struct {
			struct py_pair *pairs;
			size_t count, capacity;
			struct py_slot *slots;
			size_t slot_count;
		} map;
		struct py *message; /* of a blocker; NULL: silent */
		struct {
			const char *type;
			void *pointer;
			void (*release)(void *pointer);
		} object;
	};
};

struct py_raised {
	char type[80]; /* "" while nothing is raised; module-qualified unless it is a builtin */
	struct strbuf text; /* str(exception) */
	bool no_memory;
};

#define PY_RAISED_INIT                                                                                                         \
	{                                                                                                                      \
		.text = STRBUF_INIT                                                                                            \
	}

/* ---- what is raised ---- */

/* Always false, so that `return py_raise(...)` reads well. The first one is kept. */
__attribute__((format(printf, 3, 4))) bool py_raise(struct py_raised *raised, const char *type, const char *format, ...);
bool py_raise_no_memory(struct py_raised *raised);
/* KeyError of a text: its message is the key's repr. */
bool py_raise_key(struct py_raised *raised, const char *key, size_t length);
bool py_is_raised(const struct py_raised *raised);
void py_raised_clear(struct py_raised *raised);
/* As an error of this project, and clears it. Always false. */
bool py_raised_to_error(struct py_raised *raised, struct error *e);

/* ---- making ---- */

struct py *py_none(void);
struct py *py_bool(bool value);
struct py *py_integer(int64_t value);
/* From decimal digits with or without a sign. */
struct py *py_integer_text(const char *digits, size_t length);
struct py *py_float(double value);
/* The NaN that Python's JSON reader gives each time. */
struct py *py_json_nan(void);
struct py *py_text(const char *text);
struct py *py_text_n(const char *text, size_t length);
__attribute__((format(printf, 1, 2))) struct py *py_text_format(const char *format, ...);
struct py *py_list(void);
struct py *py_map(void);
/* Takes the message over; NULL is a silent one. */
struct py *py_blocker(struct py *message);
/* `type` is borrowed for ever; release may be NULL. */
struct py *py_object(const char *type, void *pointer, void (*release)(void *pointer));

/* A number that no value has had: the identity of something new. */
uint64_t py_serial_next(void);

struct py *py_take(const struct py *value);
void py_drop(struct py *value);

/* ---- containers ---- */

bool py_append(struct py *list, struct py *item);
bool py_set(struct py *map, const char *key, struct py *value);
bool py_set_n(struct py *map, const char *key, size_t length, struct py *value);
/* Borrowed; NULL if not found, or if it is not a map. */
struct py *py_get(const struct py *map, const char *key);
struct py *py_get_n(const struct py *map, const char *key, size_t length);
/* Takes a key out, if it is there; the others keep their order. */
void py_remove(struct py *map, const char *key);
/* Place of a key among the pairs, or SIZE_MAX. */
size_t py_find(const struct py *map, const char *key, size_t length);
/* Items of a list or a map; 0 of anything else. */
size_t py_count(const struct py *value);
/* Borrowed. */
struct py *py_at(const struct py *list, size_t index);
bool py_is_text(const struct py *value, const char *text);
/* A copy of a list or a map whose items are the same. */
struct py *py_copy(const struct py *container);
/* A copy whose containers are copied, too, at every depth. */
struct py *py_deep_copy(const struct py *value);
/* Texts as a list, sorted by their bytes. */
bool py_sort_texts(struct py *list);

/* A list of a text and a number is a link, at run time. */
bool py_is_link(const struct py *value);

/* ---- asking ---- */

/* "NoneType", "bool", "int", ... */
const char *py_type(const struct py *value);
bool py_equal(const struct py *a, const struct py *b);
bool py_truth(const struct py *value);
/* a < b of numbers, and of texts; any other pair raises TypeError. */
bool py_less(const struct py *a, const struct py *b, bool *less, struct py_raised *raised);
bool py_is_number(const struct py *value);
/* Of a number or boolean that fits, else the nearest; 0 of anything else. */
int64_t py_integer_value(const struct py *value);
double py_number_value(const struct py *value);

/* ---- casts ---- */

struct py *py_to_integer(const struct py *value, struct py_raised *raised);
struct py *py_to_float(const struct py *value, struct py_raised *raised);
struct py *py_to_text(const struct py *value);

/* ---- text ---- */

/* str(value) and repr(value). */
void py_write_str(struct strbuf *out, const struct py *value);
void py_write_repr(struct strbuf *out, const struct py *value);
void py_write_text_repr(struct strbuf *out, const char *text, size_t length);
void py_write_float(struct strbuf *out, double number);
void py_write_integer(struct strbuf *out, const struct py *value);

/* What a cache key says of a value: two values have the same text exactly where ComfyUI's to_hashable makes equal things of them. */
void py_write_key(struct strbuf *out, const struct py *value);

#endif
