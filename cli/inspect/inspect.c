#include "cli/inspect/inspect.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/wrap.h"
#include "core/base/file_kind.h"
#include "core/base/json.h"
#include "core/base/string.h"
#include "core/base/units.h"
#include "core/tensor/weights/weights.h"

#define WIDTH 80
#define LABEL_WIDTH 12

/* ---- reports ---- */

bool inspect_begin(struct report *report, const char *file, const char *kind, uint64_t size_bytes, struct error *e)
{
	*report = (struct report) { .members = json_pack("{s:i, s:s, s:s, s:I, s:[]}", "schema", 1, "file", file, "kind", kind,
							 "size_bytes", (json_int_t)size_bytes, "wrong"),
				    .lines = json_array() };
	return report->members && report->lines ? true : error_no_memory(e);
}

void inspect_end(struct report *report)
{
	json_decref(report->members);
	json_decref(report->lines);
	*report = (struct report) { .members = NULL };
}

void inspect_set(struct report *report, const char *member, json_t *value)
{
	if (json_object_set_new(report->members, member, value) != 0)
		report->failed = true;
}

static void say_v(struct report *report, const char *label, const char *format, va_list arguments)
{
	char text[1600];

	vsnprintf(text, sizeof(text), format, arguments);
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	}
	if (json_array_append_new(report->lines, json_pack("[s, o]", label, json_any_text(text))) != 0)
		report->failed = true;
}

void inspect_say(struct report *report, const char *label, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_v(report, label, format, arguments);
	va_end(arguments);
}

void inspect_wrong(struct report *report, const char *format, ...)
{
	va_list arguments;
	char text[800];

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	report->wrong++;
	inspect_say(report, "wrong", "%s", text);
	if (json_array_append_new(json_object_get(report->members, "wrong"), json_any_text(text)) != 0)
		report->failed = true;
}

void inspect_print(const struct report *report, FILE *out)
{
	char size[UNITS_TEXT_MAX];
	char first[LABEL_WIDTH + 1];

	fprintf(out, "%s: %s, %s\n", json_string_value(json_object_get(report->members, "file")),
		json_string_value(json_object_get(report->members, "kind")),
		units_bytes((uint64_t)json_integer_value(json_object_get(report->members, "size_bytes")), size));
	for (size_t i = 0; i < json_array_size(report->lines); i++) {
		const json_t *line = json_array_get(report->lines, i);

		snprintf(first, sizeof(first), "  %-*.*s", LABEL_WIDTH - 2, LABEL_WIDTH - 3,
			 json_string_value(json_array_get(line, 0)));
		wrap_print(out, first, json_string_value(json_array_get(line, 1)), LABEL_WIDTH, WIDTH);
	}
}

bool inspect_print_json(const struct report *report, FILE *out, struct error *e)
{
	if (json_dumpf(report->members, out, JSON_COMPACT) != 0)
		return error_no_memory(e);
	fputc('\n', out);
	return true;
}

/* ---- which kind ---- */

static bool is_sqlite(const unsigned char *head, size_t length)
{
	return length >= 16 && memcmp(head, "SQLite format 3", 16) == 0;
}

static bool is_json(const unsigned char *head, size_t length)
{
	size_t at = length >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (at < length && strchr(" \t\r\n", head[at]) && head[at])
		at++;
	return at < length && (head[at] == '{' || head[at] == '[');
}

static bool inspect_json(struct report *report, const char *path, uint64_t size_bytes, struct error *e)
{
	json_t *value = json_parse_file(path, e);
	bool fine = false;

	if (!value)
		return false;
	if (json_is_object(json_object_get(value, "weight_map")))
		fine = inspect_index(report, path, size_bytes, value, e);
	else if (json_is_array(json_object_get(value, "devices")) && json_is_array(json_object_get(value, "links")))
		fine = inspect_topology(report, path, size_bytes, e);
	else
		fine = inspect_workflow(report, path, size_bytes, value, e);
	json_decref(value);
	return fine;
}

static bool read_head(const char *path, unsigned char head[64], size_t *length, uint64_t *size_bytes, struct error *e)
{
	FILE *file;
	struct stat st;

	if (stat(path, &st) != 0)
		return error_set(e, ERROR_MISSING, "cannot open %s: %s", path, strerror(errno));
	file = fopen(path, "rbe");
	if (!file)
		return error_set(e, ERROR_MISSING, "cannot open %s: %s", path, strerror(errno));
	*length = fread(head, 1, 64, file);
	*size_bytes = (uint64_t)st.st_size;
	fclose(file);
	return true;
}

static bool is_named_weights(const char *path)
{
	return string_ends_with(path, ".safetensors") || string_ends_with(path, ".sft") || string_ends_with(path, ".gguf");
}

static bool refuse_kind(const char *path, const void *head, size_t length, struct error *e)
{
	char kind[FILE_KIND_TEXT_MAX];

	return error_set(e, ERROR_FORMAT, "%s: this is no weights file but %s", path,
			 file_kind_text(head, length, kind) ? kind : "JSON");
}

bool inspect_file(struct report *report, const char *name, struct error *e)
{
	char path[WEIGHTS_PATH_MAX];
	unsigned char head[64];
	uint64_t size_bytes = 0;
	size_t length = 0;

	*report = (struct report) { .members = NULL };
	if (!weights_find_file(name, path, e) || !read_head(path, head, &length, &size_bytes, e))
		return false;
	if (is_sqlite(head, length))
		return inspect_store(report, path, size_bytes, e);
	if (length >= 2 && head[0] == 0x80 && head[1] <= 5)
		return error_set(e, ERROR_UNSUPPORTED, "%s: a Python pickle, which can run any code; convert it to safetensors",
				 path);
	if (length >= 4 && memcmp(head, "PK\x03\x04", 4) == 0)
		return error_set(e, ERROR_UNSUPPORTED,
				 "%s: a zip file, as torch.save writes them, with a pickle inside; convert it to safetensors",
				 path);
	if (length >= 4 && memcmp(head, "GGUF", 4) == 0)
		return inspect_gguf(report, path, size_bytes, e);
	if (is_json(head, length) && is_named_weights(path))
		return refuse_kind(path, head, length, e);
	if (is_json(head, length))
		return inspect_json(report, path, size_bytes, e);
	return inspect_safetensors(report, path, size_bytes, e);
}
