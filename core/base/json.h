/* json.h - reading JSON (jansson) with errors that name the place.
 *
 * A `where` is a short path for messages ("topology 2x3090.json", "node 12"). Getters of a required member set an error that
 * names where, member, what was found and what is wanted; those ending in _or return the fallback when the member is absent
 * and an error only when it is of the wrong type. Values are borrowed unless said otherwise.
 *
 * Integers up to UINT64_MAX are kept exactly. One above INT64_MAX, where jansson's own type ends, is a value of its own kind, a
 * wide integer: json_is_wide tells it, the functions here read and write it, and jansson's see a string in it. An integer below
 * INT64_MIN or above UINT64_MAX becomes the nearest real, as it does in ComfyUI's front end (reference/frontend.md, section 1). What may hold
 * a wide integer, as a workflow does in its seeds, is written with json_text and json_write, never with json_dumps.
 *
 * No function here keeps state; a value belongs to one thread at a time.
 */
#ifndef RESIDENCY_BASE_JSON_H
#define RESIDENCY_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"

/* Nesting deeper than this is refused before jansson recurses into it. */
#define JSON_DEPTH_MAX 512

/* Parses a text of length bytes. Duplicate keys are refused unless allow_duplicates (last one wins). The caller owns the
 * result (json_decref). NULL with e naming line and column. */
json_t *json_parse(const char *text, size_t length, const char *where, bool allow_duplicates, struct error *e);

/* Reads and parses a whole file: ERROR_MISSING if it cannot be opened, ERROR_FORMAT if it is not JSON. */
json_t *json_parse_file(const char *path, struct error *e);

bool json_get_string(const json_t *object, const char *key, const char *where, const char **out, struct error *e);
bool json_get_number(const json_t *object, const char *key, const char *where, double *out, struct error *e);
bool json_get_integer(const json_t *object, const char *key, const char *where, int64_t *out, struct error *e);
/* Reads 0 to UINT64_MAX. */
bool json_get_unsigned(const json_t *object, const char *key, const char *where, uint64_t *out, struct error *e);
bool json_get_object(const json_t *object, const char *key, const char *where, json_t **out, struct error *e);
bool json_get_array(const json_t *object, const char *key, const char *where, json_t **out, struct error *e);

bool json_get_string_or(const json_t *object, const char *key, const char *where, const char *fallback, const char **out,
			struct error *e);
bool json_get_number_or(const json_t *object, const char *key, const char *where, double fallback, double *out,
			struct error *e);
bool json_get_integer_or(const json_t *object, const char *key, const char *where, int64_t fallback, int64_t *out,
			 struct error *e);
bool json_get_unsigned_or(const json_t *object, const char *key, const char *where, uint64_t fallback, uint64_t *out,
			  struct error *e);
bool json_get_bool_or(const json_t *object, const char *key, const char *where, bool fallback, bool *out, struct error *e);

/* Builders. Each takes `value` over, on failure too; a NULL value counts as out of memory. e may be NULL. */
bool json_put(json_t *object, const char *key, json_t *value, struct error *e);
bool json_push(json_t *list, json_t *value, struct error *e);

/* A JSON string of any bytes: text that is not UTF-8, which JSON cannot hold, has '?' where it is invalid. The caller owns the
 * result; NULL without memory. */
json_t *json_any_text(const char *text);

/* ---- integers over the whole unsigned range ---- */

/* Whether the value is an integer above INT64_MAX. */
bool json_is_wide(const json_t *value);

/* Whether it is an integer or a real. */
bool json_is_any_number(const json_t *value);

/* The value of any number as a real; 0 for what is no number. */
double json_any_number(const json_t *value);

/* False, and *out untouched, where the value is no integer from 0 to UINT64_MAX. */
bool json_read_unsigned(const json_t *value, uint64_t *out);

/* The caller owns the result; NULL without memory. */
json_t *json_unsigned(uint64_t number);

/* json_dumps and json_dumpf with wide integers written as integers. Flags are jansson's. The caller frees the text; NULL, and
 * false, without memory or where the file cannot be written. */
char *json_text(const json_t *value, size_t flags);
bool json_write(const json_t *value, FILE *out, size_t flags);

/* "a string", "a list", ... for messages. */
const char *json_type_words(const json_t *value);

#endif
