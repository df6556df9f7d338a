/* ui_text.c - what the front end changes in texts when it sends them: dynamic prompts, and names of files to save.
 *
 * A dynamic prompt loses its comments; of {a|b} one choice stays, here always the first, so that a file gives one prompt. In a file name
 * %date:yyyy-MM-dd% and %node.widget% are replaced.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/array.h"
#include "core/workflow/frontend/ui_prompt.h"

#define CHOICES_DEPTH_MAX 200 /* choices in choices; deeper ones stay as they are */

/* ---- dynamic prompts ---- */

static const char *strip_comments(struct ui_load *load, const char *text)
{
	struct arena_text out = { .arena = load->arena };

	while (*text) {
		const char *end = strncmp(text, "/*", 2) == 0 ? strstr(text + 2, "*/") : NULL;

		if (end)
			text = end + 2;
		else if (strncmp(text, "//", 2) == 0)
			text += strcspn(text, "\r\n");
		else
			arena_append_char(&out, *text++);
	}
	return arena_text(&out);
}

/* The first choice of a block whose brace was read. *p is left behind the closing brace, or at the end. */
static const char *first_choice(struct ui_load *load, const char **p)
{
	struct arena_text out = { .arena = load->arena };
	unsigned depth = 0;
	bool first = true;

	for (; **p; (*p)++) {
		char c = **p;

		if (c == '}' && depth == 0) {
			(*p)++;
			break;
		}
		if (c == '|' && depth == 0)
			first = false;
		if (first)
			arena_append_char(&out, c);
		if (c == '\\' && (*p)[1]) {
			(*p)++;
			if (first)
				arena_append_char(&out, **p);
		}
		depth += c == '{';
		depth -= c == '}';
	}
	return arena_text(&out);
}

static const char *choose(struct ui_load *load, const char *text, unsigned depth)
{
	struct arena_text out = { .arena = load->arena };
	const char *p = depth < CHOICES_DEPTH_MAX ? strip_comments(load, text) : "";

	if (depth >= CHOICES_DEPTH_MAX)
		return text;
	while (*p) {
		if (*p == '\\' && p[1]) {
			if (!strchr("{}|", p[1]))
				arena_append_char(&out, '\\');
			arena_append_char(&out, p[1]);
			p += 2;
		} else if (*p == '{') {
			p++;
			arena_append(&out, choose(load, first_choice(load, &p), depth + 1));
		} else {
			arena_append_char(&out, *p++);
		}
	}
	return arena_text(&out);
}

const char *ui_dynamic_prompt(struct ui_load *load, const char *text)
{
	return choose(load, text, 0);
}

/* ---- names of files ---- */

static int date_part(const struct tm *date, char letter)
{
	switch (letter) {
	case 'd':
		return date->tm_mday;
	case 'M':
		return date->tm_mon + 1;
	case 'h':
		return date->tm_hour;
	case 'm':
		return date->tm_min;
	default:
		return date->tm_sec;
	}
}

static void append_date(const struct ui_load *load, const char *format, size_t length, struct arena_text *out)
{
	time_t now = (time_t)load->request->clock_s;
	struct tm date = { .tm_year = 0 };

	gmtime_r(&now, &date);
	for (size_t i = 0; i < length;) {
		bool year = format[i] == 'y';
		size_t run = 1;

		while (i + run < length && format[i + run] == format[i] && run < (year ? 4u : 2u))
			run++;
		if (strchr("dMhms", format[i]))
			arena_append(out, arena_printf(load->arena, "%0*d", (int)run, date_part(&date, format[i])));
		else if (year && run == 4)
			arena_append(out, arena_printf(load->arena, "%d", date.tm_year + 1900));
		else if (year && run == 2)
			arena_append(out, arena_printf(load->arena, "%02d", date.tm_year % 100));
		else
			arena_append_n(out, format + i, run);
		i += run;
	}
}

static struct ui_node *find_named(const struct ui_graph *graph, const char *name, bool by_title)
{
	for (size_t i = 0; i < graph->node_count; i++) {
		struct ui_node *node = graph->nodes[i];
		const char *property = js_text_of(js_get(js_get(node->file, "properties"), "Node name for S&R"));
		struct ui_node *inner;

		if (ui_same(by_title ? node->title : property, name))
			return node;
		inner = node->definition ? find_named(node->definition, name, by_title) : NULL;
		if (inner)
			return inner;
	}
	return NULL;
}

/* node.widget: the widget's value as part of a file name. False where there is no such widget. */
static bool append_widget(struct ui_load *load, const char *name, const char *widget_name, struct arena_text *out)
{
	struct ui_node *node = find_named(load->root, name, false);
	const struct ui_widget *widget;
	const char *text;

	if (!node)
		node = find_named(load->root, name, true);
	widget = node ? ui_widget_find(node, widget_name) : NULL;
	if (!widget)
		return false;
	text = js_is_nullish(widget->value) ? "" : js_string(load->arena, widget->value);
	for (; *text; text++) {
		bool unfit = (unsigned char)*text < 0x20 || *text == 0x7f || strchr("/?<>\\:*|\"", *text);

		arena_append_char(out, unfit ? '_' : *text);
	}
	return true;
}

/* What stands between two percent signs. */
static void append_replaced(struct ui_load *load, const char *inner, size_t length, struct arena_text *out)
{
	const char *text = arena_copy(load->arena, inner, length);
	const char *dot = strchr(text, '.');
	bool one_dot = dot && !strchr(dot + 1, '.');

	if (one_dot && append_widget(load, arena_copy(load->arena, text, (size_t)(dot - text)), dot + 1, out))
		return;
	if (!one_dot && strncmp(text, "date:", 5) == 0)
		append_date(load, text + 5, strcspn(text + 5, "."), out);
	else
		arena_append(out, arena_printf(load->arena, "%%%s%%", text));
}

const char *ui_replace(struct ui_load *load, const char *text)
{
	struct arena_text out = { .arena = load->arena };

	while (*text) {
		const char *end = *text == '%' ? strchr(text + 1, '%') : NULL;

		if (end && end > text + 1) {
			append_replaced(load, text + 1, (size_t)(end - text - 1), &out);
			text = end + 1;
		} else {
			arena_append_char(&out, *text++);
		}
	}
	return arena_text(&out);
}

bool ui_saves(const struct ui_node *node)
{
	static const char *const classes[] = {
		"SaveImage",	     "SaveImageAdvanced", "SaveSVGNode",      "SaveVideo",
		"SaveAnimatedWEBP",  "SaveWEBM",	  "SaveAudio",	      "SaveAudioMP3",
		"SaveAudioOpus",     "SaveAudioAdvanced", "SaveGLB",	      "Save3DAdvanced",
		"SaveGaussianSplat", "SavePointCloud",	  "VHS_VideoCombine", "SaveImageWithAlpha",
		"SaveImageKJ",	     "SaveAnimatedPNG",	  "CLIPSave",	      "VAESave",
		"ModelSave",	     "LoraSave",	  "SaveLatent",
	};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (strcmp(classes[i], node->type) == 0)
			return true;
	}
	return false;
}
