/* Weights with scales, by format and by what names them; and what a reader has to know: that ComfyUI passes over scales which no mark
 * names, and which weights nothing here reads.
 */
#include <string.h>

#include "cli/inspect/inspect.h"
#include "core/base/strbuf.h"

#define WORDS_MAX 12 /* formats of one file that are told apart */

/* How many layers have a word in common: a format, or a mark. */
struct word_count {
	const char *word;
	size_t count;
};

static void count_word(struct word_count *words, size_t *used, const char *word)
{
	size_t at = 0;

	while (at < *used && strcmp(words[at].word, word) != 0)
		at++;
	if (at == WORDS_MAX)
		return;
	if (at == *used)
		words[(*used)++] = (struct word_count) { .word = word };
	words[at].count++;
}

static json_t *words_json(const struct word_count *words, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++)
		json_object_set_new(object, words[i].word, json_integer((json_int_t)words[i].count));
	return object;
}

static void append_words(struct strbuf *text, const struct word_count *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		strbuf_printf(text, "%s%s %zu", i ? ", " : "", words[i].word, words[i].count);
}

static void say_unmarked(struct report *report, size_t count)
{
	inspect_say(report, "",
		    "no mark (comfy_quant, scaled_fp8) names the scales of %zu: ComfyUI ignores them without a word, and those "
		    "weights are "
		    "off by their scale there; `residency convert FILE --dtype BF16` multiplies them in",
		    count);
}

/* A weight without the scale that its mark promises is wrong; one in a format that is not read here is only said. */
static void say_fault(struct report *report, const struct tensor_table *table, const struct scaled_layer *layer, size_t count)
{
	const char *name = table->rows[layer->weight].name;

	if (layer->scale == SCALED_NOWHERE && layer->format != SCALED_OTHER)
		inspect_wrong(report, "%.200s is marked as %s, and %s", name, scaled_format_name(layer), layer->fault);
	else
		inspect_say(report, "", "%zu of them cannot be read here; the first is %.200s (%s): %s", count, name,
			    scaled_format_name(layer), layer->fault);
}

void inspect_scales(struct report *report, const struct tensor_table *table)
{
	const struct scaled_map *map = &table->scaled;
	struct word_count formats[WORDS_MAX];
	struct word_count marks[WORDS_MAX];
	struct strbuf text = STRBUF_INIT;
	const struct scaled_layer *faulty = NULL;
	size_t format_count = 0;
	size_t mark_count = 0;
	size_t unmarked = 0;
	size_t fault_count = 0;

	if (map->fault[0])
		inspect_wrong(report, "which weights have scales cannot be read: %s", map->fault);
	for (size_t i = 0; i < map->count; i++) {
		const struct scaled_layer *layer = &map->layers[i];

		count_word(formats, &format_count, scaled_format_name(layer));
		if (layer->mark == SCALED_UNMARKED)
			unmarked++;
		else
			count_word(marks, &mark_count, scaled_mark_name(layer->mark));
		faulty = layer->fault && !faulty ? layer : faulty;
		fault_count += layer->fault != NULL;
	}
	inspect_set(report, "scales",
		    json_pack("{s:I, s:o, s:o, s:I, s:I}", "weights", (json_int_t)map->count, "formats",
			      words_json(formats, format_count), "marks", words_json(marks, mark_count), "unmarked",
			      (json_int_t)unmarked, "unreadable", (json_int_t)fault_count));
	if (map->count == 0)
		return;
	append_words(&text, formats, format_count);
	strbuf_append(&text, mark_count ? "; named by " : "");
	append_words(&text, marks, mark_count);
	inspect_say(report, "scales", "%zu weights with scales: %s", map->count, strbuf_text(&text));
	strbuf_free(&text);
	if (unmarked)
		say_unmarked(report, unmarked);
	if (faulty)
		say_fault(report, table, faulty, fault_count);
}
