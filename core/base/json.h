/* json.h - reading JSON (jansson) with errors that name the place.
 *
 * A `where` is a short path for messages ("topology 2x3090.json", "node 12"). Getters of a required member set an error that
 * names where, member, what was found and what is wanted; those ending in _or return the fallback when the member is absent
 * and an error only when it is of the wrong type. Values are borrowed unless said otherwise.
 */
#ifndef RESIDENCY_BASE_JSON_H
#define RESIDENCY_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

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
bool json_get_object(const json_t *object, const char *key, const char *where, json_t **out, struct error *e);
bool json_get_array(const json_t *object, const char *key, const char *where, json_t **out, struct error *e);

bool json_get_string_or(const json_t *object, const char *key, const char *where, const char *fallback, const char **out,
			struct error *e);
bool json_get_number_or(const json_t *object, const char *key, const char *where, double fallback, double *out,
			struct error *e);
bool json_get_integer_or(const json_t *object, const char *key, const char *where, int64_t fallback, int64_t *out,
			 struct error *e);
bool json_get_bool_or(const json_t *object, const char *key, const char *where, bool fallback, bool *out, struct error *e);

/* Builders. Each takes `value` over, on failure too; a NULL value counts as out of memory. e may be NULL. */
bool json_put(json_t *object, const char *key, json_t *value, struct error *e);
bool json_push(json_t *list, json_t *value, struct error *e);

/* A JSON string of any bytes: text that is not UTF-8, which JSON cannot hold, has '?' where it is invalid. The caller owns the
 * result; NULL without memory. */
json_t *json_any_text(const char *text);

/* "a string", "a list", ... for messages. */
const char *json_type_words(const json_t *value);

#endif
