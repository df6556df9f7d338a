/* Part frontend: what ComfyUI's front end made of workflow files, against core/workflow/frontend.
 *
 * A case is a file and a version of the front end, or a class and a version. Equal are prompts with the same nodes, each with the same class,
 * title and inputs, numbers compared as doubles; an answer "same" says that only titles may differ from 1.49.6's. Where
 * the front end made no prompt, the conversion must refuse. Dropping a prompt with an unknown class leaves 1.27.10's canvas as it was before, so
 * its answer is that of another file: not built. What the data marks hard, its own reference does not give: it is counted as passed
 * where it is equal, and as not built where it is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/workflow/frontend/frontend.h"
#include "tests/conformance/part.h"

#define CLOCK_S 1795955696 /* 2026-11-29 12:34:56 UTC: the clock stood there while the answers were taken */
#define OWN_VERSION "1.49.6"

struct frontend_part {
	const char *folder;
	struct tally *tally;
	struct frontend_classes *classes;
};

/* One file under one version. */
struct frontend_case {
	const char *id, *text;
	size_t length;
	enum frontend_version version;
	const char *release;
	const json_t *answer; /* {api} or {error} */
	bool titles; /* compared, too */
	bool hard;
};

static json_t *read_text(const char *text, size_t length)
{
	json_error_t fault;

	return json_loadb(text, length, JSON_DECODE_INT_AS_REAL, &fault);
}

/* ---- comparing ---- */

static bool same_entry(const json_t *found, const json_t *wanted, bool titles)
{
	const json_t *found_title = json_object_get(json_object_get(found, "_meta"), "title");
	const json_t *wanted_title = json_object_get(json_object_get(wanted, "_meta"), "title");
	const json_t *found_class = json_object_get(found, "class_type");
	const json_t *wanted_class = json_object_get(wanted, "class_type");

	if (found_class != wanted_class && !json_equal(found_class, wanted_class))
		return false;
	if (titles && found_title != wanted_title && !json_equal(found_title, wanted_title))
		return false;
	return json_equal(json_object_get(found, "inputs"), json_object_get(wanted, "inputs"));
}

/* The id of a node that is not as wanted; NULL: all are. */
static const char *different_node(json_t *found, json_t *wanted, bool titles)
{
	const char *id;
	json_t *entry;

	json_object_foreach(wanted, id, entry)
	{
		if (!same_entry(json_object_get(found, id), entry, titles))
			return id;
	}
	json_object_foreach(found, id, entry)
	{
		if (!json_object_get(wanted, id))
			return id;
	}
	return NULL;
}

static void tell(const struct frontend_part *part, const struct frontend_case *c, const char *what, json_t *found,
		 json_t *wanted)
{
	char name[160];
	char *found_text = found ? json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	char *wanted_text = wanted ? json_dumps(wanted, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	const char *fault = json_string_value(json_object_get(c->answer, "error"));

	if (c->hard) {
		tally_not_built(part->tally, "marked hard", 1);
	} else if (fault && strstr(fault, "structuredClone")) {
		tally_not_built(part->tally, "a fault of the browser", 1);
	} else {
		snprintf(name, sizeof(name), "%s, %s", c->id, c->release);
		tally_fail(part->tally, name, "%s: %.300s, wanted %.300s", what, found_text ? found_text : "nothing",
			   wanted_text ? wanted_text : "nothing");
	}
	free(found_text);
	free(wanted_text);
}

static void compare(const struct frontend_part *part, const struct frontend_case *c, const char *prompt, const char *why)
{
	json_t *wanted = json_object_get(c->answer, "api");
	json_t *found = prompt ? read_text(prompt, strlen(prompt)) : NULL;
	const char *id;

	if (!found || !wanted) {
		if (!found && !wanted)
			tally_pass(part->tally);
		else
			tell(part, c, found ? "made a prompt" : why, NULL, NULL);
		json_decref(found);
		return;
	}
	id = different_node(found, wanted, c->titles);
	if (id)
		tell(part, c, id, json_object_get(found, id), json_object_get(wanted, id));
	else
		tally_pass(part->tally);
	json_decref(found);
}

static bool has_class(const struct frontend_part *part, const char *class)
{
	struct error e = ERROR_INIT;
	char *text = class ? frontend_class_text(part->classes, class, FRONTEND_1_27, &e) : NULL;

	free(text);
	return text != NULL;
}

static bool keeps_older_canvas(const struct frontend_part *part, const struct frontend_case *c)
{
	json_t *prompt = c->version == FRONTEND_1_27 ? read_text(c->text, c->length) : NULL;
	bool keeps = false;
	const char *id;
	json_t *node;

	json_object_foreach(prompt, id, node)
	{
		const json_t *class = json_object_get(node, "class_type");

		keeps = keeps || (class && !has_class(part, json_string_value(class)));
	}
	json_decref(prompt);
	return keeps;
}

static void run_case(const struct frontend_part *part, const struct frontend_case *c)
{
	struct error e = ERROR_INIT;
	struct frontend_request request = { .text = c->text,
					    .length = c->length,
					    .where = c->id,
					    .version = c->version,
					    .classes = part->classes,
					    .clock_s = CLOCK_S,
					    .rebuild = true };
	char *prompt;

	if (keeps_older_canvas(part, c)) {
		tally_not_built(part->tally, "an older canvas", 1);
		return;
	}
	prompt = frontend_convert(&request, &e);
	compare(part, c, prompt, e.text);
	free(prompt);
}

/* ---- reading cases ---- */

/* "1.49.6" is version 1.49. */
static bool version_of(const char *release, enum frontend_version *version)
{
	char name[16];
	const char *dot = strrchr(release, '.');

	snprintf(name, sizeof(name), "%.*s", (int)(dot ? dot - release : 0), release);
	return frontend_version_from_name(name, version);
}

/* Each version's answer; "same" is that of own. */
static void run_answers(const struct frontend_part *part, struct frontend_case *c, json_t *answers, const json_t *own)
{
	const char *release;
	json_t *answer;

	json_object_foreach(answers, release, answer)
	{
		if (!version_of(release, &c->version))
			continue;
		c->release = release;
		c->titles = !json_is_string(answer);
		c->answer = json_is_string(answer) ? own : answer;
		run_case(part, c);
	}
}

static bool run_real(const struct frontend_part *part, json_t *line)
{
	bool prompt = json_object_get(line, "prompt") != NULL;
	struct frontend_case c = { .id = json_string_value(json_object_get(line, "id")),
				   .version = FRONTEND_1_49,
				   .release = OWN_VERSION };
	char *text = json_dumps(json_object_get(line, prompt ? "prompt" : "ui"), JSON_COMPACT | JSON_REAL_PRECISION(17));

	if (!text || !c.id) {
		free(text);
		return false;
	}
	c.text = text;
	c.length = strlen(text);
	c.answer = line;
	c.titles = true;
	c.hard = json_is_true(json_object_get(line, "hard"));
	run_case(part, &c);
	run_answers(part, &c, json_object_get(line, "other"), line);
	free(text);
	return true;
}

static bool run_synthetic(const struct frontend_part *part, json_t *line)
{
	json_t *answers = json_object_get(line, "answers");
	const json_t *text = json_object_get(line, "text");
	struct frontend_case c = {
		.id = json_string_value(json_object_get(line, "id")),
		.text = json_string_value(text),
		.length = json_string_length(text),
		.hard = json_is_true(json_object_get(line, "hard")),
	};

	if (!c.id || !c.text)
		return false;
	run_answers(part, &c, answers, json_object_get(answers, OWN_VERSION));
	return true;
}

/* ---- classes ---- */

/* Rows of the data have more columns: [name, kind, default, sent, stored, own writer, "undefined"]. */
static bool same_widgets(const json_t *found, const json_t *wanted)
{
	static const size_t columns[] = { 0, 2, 3, 4 };

	if (json_array_size(found) != json_array_size(wanted))
		return false;
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		const json_t *row = json_array_get(wanted, i);

		for (size_t k = 0; k < ARRAY_SIZE(columns); k++) {
			if (!json_equal(json_array_get(json_array_get(found, i), k), json_array_get(row, columns[k])))
				return false;
		}
	}
	return true;
}

static const char *different_member(const json_t *found, const json_t *wanted)
{
	static const char *const members[] = { "title", "virtual", "inputs", "outputs" };

	if (!same_widgets(json_object_get(found, "widgets"), json_object_get(wanted, "widgets")))
		return "widgets";
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (!json_equal(json_object_get(found, members[i]), json_object_get(wanted, members[i])))
			return members[i];
	}
	return NULL;
}

/* Kinds of node that are the front end's own, and no classes. */
static bool is_own_kind(const char *class)
{
	static const char *const kinds[] = { "PrimitiveNode", "Note", "MarkdownNote", "Reroute", "SetNode", "GetNode" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i], class) == 0)
			return true;
	}
	return false;
}

static bool run_class(const struct frontend_part *part, json_t *line, const char *release, enum frontend_version version)
{
	struct frontend_case c = { .id = json_string_value(json_object_get(line, "class")), .release = release };
	struct error e = ERROR_INIT;
	const char *member;
	char *text;
	json_t *found;

	if (!c.id)
		return false;
	if (is_own_kind(c.id))
		return true;
	text = frontend_class_text(part->classes, c.id, version, &e);
	found = text ? read_text(text, strlen(text)) : NULL;
	member = found ? different_member(found, line) : e.text;
	if (member)
		tell(part, &c, member, json_object_get(found, member), json_object_get(line, member));
	else
		tally_pass(part->tally);
	json_decref(found);
	free(text);
	return true;
}

/* ---- files ---- */

/* Calls run for each line; the classes' files have a version each. */
static bool run_lines(const struct frontend_part *part, const char *name, const char *release, struct error *e)
{
	enum frontend_version version = FRONTEND_1_49;
	size_t length;
	char *text = part_read(part->folder, name, &length, e);
	const char *end = text ? text + length : NULL;
	size_t number = 0;
	bool fine = text != NULL;

	if (release)
		fine = version_of(release, &version) && fine;
	for (const char *line = text; fine && line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t line_length = stop ? (size_t)(stop - line) : (size_t)(end - line);
		json_t *value = read_text(line, line_length);

		number++;
		if (release)
			fine = run_class(part, value, release, version);
		else
			fine = json_object_get(value, "answers") ? run_synthetic(part, value) : run_real(part, value);
		json_decref(value);
		if (!fine)
			error_set(e, ERROR_FORMAT, "%s/%s: line %zu is no case", part->folder, name, number);
		line += line_length + 1;
	}
	free(text);
	return fine;
}

static bool run_classes(const struct frontend_part *part, struct error *e)
{
#define RELEASE(name, text, release) release,
	static const char *const releases[] = { FRONTEND_VERSIONS(RELEASE) };
#undef RELEASE
	char name[40];

	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		snprintf(name, sizeof(name), "classes_%s.jsonl.gz", releases[i]);
		if (part_has(part->folder, name) && !run_lines(part, name, releases[i], e))
			return false;
	}
	return true;
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	static const char *const names[] = { "real.jsonl.gz", "synthetic.jsonl.gz" };
	struct frontend_part part = { .folder = folder, .tally = tally, .classes = frontend_classes_builtin(e) };
	bool fine = part.classes != NULL;

	for (size_t i = 0; fine && i < ARRAY_SIZE(names); i++)
		fine = !part_has(folder, names[i]) || run_lines(&part, names[i], NULL, e);
	fine = fine && run_classes(&part, e);
	frontend_classes_free(part.classes);
	return fine;
}

const struct part part_frontend = { .name = "frontend", .folder = "frontend", .run = run };
