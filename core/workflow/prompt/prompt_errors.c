/* prompt_errors.c - the server's words for what is wrong with a prompt.
 *
 * Messages and members are ComfyUI 0.3.64's, since front ends show and parse them; Python's formatting of values comes from
 * py_write_str.
 */
#include "core/workflow/prompt/prompt_errors.h"

#include <string.h>

#define LISTED_MOST 20 /* upstream quotes no longer list of choices */

struct py *prompt_error(const char *type, const char *message, struct py *details, struct py *extra)
{
	struct py *error = py_map();
	bool fine = py_set(error, "type", py_text(type));

	fine = py_set(error, "message", py_text(message)) && fine;
	fine = py_set(error, "details", details) && fine;
	fine = py_set(error, "extra_info", extra) && fine;
	if (fine)
		return error;
	py_drop(error);
	return NULL;
}

/* The text so far, as a value. Frees the buffer. */
static struct py *finish(struct strbuf *text)
{
	struct py *made = strbuf_ok(text) ? py_text_n(strbuf_text(text), text->length) : NULL;

	strbuf_free(text);
	return made;
}

/* {"input_name", "input_config", "received_value"}; a NULL config is null. */
static struct py *extra_of(const struct prompt_fault *fault, bool with_config)
{
	struct py *extra = py_map();
	bool fine = py_set(extra, "input_name", py_text(fault->input->name));

	fine = py_set(extra, "input_config", with_config ? py_take(fault->input->info) : py_none()) && fine;
	fine = py_set(extra, "received_value", py_take(fault->received)) && fine;
	if (fine)
		return extra;
	py_drop(extra);
	return NULL;
}

static struct py *extra_with(struct py *extra, const char *key, struct py *value)
{
	if (py_set(extra, key, value))
		return extra;
	py_drop(extra);
	return NULL;
}

static struct py *named(const char *name)
{
	return extra_with(py_map(), "input_name", py_text(name));
}

bool prompt_error_missing(struct py *errors, const char *name)
{
	return py_append(errors,
			 prompt_error("required_input_missing", "Required input is missing", py_text(name), named(name)));
}

bool prompt_error_bad_link(struct py *errors, const struct prompt_fault *fault)
{
	return py_append(errors,
			 prompt_error("bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]",
				      py_text(fault->input->name), extra_of(fault, true)));
}

bool prompt_error_types(struct py *errors, const struct prompt_fault *fault, const struct py *received_type)
{
	struct strbuf details = STRBUF_INIT;
	struct py *extra = named(fault->input->name);

	strbuf_printf(&details, "%s, received_type(", fault->input->name);
	py_write_str(&details, received_type);
	strbuf_append(&details, ") mismatch input_type(");
	py_write_str(&details, fault->input->type);
	strbuf_append_char(&details, ')');
	extra = extra_with(extra, "input_config", py_take(fault->input->info));
	extra = extra_with(extra, "received_type", py_take(received_type));
	extra = extra_with(extra, "linked_node", py_take(fault->received));
	return py_append(errors, prompt_error("return_type_mismatch", "Return type mismatch between linked nodes",
					      finish(&details), extra));
}

static struct py *text_of(const struct py_raised *thrown)
{
	return py_text_n(strbuf_text(&thrown->text), thrown->text.length);
}

bool prompt_error_cast(struct py *errors, const struct prompt_fault *fault, const struct py_raised *thrown)
{
	struct strbuf message = STRBUF_INIT;
	struct strbuf details = STRBUF_INIT;
	struct py *error = NULL;

	strbuf_append(&message, "Failed to convert an input value to a ");
	py_write_str(&message, fault->input->type);
	strbuf_append(&message, " value");
	strbuf_printf(&details, "%s, ", fault->input->name);
	py_write_str(&details, fault->received);
	strbuf_append(&details, ", ");
	strbuf_append_n(&details, strbuf_text(&thrown->text), thrown->text.length);
	if (strbuf_ok(&message))
		error = prompt_error("invalid_input_type", strbuf_text(&message), finish(&details),
				     extra_with(extra_of(fault, true), "exception_message", text_of(thrown)));
	strbuf_free(&message);
	strbuf_free(&details);
	return py_append(errors, error);
}

bool prompt_error_limit(struct py *errors, const struct prompt_fault *fault, bool is_min, const struct py *limit)
{
	struct strbuf message = STRBUF_INIT;
	struct py *error = NULL;

	strbuf_append(&message, "Value ");
	py_write_str(&message, fault->received);
	strbuf_append(&message, is_min ? " smaller than min of " : " bigger than max of ");
	py_write_str(&message, limit);
	if (strbuf_ok(&message))
		error = prompt_error(is_min ? "value_smaller_than_min" : "value_bigger_than_max", strbuf_text(&message),
				     py_text(fault->input->name), extra_of(fault, true));
	strbuf_free(&message);
	return py_append(errors, error);
}

bool prompt_error_not_in_list(struct py *errors, const struct prompt_fault *fault)
{
	struct strbuf details = STRBUF_INIT;
	size_t count = py_count(fault->input->type);

	strbuf_printf(&details, "%s: '", fault->input->name);
	py_write_str(&details, fault->received);
	strbuf_append(&details, "' not in ");
	if (count > LISTED_MOST)
		strbuf_printf(&details, "(list of length %zu)", count);
	else
		py_write_str(&details, fault->input->type);
	return py_append(errors, prompt_error("value_not_in_list", "Value not in list", finish(&details),
					      extra_of(fault, count <= LISTED_MOST)));
}

bool prompt_error_custom(struct py *errors, const char *name, const struct py *answer)
{
	struct strbuf details = STRBUF_INIT;

	strbuf_append(&details, name);
	if (answer->kind != PY_BOOL || answer->boolean) {
		strbuf_append(&details, " - ");
		py_write_str(&details, answer);
	}
	return py_append(errors, prompt_error("custom_validation_failed", "Custom validation failed for node", finish(&details),
					      named(name)));
}

bool prompt_error_exception(struct py *errors, const struct prompt_fault *fault, const struct py_raised *thrown)
{
	struct py *extra = py_map();

	if (fault) {
		extra = extra_with(extra, "input_name", py_text(fault->input->name));
		extra = extra_with(extra, "input_config", py_take(fault->input->info));
		extra = extra_with(extra, "exception_message", text_of(thrown));
	}
	extra = extra_with(extra, "exception_type", py_text(thrown->type));
	extra = extra_with(extra, "traceback", py_list()); /* no frame of ours would tell a user anything */
	if (fault)
		extra = extra_with(extra, "linked_node", py_take(fault->received));
	return py_append(errors, prompt_error(fault ? "exception_during_inner_validation" : "exception_during_validation",
					      fault ? "Exception when validating inner node" : "Exception when validating node",
					      text_of(thrown), extra));
}
