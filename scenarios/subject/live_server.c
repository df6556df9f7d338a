/* live_server.c - starts a ComfyUI as a child process and stops it.
 *
 * The order: a folder with the probe node, small models and links to the custom nodes; a free port; the process, in a group of its
 * own that dies with us; then its probe is asked until it answers. Its output goes to a log in that folder, whose last line is
 * the reason given when it ends early. The probe node's files are embedded in the program (live_probe).
 */
#include "scenarios/subject/live_server.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/embed.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "probes/live/live_client.h"
#include "scenarios/subject/live_models.h"

#define STOP_SECONDS 10
#define POLL_MS 100
#define ARGUMENTS_MAX (TEXTS_MAX + 24)

extern const struct embedded_file live_probe[];

struct live_server {
	char folder[PATH_MAX];
	char url[64];
	unsigned port;
	pid_t process; /* 0: none; leads a group of its own */
};

/* ---- the probe node ---- */

/* The file that switches the guard on (guard.py): a name a line. */
static bool write_guard(const char *folder, const struct texts *keep, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	char path[PATH_MAX];
	bool fine;

	snprintf(path, sizeof(path), "%.4000s/guard.txt", folder);
	if (!keep)
		return unlink(path) == 0 || errno == ENOENT ||
		       error_set(e, ERROR_IO, "cannot remove %s: %s", path, strerror(errno));
	strbuf_append(&text, "# The guard is on while this file is here. A line: a file's name, as in a loader's input, of a "
			     "model to keep.\n");
	for (size_t i = 0; i < keep->count; i++)
		strbuf_printf(&text, "%s\n", keep->texts[i]);
	fine = strbuf_ok(&text) ? file_write_whole(path, strbuf_text(&text), text.length, e) : error_no_memory(e);
	strbuf_free(&text);
	return fine;
}

bool live_probe_write(const char *folder, const struct texts *keep, struct error *e)
{
	if (!file_make_folder(folder, e))
		return false;
	for (size_t i = 0; live_probe[i].name; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%.4000s/%s", folder, live_probe[i].name);
		if (!file_write_whole(path, live_probe[i].bytes, embed_length(&live_probe[i]), e))
			return false;
	}
	return write_guard(folder, keep, e);
}

/* ---- its folder ---- */

static bool make_folder(struct live_server *server, struct error *e)
{
	const char *base = getenv("TMPDIR");

	snprintf(server->folder, sizeof(server->folder), "%.3000s/residency-live-XXXXXX", base && base[0] ? base : "/tmp");
	if (mkdtemp(server->folder))
		return true;
	error_set(e, ERROR_IO, "cannot make a folder %s: %s", server->folder, strerror(errno));
	server->folder[0] = '\0';
	return false;
}

static bool make_below(const struct live_server *server, const char *name, struct error *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3500s/%s", server->folder, name);
	return file_make_folder(path, e);
}

/* A folder of custom nodes is used where it is, under its own name. */
static bool link_nodes(const struct live_server *server, const char *nodes, struct error *e)
{
	char *whole = realpath(nodes, NULL);
	char path[PATH_MAX];
	bool fine;

	if (!whole)
		return error_set(e, ERROR_MISSING, "--nodes %s: %s", nodes, strerror(errno));
	snprintf(path, sizeof(path), "%.3500s/custom_nodes/%.255s", server->folder, strrchr(whole, '/') + 1);
	fine = symlink(whole, path) == 0 || error_set(e, ERROR_IO, "cannot link %s: %s", path, strerror(errno));
	free(whole);
	return fine;
}

static bool write_paths(const struct live_server *server, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	char path[PATH_MAX];
	bool fine;

	strbuf_printf(&text,
		      "residency:\n"
		      "  base_path: %s\n"
		      "  custom_nodes: custom_nodes\n"
		      "  diffusion_models: models/diffusion_models\n"
		      "  text_encoders: models/text_encoders\n"
		      "  vae: models/vae\n"
		      "  loras: models/loras\n",
		      server->folder);
	snprintf(path, sizeof(path), "%.3500s/paths.yaml", server->folder);
	fine = strbuf_ok(&text) ? file_write_whole(path, strbuf_text(&text), text.length, e) : error_no_memory(e);
	strbuf_free(&text);
	return fine;
}

static bool fill_folder(const struct live_server *server, const struct live_server_options *options, struct error *e)
{
	static const char *const below[] = { "custom_nodes", "output", "input", "temp", "user" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		if (!make_below(server, below[i], e))
			return false;
	}
	snprintf(path, sizeof(path), "%.3500s/custom_nodes/residency_probe", server->folder);
	if (!live_probe_write(path, options->keep, e) || !live_models_write(server->folder, e) || !write_paths(server, e))
		return false;
	for (size_t i = 0; i < options->nodes->count; i++) {
		if (!link_nodes(server, options->nodes->texts[i], e))
			return false;
	}
	return true;
}

/* ---- its process ---- */

/* A port that is free now; whoever takes it in between makes the server say so and end. */
static bool find_port(struct live_server *server, struct error *e)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool fine = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		    getsockname(fd, (struct sockaddr *)&address, &length) == 0;

	if (!fine)
		error_set(e, ERROR_IO, "no free port: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	server->port = ntohs(address.sin_port);
	snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", server->port);
	return fine;
}

/* In the child. What it says goes to a file beside what it writes. */
static void become(const struct live_server *server, const char *comfyui, char **arguments)
{
	char path[PATH_MAX];
	int log;

	snprintf(path, sizeof(path), "%.3500s/log", server->folder);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* when we are killed, nothing else stops it */
	setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
	setenv("OMP_NUM_THREADS", "1", 0); /* small models: threads that wait for each other cost more than they bring */
	unsetenv("RESIDENCY_PROBE_FILE");
	if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 || chdir(comfyui) != 0)
		_exit(126);
	execvp(arguments[0], arguments);
	dprintf(STDERR_FILENO, "cannot run %s: %s\n", arguments[0], strerror(errno));
	_exit(127);
}

static bool run_process(struct live_server *server, const struct live_server_options *options, struct error *e)
{
	static const struct {
		const char *option, *below;
	} folders[] = {
		{ .option = "--extra-model-paths-config", .below = "paths.yaml" },
		{ .option = "--output-directory", .below = "output" },
		{ .option = "--input-directory", .below = "input" },
		{ .option = "--temp-directory", .below = "temp" },
		{ .option = "--user-directory", .below = "user" },
	};
	char paths[ARRAY_SIZE(folders)][PATH_MAX];
	char port[16];
	char *arguments[ARGUMENTS_MAX] = { (char *)(uintptr_t)(options->python ? options->python : "python3"),
					   "main.py",
					   "--listen",
					   "127.0.0.1",
					   "--port",
					   port,
					   "--disable-auto-launch",
					   "--cpu",
					   "--database-url",
					   "sqlite:///:memory:" };
	size_t count = 10;

	snprintf(port, sizeof(port), "%u", server->port);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(paths[i], sizeof(paths[i]), "%.3500s/%s", server->folder, folders[i].below);
		arguments[count++] = (char *)(uintptr_t)folders[i].option;
		arguments[count++] = paths[i];
	}
	for (size_t i = 0; i < options->arguments->count && count < ARGUMENTS_MAX - 1; i++)
		arguments[count++] = (char *)(uintptr_t)options->arguments->texts[i];
	server->process = fork();
	if (server->process == 0)
		become(server, options->comfyui, arguments);
	if (server->process < 0) {
		server->process = 0;
		return error_set(e, ERROR_IO, "cannot start a process: %s", strerror(errno));
	}
	return true;
}

static void pause_ms(unsigned ms)
{
	struct timespec time = { .tv_sec = 0, .tv_nsec = (long)ms * 1000000 };

	nanosleep(&time, NULL);
}

/* Whether the process has ended; then it is no more ours to stop. */
static bool has_ended(struct live_server *server)
{
	if (server->process && waitpid(server->process, NULL, WNOHANG) == server->process) {
		kill(-server->process, SIGKILL); /* what it started */
		server->process = 0;
	}
	return server->process == 0;
}

/* A pack that cannot be imported makes another server than the one that was asked for: ComfyUI says so, and goes on. */
static bool check_imports(const struct live_server *server, struct error *e)
{
	char path[PATH_MAX];
	char place[PATH_MAX];
	size_t length = 0;
	char *text;
	const char *failed;
	bool fine;

	snprintf(path, sizeof(path), "%.3500s/log", server->folder);
	snprintf(place, sizeof(place), "(IMPORT FAILED): %.3500s/custom_nodes/", server->folder);
	text = file_read_whole(path, &length, e);
	failed = text ? strstr(text, place) : NULL;
	if (failed) {
		failed += strlen(place);
		error_set(e, ERROR_UNSUPPORTED, "the server cannot import the custom node %.*s", (int)strcspn(failed, "\n"),
			  failed);
	}
	fine = text && !failed;
	free(text);
	return fine;
}

/* The last line of what the server said. */
static bool tell_end(const struct live_server *server, const char *what, struct error *e)
{
	char path[PATH_MAX];
	size_t length = 0;
	size_t start;
	char *text;

	snprintf(path, sizeof(path), "%.3500s/log", server->folder);
	text = file_read_whole(path, &length, NULL);
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == ' '))
		text[--length] = '\0';
	start = length;
	while (start > 0 && text[start - 1] != '\n' && length - start < 400)
		start--;
	error_set(e, ERROR_ABSENT, "the server %s; the last thing it said: %s", what, length ? text + start : "nothing");
	free(text);
	return false;
}

static bool wait_for_answer(struct live_server *server, unsigned seconds, const bool *interrupted, struct error *e)
{
	const struct live_limits once = { .answer_ms = 2000, .tries = 1 };
	struct live_client *client = live_client_open(server->url, &once, interrupted, e);
	uint64_t begun_ns = clock_now_ns();
	bool answers = false;

	while (client && !answers) {
		struct error why = ERROR_INIT;
		json_t *hello = live_client_get(client, "/residency/hello", &why);

		answers = hello != NULL;
		json_decref(hello);
		if (answers)
			break;
		if (*interrupted)
			error_set(e, ERROR_INTERRUPTED, "interrupted");
		else if (has_ended(server))
			tell_end(server, "ended before it answered", e);
		else if (why.kind == ERROR_UNSUPPORTED)
			tell_end(server, "runs, but its probe node could not start", e);
		else if (clock_now_ns() - begun_ns > seconds * NS_PER_S)
			tell_end(server, "did not answer in time", e);
		else {
			pause_ms(POLL_MS);
			continue;
		}
		break;
	}
	live_client_close(client);
	return answers;
}

/* ---- a server ---- */

struct live_server *live_server_start(const struct live_server_options *options, const bool *interrupted, struct error *e)
{
	struct live_server *server = array_new(1, sizeof(*server), e);
	char path[PATH_MAX];

	if (!server)
		return NULL;
	snprintf(path, sizeof(path), "%.4000s/main.py", options->comfyui);
	if (access(path, R_OK) != 0) {
		error_set(e, ERROR_MISSING, "--comfyui %s: there is no main.py in it", options->comfyui);
		goto fail;
	}
	if (make_folder(server, e) && fill_folder(server, options, e) && find_port(server, e) &&
	    run_process(server, options, e) && wait_for_answer(server, options->start_seconds, interrupted, e) &&
	    check_imports(server, e))
		return server;
fail:
	live_server_stop(server);
	return NULL;
}

const char *live_server_url(const struct live_server *server)
{
	return server->url;
}

void live_server_stop(struct live_server *server)
{
	if (!server)
		return;
	if (server->process) {
		kill(-server->process, SIGTERM);
		for (unsigned i = 0; i < STOP_SECONDS * 1000 / POLL_MS && !has_ended(server); i++)
			pause_ms(POLL_MS);
	}
	if (server->process) {
		kill(-server->process, SIGKILL);
		waitpid(server->process, NULL, 0);
	}
	if (server->folder[0])
		file_remove_folder(server->folder);
	free(server);
}
