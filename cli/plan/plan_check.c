#include "cli/plan/plan_check.h"

#include <string.h>

#include "core/plan/versions.h"

#define WIDTH 80u
#define LEAD 24u /* characters shown before the place in a string too long for a line */

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t character_count(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += !is_continuation(*text);
	return count;
}

/* Characters [first, first + count) of a text; control characters as '?', since the text is anybody's. */
static void put_characters(const char *text, size_t first, size_t count, FILE *out)
{
	size_t at = 0;

	for (; *text; text++) {
		at += !is_continuation(*text);
		if (at > first && at <= first + count)
			fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
	}
}

static void put_repeated(char c, size_t count, FILE *out)
{
	while (count--)
		fputc(c, out);
}

/* The string, or the part of it around the place, and the caret below. */
static void show_place(const char *allocation, const struct advice *advice, FILE *out)
{
	size_t length = character_count(allocation);
	size_t at = advice->column - 1;
	size_t first = length > WIDTH && at > LEAD ? at - LEAD : 0;
	size_t ellipsis = first ? 3 : 0;
	size_t room = WIDTH - ellipsis;
	bool cut = length - first > room;
	size_t shown = cut ? room - 3 : length - first;
	size_t column = ellipsis + at - first;
	size_t marks = advice->length > 1 ? advice->length - 1 : 0;

	put_repeated('.', ellipsis, out);
	put_characters(allocation, first, shown, out);
	fputs(cut ? "...\n" : "\n", out);
	put_repeated(' ', column, out);
	fputc('^', out);
	put_repeated('~', column + 1 + marks > WIDTH ? WIDTH - column - 1 : marks, out);
	fputc('\n', out);
}

/* Words of a text in lines of WIDTH, the first after `label`, the others below it. */
static void show_wrapped(const char *label, const char *text, FILE *out)
{
	const unsigned indent = 2;
	size_t column = (size_t)fprintf(out, "%*s%s", indent, "", label);
	bool first = true;

	while (*text) {
		size_t bytes = strcspn(text, " ");
		size_t width = 0;

		for (size_t i = 0; i < bytes; i++)
			width += !is_continuation(text[i]);
		if (!first && column + 1 + width > WIDTH) {
			column = (size_t)fprintf(out, "\n%*s", indent + 2, "");
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		put_characters(text, 0, width, out);
		column += width;
		first = false;
		text += bytes;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static void show_advice(const struct advise_request *request, const struct advice *advice, FILE *out)
{
	char label[64];

	if (advice->column) {
		show_place(request->allocation, advice, out);
		snprintf(label, sizeof(label), "%s, column %zu: ", advise_weight_name(advice->weight), advice->column);
	} else {
		snprintf(label, sizeof(label), "%s: ", advise_weight_name(advice->weight));
	}
	show_wrapped(label, advice->found, out);
	if (advice->upstream) {
		snprintf(label, sizeof(label), "%.20s: ", request->rules->name);
		show_wrapped(label, advice->upstream, out);
	}
	if (advice->instead)
		show_wrapped("instead: ", advice->instead, out);
	fputc('\n', out);
}

static size_t count_weight(const struct advice_list *list, enum advice_weight weight)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++)
		count += list->items[i].weight == weight;
	return count;
}

void plan_check_show(const struct advise_request *request, const struct advice_list *list, const char *topology, FILE *out)
{
	size_t malformed = count_weight(list, ADVICE_MALFORMED);
	size_t warnings = count_weight(list, ADVICE_WARNING);
	size_t notes = count_weight(list, ADVICE_NOTE);

	for (size_t i = 0; i < list->count; i++)
		show_advice(request, &list->items[i], out);
	fprintf(out, "%s%zu warning%s, %zu note%s, by %s on %s\n", malformed ? "malformed, " : "", warnings,
		warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s", request->rules->name, topology);
	if (!request->blocks)
		fputs("with --model FILE or --loadlist FILE the plan is checked, too\n", out);
}

static json_t *advice_to_json(const struct advice *advice)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s?, s:s?}", "kind", advise_kind_name(advice->kind), "weight",
			 advise_weight_name(advice->weight), "column",
			 advice->column ? json_integer((json_int_t)advice->column) : json_null(), "length",
			 advice->column ? json_integer((json_int_t)advice->length) : json_null(), "found", advice->found,
			 "upstream", advice->upstream, "instead", advice->instead);
}

bool plan_check_json(const struct advise_request *request, const struct advice_list *list, const char *topology, FILE *out,
		     struct error *e)
{
	static const char *const verdicts[] = { "fine", "warning", "malformed" };
	enum advice_weight weight = advise_list_weight(list);
	json_t *pieces = json_array();
	json_t *whole;

	for (size_t i = 0; i < list->count; i++) {
		if (json_array_append_new(pieces, advice_to_json(&list->items[i])) != 0) {
			json_decref(pieces);
			return error_set(e, ERROR_FORMAT, "the allocation string is not UTF-8");
		}
	}
	whole = json_pack("{s:i, s:s, s:s, s:s, s:s, s:b, s:o}", "schema", 1, "allocation", request->allocation, "planner",
			  request->rules->name, "topology", topology, "verdict", verdicts[weight], "model_known",
			  request->blocks != NULL, "advice", pieces);
	if (!whole)
		return error_set(e, ERROR_FORMAT, "the allocation string is not UTF-8");
	json_dumpf(whole, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(whole);
	return true;
}
