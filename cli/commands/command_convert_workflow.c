/* command_convert_workflow.c - a workflow file of any form into the API form.
 *
 * Reads the file, converts it with the classes built in or with a user's object_info, and writes the prompt. What the server will refuse
 * because nobody knows the class is said on the way.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/nearest.h"
#include "core/base/strbuf.h"
#include "core/workflow/frontend/frontend.h"

struct conversion_settings {
	const char *frontend, *object_info, *out;
};

static const char *const version_names[] = {
#define VERSION_NAME(name, text, release) text,
	FRONTEND_VERSIONS(VERSION_NAME)
#undef VERSION_NAME
};

/* "1.49", or a release of it: "1.49.6". */
static bool read_version(const char *wanted, enum frontend_version *version, struct error *e)
{
	struct nearest nearest = nearest_to(wanted);

	for (size_t i = 0; i < ARRAY_SIZE(version_names); i++) {
		size_t length = strlen(version_names[i]);

		if (strncmp(wanted, version_names[i], length) == 0 && (wanted[length] == '\0' || wanted[length] == '.'))
			return frontend_version_from_name(version_names[i], version);
		nearest_offer(&nearest, version_names[i]);
	}
	error_set(e, ERROR_USAGE, "--frontend: the rules of \"%.20s\" are not known; there are 1.27, 1.49, 1.58", wanted);
	return nearest_suggest(&nearest, e);
}

static struct frontend_classes *read_classes(const char *path, struct error *e)
{
	struct frontend_classes *classes;
	size_t length;
	char *text;

	if (!path)
		return frontend_classes_builtin(e);
	text = file_read_whole(path, &length, e);
	if (!text)
		return NULL;
	classes = frontend_classes_parse(text, length, path, e);
	free(text);
	return classes;
}

/* The wall clock as the user's browser reads it. */
static int64_t local_clock_s(void)
{
	time_t now = time(NULL);
	struct tm local = { .tm_year = 0 };

	localtime_r(&now, &local);
	return (int64_t)now + local.tm_gmtoff;
}

static void tell_unknown(struct cli *cli, const struct conversion_settings *settings, const char *names)
{
	size_t count = 0;

	for (const char *p = names; *p; p++)
		count += *p == '\n';
	if (count == 0)
		return;
	fprintf(cli->err, "%zu class%s not known; the server refuses the prompt unless its pack is there:\n", count,
		count == 1 ? " is" : "es are");
	for (const char *p = names; *p;) {
		size_t length = strcspn(p, "\n");

		fprintf(cli->err, "  %.*s\n", (int)length, p);
		p += length + 1;
	}
	if (!settings->object_info)
		fputs("(--object-info FILE gives the classes of an installation: its /object_info)\n", cli->err);
}

static bool write_prompt(struct cli *cli, const char *prompt, const char *out, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	bool fine;

	strbuf_printf(&text, "%s\n", prompt);
	if (!strbuf_ok(&text))
		fine = error_no_memory(e);
	else if (out && strcmp(out, "-") != 0)
		fine = file_write_whole(out, strbuf_text(&text), text.length, e);
	else
		fine = fwrite(strbuf_text(&text), 1, text.length, cli->out) == text.length ||
		       error_set(e, ERROR_IO, "cannot write the prompt");
	strbuf_free(&text);
	return fine;
}

static bool convert_text(struct cli *cli, const struct conversion_settings *settings, struct frontend_request *request,
			 struct error *e)
{
	struct strbuf unknown = STRBUF_INIT;
	char *prompt;
	bool fine;

	request->unknown_classes = &unknown;
	prompt = frontend_convert(request, e);
	fine = prompt && write_prompt(cli, prompt, settings->out, e);
	if (fine)
		tell_unknown(cli, settings, strbuf_text(&unknown));
	free(prompt);
	strbuf_free(&unknown);
	return fine;
}

static bool convert_file(struct cli *cli, const char *path, const struct conversion_settings *settings, struct error *e)
{
	struct frontend_request request = { .where = path, .version = FRONTEND_1_49, .clock_s = local_clock_s() };
	struct frontend_classes *classes = NULL;
	char *bytes = NULL;
	bool fine = !settings->frontend || read_version(settings->frontend, &request.version, e);

	request.rebuild = settings->frontend != NULL;
	if (fine)
		bytes = file_read_whole(path, &request.length, e);
	if (bytes)
		classes = read_classes(settings->object_info, e);
	request.text = bytes;
	request.classes = classes;
	fine = classes && convert_text(cli, settings, &request, e);
	frontend_classes_free(classes);
	free(bytes);
	return fine;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct conversion_settings settings = { .frontend = NULL };
	struct option options[] = {
		TEXT_OPTION("frontend", "VERSION",
			    "convert as this front end does: 1.27, 1.49 (the default) or 1.58; prompts are rebuilt, too",
			    &settings.frontend),
		TEXT_OPTION("object-info", "FILE",
			    "the classes of an installation (GET /object_info), instead of those built in",
			    &settings.object_info),
		TEXT_OPTION("out", "FILE", "where to write the prompt (default: standard output)", &settings.out),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_convert_workflow, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc != 2)
		error_set(&e, ERROR_USAGE, "one workflow is converted at a time; - reads standard input");
	else if (convert_file(cli, argv[1], &settings, &e))
		return 0;
	return command_fail(cli, command_convert_workflow.name, &e);
}

const struct command command_convert_workflow = {
	.name = "convert-workflow",
	.summary = "a saved workflow (canvas, PNG, WebP, MP4, POST body, history entry) into the API form",
	.synopsis = "[options] FILE",
	.examples = "  residency convert-workflow my_canvas.json --out prompt.json\n"
		    "  residency convert-workflow ComfyUI_00001_.png\n"
		    "  residency convert-workflow my_canvas.json --frontend 1.58 --object-info object_info.json\n",
	.run = run,
};
