#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "core/base/array.h"
#include "scenarios/subject/live_server.h"

struct live_settings {
	const char *comfyui, *python;
	struct texts nodes, arguments, keep;
	int64_t start_seconds;
	bool guard;
};

/* NULL: the guard is off. */
static const struct texts *kept_names(const struct live_settings *settings)
{
	return settings->guard ? &settings->keep : NULL;
}

static bool check_guard(const struct live_settings *settings, struct error *e)
{
	if (settings->keep.count && !settings->guard)
		return error_set(e, ERROR_USAGE, "--keep %s: names to keep are for the guard: --guard",
				 settings->keep.texts[0]);
	for (size_t i = 0; i < settings->keep.count; i++) {
		const char *name = settings->keep.texts[i];

		if (name[0] == '\0' || name[0] == '#' || strpbrk(name, "\r\n"))
			return error_set(e, ERROR_USAGE, "--keep \"%s\" is not the name of a model's file", name);
	}
	return true;
}

/* ---- install ---- */

static bool check_comfyui(const char *folder, struct error *e)
{
	char path[4096];

	snprintf(path, sizeof(path), "%.4000s/custom_nodes", folder);
	return access(path, F_OK) == 0 ||
	       error_set(e, ERROR_MISSING, "%s: there is no custom_nodes in it: this is no ComfyUI", folder);
}

static int install(struct cli *cli, const struct live_settings *settings, const char *comfyui)
{
	struct error e = ERROR_INIT;
	char path[4096];

	snprintf(path, sizeof(path), "%.4000s/custom_nodes/residency_probe", comfyui);
	if (!check_guard(settings, &e) || !check_comfyui(comfyui, &e) || !live_probe_write(path, kept_names(settings), &e))
		return command_fail(cli, "live install", &e);
	fprintf(cli->out, "%s\n", path);
	fprintf(cli->err, "the probe is there, its guard is %s; a running server must be restarted\n",
		settings->guard ? "on" : "off");
	return 0;
}

/* ---- run ---- */

/* The command after `--`, on the server: "matrix --matrices abc" becomes "matrix --subject comfyui=URL --matrices abc". */
static int run_on(struct cli *cli, const char *url, int argc, char **argv)
{
	struct error e = ERROR_INIT;
	const struct command *command = strcmp(argv[0], "matrix") == 0 ? &command_matrix : &command_replay;
	char **with_subject = array_new((size_t)argc + 3, sizeof(*with_subject), &e);
	char subject[128];
	int exit_code;

	if (!with_subject)
		return command_fail(cli, "live run", &e);
	snprintf(subject, sizeof(subject), "comfyui=%.100s", url);
	with_subject[0] = argv[0];
	with_subject[1] = "--subject";
	with_subject[2] = subject;
	for (int i = 1; i < argc; i++)
		with_subject[i + 2] = argv[i];
	exit_code = command->run(cli, argc + 2, with_subject);
	free(with_subject);
	return exit_code;
}

static int run_server(struct cli *cli, const struct live_settings *settings, int argc, char **argv)
{
	const struct live_server_options server_options = { .comfyui = settings->comfyui,
							    .python = settings->python,
							    .nodes = &settings->nodes,
							    .arguments = &settings->arguments,
							    .start_seconds = (unsigned)settings->start_seconds,
							    .keep = kept_names(settings) };
	struct error e = ERROR_INIT;
	struct live_server *server;
	int exit_code;

	if (!settings->comfyui)
		error_set(&e, ERROR_USAGE, "--comfyui DIR says which ComfyUI");
	else if (argc < 1 || (strcmp(argv[0], "matrix") != 0 && strcmp(argv[0], "replay") != 0))
		error_set(&e, ERROR_USAGE, "after `--` stands what to run on it: matrix or replay, with its options");
	else if (settings->start_seconds < 1 || settings->start_seconds > 3600)
		error_set(&e, ERROR_USAGE, "--start-seconds is 1 to 3600");
	else
		check_guard(settings, &e);
	if (error_is_set(&e))
		return command_fail(cli, "live run", &e);
	fprintf(cli->err, "starting the server in %s\n", settings->comfyui);
	server = live_server_start(&server_options, cli->interrupted, &e);
	if (!server)
		return command_fail(cli, "live run", &e);
	exit_code = run_on(cli, live_server_url(server), argc, argv);
	live_server_stop(server);
	return exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct live_settings settings = { .start_seconds = 300 };
	const struct option options[] = {
		TEXT_OPTION("comfyui", "DIR", "of run: the ComfyUI to start, on the CPU; nothing is written there",
			    &settings.comfyui),
		TEXT_OPTION("python", "FILE", "its Python (default: python3)", &settings.python),
		TEXTS_OPTION("nodes", "DIR", "a custom node's folder to use beside those it has; may be given more than once",
			     &settings.nodes),
		TEXTS_OPTION("server-argument", "ARG", "one more argument for it (--server-argument=--cache-none)",
			     &settings.arguments),
		INTEGER_OPTION("start-seconds", "N", "how long it may take until it answers (default: 300)",
			       &settings.start_seconds),
		FLAG_OPTION("guard", "kept models stay, on this server; it is judged as policy strict", &settings.guard),
		TEXTS_OPTION("keep", "NAME",
			     "with --guard: a model's file to keep where its loader cannot say so; may be given again",
			     &settings.keep),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (argc >= 2 && strcmp(argv[1], "watch") == 0)
		return command_live_watch.run(cli, argc - 1, argv + 1);
	if (!command_parse(cli, &command_live, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc == 3 && strcmp(argv[1], "install") == 0)
		return install(cli, &settings, argv[2]);
	if (argc >= 2 && strcmp(argv[1], "run") == 0)
		return run_server(cli, &settings, argc - 2, argv + 2);
	error_set(&e, ERROR_USAGE, "live install DIR, live run --comfyui DIR -- matrix, or live watch URL");
	return command_fail(cli, "live", &e);
}

const struct command command_live = {
	.name = "live",
	.summary = "a real ComfyUI: put the probe node into it; start one under test, and run the matrix on it; watch one",
	.synopsis = "install DIR [--guard] | run --comfyui DIR [options] -- matrix|replay [its options] | watch [URL] [its "
		    "options]",
	.examples =
		"  residency live install ~/ComfyUI\n"
		"  residency live install ~/ComfyUI --guard --keep flux1-dev.safetensors\n"
		"  residency live run --comfyui ~/ComfyUI -- matrix --matrices abc,de\n"
		"  residency live run --comfyui ~/ComfyUI --nodes ~/ComfyUI-MultiGPU -- matrix --flows both\n"
		"  residency live run --comfyui ~/ComfyUI --nodes ~/ComfyUI-MultiGPU --guard -- matrix --flows both-prompt\n"
		"  residency live run --comfyui ~/ComfyUI --server-argument=--cache-none -- matrix --flows both\n"
		"  residency live watch http://127.0.0.1:8188      # who is where now, like top; live watch --help\n"
		"  residency matrix --subject comfyui=http://127.0.0.1:8188\n",
	.run = run,
};
