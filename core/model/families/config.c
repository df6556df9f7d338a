/* Every function walks the table of members: reading takes each from the object or from its fallback, checking looks at each
 * range, and writing leaves out what upstream's detection would not state. The kind of a member decides how it is read and
 * written; a family adds members, not code.
 */
#include "core/model/families/config.h"

#include "core/base/json.h"

/* Where a field lies in the struct. */
static void *member(const struct config_field *field, void *config)
{
	return (char *)config + field->offset;
}

static const void *member_of(const struct config_field *field, const void *config)
{
	return (const char *)config + field->offset;
}

static bool in_range(const struct config_field *field, double value, const char *where, struct error *e)
{
	if (value >= field->least && value <= field->most)
		return true;
	return error_set(e, ERROR_FORMAT, "%s: \"%s\" is %g; it must be from %g to %g", where, field->name, value, field->least,
			 field->most);
}

static bool check_list(const struct config_field *field, const struct config_list *list, const char *where, struct error *e)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!in_range(field, (double)list->values[i], where, e))
			return false;
	}
	return true;
}

static bool read_list(const struct config_field *field, struct config_list *list, const json_t *object, const char *where,
		      struct error *e)
{
	json_t *array;

	if (!json_get_array(object, field->name, where, &array, e))
		return false;
	if (json_array_size(array) > CONFIG_LIST_MAX)
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" has %zu numbers; %d at most", where, field->name,
				 json_array_size(array), CONFIG_LIST_MAX);
	list->count = json_array_size(array);
	for (size_t i = 0; i < list->count; i++) {
		if (!json_is_integer(json_array_get(array, i)))
			return error_set(e, ERROR_FORMAT, "%s: \"%s\" must hold whole numbers", where, field->name);
		list->values[i] = json_integer_value(json_array_get(array, i));
	}
	return true;
}

static bool read_integer(const struct config_field *field, int64_t *value, const json_t *object, const char *where,
			 struct error *e)
{
	double number; /* 4.0 is as good as 4: upstream writes ratios so */

	if (!json_object_get(object, field->name) && !isnan(field->fallback)) {
		*value = (int64_t)field->fallback;
		return true;
	}
	if (!json_get_number(object, field->name, where, &number, e) || !in_range(field, number, where, e))
		return false;
	*value = (int64_t)number;
	if ((double)*value == number)
		return true;
	return error_set(e, ERROR_FORMAT, "%s: \"%s\" is %g; it must be a whole number", where, field->name, number);
}

static bool read_field(const struct config_field *field, void *config, const json_t *object, const char *where, struct error *e)
{
	void *into = member(field, config);

	switch (field->kind) {
	case CONFIG_KIND_OPTIONAL:
		if (json_is_null(json_object_get(object, field->name))) {
			*(int64_t *)into = 0;
			return true;
		}
		return read_integer(field, into, object, where, e);
	case CONFIG_KIND_INTEGER:
		return read_integer(field, into, object, where, e);
	case CONFIG_KIND_NUMBER:
		return json_get_number_or(object, field->name, where, field->fallback, into, e);
	case CONFIG_KIND_BOOL:
		return json_get_bool_or(object, field->name, where, field->fallback > 0, into, e);
	case CONFIG_KIND_LIST:
		return read_list(field, into, object, where, e);
	case CONFIG_KIND_TEXT:
	case CONFIG_KIND_END:
		break;
	}
	return true;
}

static bool check_field(const struct config_field *field, const void *config, const char *where, struct error *e)
{
	const void *from = member_of(field, config);

	switch (field->kind) {
	case CONFIG_KIND_INTEGER:
		return in_range(field, (double)*(const int64_t *)from, where, e);
	case CONFIG_KIND_OPTIONAL:
		return *(const int64_t *)from == 0 || in_range(field, (double)*(const int64_t *)from, where, e);
	case CONFIG_KIND_NUMBER:
		return in_range(field, *(const double *)from, where, e);
	case CONFIG_KIND_LIST:
		return check_list(field, from, where, e);
	case CONFIG_KIND_BOOL:
	case CONFIG_KIND_TEXT:
	case CONFIG_KIND_END:
		break;
	}
	return true;
}

bool config_check(const struct config_field *fields, const void *config, const char *what, struct error *e)
{
	for (const struct config_field *field = fields; field->kind != CONFIG_KIND_END; field++) {
		if (!check_field(field, config, what, e))
			return false;
	}
	return true;
}

bool config_read(const struct config_field *fields, void *config, const json_t *object, const char *where, struct error *e)
{
	for (const struct config_field *field = fields; field->kind != CONFIG_KIND_END; field++) {
		if (!read_field(field, config, object, where, e))
			return false;
	}
	return config_check(fields, config, where, e);
}

static json_t *list_to_json(const struct config_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < list->count; i++) {
		if (json_array_append_new(array, json_integer(list->values[i])) != 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *field_to_json(const struct config_field *field, const void *config)
{
	const void *from = member_of(field, config);

	switch (field->kind) {
	case CONFIG_KIND_OPTIONAL:
		return *(const int64_t *)from ? json_integer(*(const int64_t *)from) : json_null();
	case CONFIG_KIND_INTEGER:
		return json_integer(*(const int64_t *)from);
	case CONFIG_KIND_NUMBER:
		return json_real(*(const double *)from);
	case CONFIG_KIND_BOOL:
		return json_boolean(*(const bool *)from);
	case CONFIG_KIND_LIST:
		return list_to_json(from);
	case CONFIG_KIND_TEXT:
		return json_loads(field->text, JSON_DECODE_ANY, NULL);
	case CONFIG_KIND_END:
		break;
	}
	return NULL;
}

static bool is_left_out(const struct config_field *field, const void *config)
{
	return field->quiet && (double)*(const int64_t *)member_of(field, config) == field->fallback;
}

json_t *config_write(const struct config_field *fields, const void *config, struct error *e)
{
	json_t *object = json_object();

	for (const struct config_field *field = fields; object && field->kind != CONFIG_KIND_END; field++) {
		if (is_left_out(field, config))
			continue;
		if (json_object_set_new(object, field->name, field_to_json(field, config)) != 0) {
			json_decref(object);
			object = NULL;
		}
	}
	if (!object)
		error_no_memory(e);
	return object;
}
