#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "cli/live/watch_poll.h"
#include "core/base/array.h"
#include "core/base/clock.h"

#define URL_USUAL "http://127.0.0.1:8188"
#define REDRAW_MS 500 /* ages grow while no answer comes */
#define RESTART_SHOWN_NS (60 * NS_PER_S)

static const struct live_limits limits = { .answer_ms = WATCH_ANSWER_MS, .tries = 1 };

/* What is remembered between two answers. */
struct live_watch {
	struct cli *cli;
	uint64_t interval_ns;
	struct watch_answer answer; /* the last good one */
	struct watch_view view;
	struct error trouble;
	uint64_t gone_since_ns, restarted_since_ns; /* clock_now_ns; 0: not */
	char session[RECORD_NAME_MAX];
};

/* ---- answers ---- */

/* Takes what is in the answer. */
static void take_answer(struct live_watch *watch, struct watch_answer *answer)
{
	if (!answer->now) {
		watch->gone_since_ns = watch->gone_since_ns ? watch->gone_since_ns : answer->asked_ns;
		watch->trouble = answer->error;
		return;
	}
	watch->gone_since_ns = 0;
	if (answer->now->session[0]) {
		if (watch->session[0] && strcmp(watch->session, answer->now->session) != 0)
			watch->restarted_since_ns = answer->asked_ns;
		memcpy(watch->session, answer->now->session, sizeof(watch->session));
	}
	if (watch->view.is_frozen) {
		live_now_free(answer->now);
		return;
	}
	live_now_free(watch->answer.now);
	watch->answer = *answer;
}

static int64_t time_of_day_ns(void)
{
	int64_t now_ns = clock_wall_ns();
	time_t now = (time_t)(now_ns / (int64_t)NS_PER_S);
	struct tm local;

	if (!localtime_r(&now, &local))
		return 0;
	return (local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec) * (int64_t)NS_PER_S + now_ns % (int64_t)NS_PER_S;
}

static void set_view(struct live_watch *watch)
{
	struct watch_view *view = &watch->view;
	uint64_t now_ns = clock_now_ns();

	view->now = watch->answer.now;
	view->lack = watch->answer.lack;
	view->age_ns = now_ns - watch->answer.asked_ns;
	view->clock_ns = time_of_day_ns();
	view->trouble = watch->gone_since_ns ? watch->trouble.text : NULL;
	view->gone_ns = watch->gone_since_ns ? now_ns - watch->gone_since_ns : 0;
	view->has_restarted = watch->restarted_since_ns && now_ns - watch->restarted_since_ns < RESTART_SHOWN_NS;
	view->restarted_ns = view->has_restarted ? now_ns - watch->restarted_since_ns : 0;
}

/* ---- a screen that stays ---- */

/* Whether to go on. */
static bool press(struct live_watch *watch, char key)
{
	if (key == 'q' || key == 'Q')
		return false;
	if (key == ' ')
		watch->view.is_frozen = !watch->view.is_frozen;
	else if (key == 's')
		watch->view.sort = (watch->view.sort + 1) % WATCH_SORT_COUNT;
	else if (key == 'k')
		watch->view.only_kept = !watch->view.only_kept;
	return true;
}

static bool draw(struct live_watch *watch)
{
	struct watch_shape shape = { .utf8 = terminal_has_utf8(), .colour = watch->cli->colour };
	struct strbuf out = STRBUF_INIT;
	bool fine = true;

	terminal_size(&shape.width, &shape.height);
	if (!watch->view.is_frozen)
		set_view(watch);
	if (watch_screen(&watch->view, &shape, &out, NULL)) /* without memory the old picture stays */
		fine = terminal_draw(strbuf_text(&out));
	strbuf_free(&out);
	return fine;
}

static void show(struct live_watch *watch, struct watch_poll *poll)
{
	while (!*watch->cli->interrupted && draw(watch)) {
		struct watch_answer answer;
		char key = 0;
		enum terminal_event event = terminal_wait(watch_poll_fd(poll), REDRAW_MS, &key);

		if (event == TERMINAL_LOST || (event == TERMINAL_KEY && !press(watch, key)))
			break;
		if (watch_poll_take(poll, &answer))
			take_answer(watch, &answer);
	}
}

/* 0 as long as the server is there. */
static int exit_code_of(const struct live_watch *watch)
{
	if (*watch->cli->interrupted)
		return error_exit_code(ERROR_INTERRUPTED);
	return watch->gone_since_ns ? error_exit_code(watch->trouble.kind) : 0;
}

static int show_screen(struct live_watch *watch)
{
	struct error e = ERROR_INIT;
	bool stop = false; /* a client of its own: `q` ends what it is at, too */
	struct live_client *client = live_client_open(watch->view.url, &limits, &stop, &e);
	struct watch_poll *poll = client ? watch_poll_start(client, &stop, watch->interval_ns, &e) : NULL;

	if (poll && terminal_enter(&e)) {
		show(watch, poll);
		terminal_leave();
	}
	watch_poll_stop(poll);
	if (error_is_set(&e))
		return command_fail(watch->cli, "live watch", &e);
	if (watch->gone_since_ns && !*watch->cli->interrupted)
		fprintf(watch->cli->err, "residency live watch: the server is gone: %s\n", watch->trouble.text);
	return exit_code_of(watch);
}

/* ---- one screen as text, objects as lines ---- */

static bool print_once(struct live_watch *watch, struct error *e)
{
	const struct watch_shape shape = { .width = watch->cli->width,
					   .utf8 = terminal_has_utf8(),
					   .colour = watch->cli->colour };
	struct strbuf out = STRBUF_INIT;
	bool fine;

	watch->view.interval_ns = 0;
	set_view(watch);
	fine = watch_screen(&watch->view, &shape, &out, e);
	if (fine)
		fputs(strbuf_text(&out), watch->cli->out);
	strbuf_free(&out);
	return fine;
}

static bool print_object(struct live_watch *watch, const struct watch_answer *answer, struct error *e)
{
	static const char *const lacks[] = {
		[WATCH_LACKS_NOTHING] = NULL,
		[WATCH_LACKS_PROBE] = "no probe node",
		[WATCH_LACKS_ROUTE] = "its probe node is older than this tool",
		[WATCH_LACKS_PERMISSION] = "its probe node answers to its own machine only",
	};
	json_t *state = answer->now ? live_now_json(answer->now, e) : json_null();
	json_t *object = state ? json_pack("{s:s, s:I, s:b, s:s?, s:s?}", "url", watch->view.url, "asked_wall_ns",
					   (json_int_t)clock_wall_ns(), "there", answer->now != NULL, "error",
					   answer->now ? NULL : answer->error.text, "lack", lacks[answer->lack])
			       : NULL;
	char *text = NULL;

	if (object && (!answer->now || json_object_update(object, state) == 0))
		text = json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (text)
		fprintf(watch->cli->out, "%s\n", text);
	else
		error_no_memory(e);
	free(text);
	json_decref(object);
	json_decref(state);
	return text && fflush(watch->cli->out) == 0;
}

/* One object per question, until the user interrupts or the reader goes away. */
static void print_objects(struct live_watch *watch, struct live_client *client, struct error *e)
{
	struct watch_answer answer;

	while (!*watch->cli->interrupted && live_client_pause(client, (unsigned)(watch->interval_ns / NS_PER_MS), NULL)) {
		bool fine;

		watch_ask(client, &answer);
		if (*watch->cli->interrupted) {
			live_now_free(answer.now);
			break;
		}
		fine = print_object(watch, &answer, e);
		take_answer(watch, &answer);
		if (!fine)
			break;
	}
}

/* ---- the command ---- */

struct live_watch_settings {
	const char *url;
	double interval_s;
	bool once, json;
};

static bool check(int argc, char **argv, struct live_watch_settings *settings, struct error *e)
{
	if (argc > 2)
		return error_set(e, ERROR_USAGE, "one server at a time: what is \"%s\"?", argv[2]);
	settings->url = argc == 2 ? argv[1] : URL_USUAL;
	if (!(settings->interval_s >= 0.1 && settings->interval_s <= 3600))
		return error_set(e, ERROR_USAGE, "--interval is 0.1 to 3600 seconds");
	return true;
}

/* The first answer must come: a server that was never there is an error. */
static int watch_server(struct live_watch *watch, const struct live_watch_settings *settings, struct live_client *client)
{
	struct error e = ERROR_INIT;
	struct watch_answer answer;
	bool fine = true;

	watch_ask(client, &answer);
	if (*watch->cli->interrupted)
		error_set(&e, ERROR_INTERRUPTED, "interrupted");
	else if (!answer.now)
		e = answer.error;
	if (error_is_set(&e)) {
		live_now_free(answer.now);
		command_fail(watch->cli, "live watch", &e);
		if (e.kind == ERROR_ABSENT)
			fprintf(watch->cli->err, "is a ComfyUI running there? `live watch URL` names another\n");
		return error_exit_code(e.kind);
	}
	if (settings->json)
		fine = print_object(watch, &answer, &e);
	take_answer(watch, &answer);
	if (!settings->json && !settings->once && terminal_can())
		return show_screen(watch);
	if (settings->json && !settings->once && fine)
		print_objects(watch, client, &e);
	else if (!settings->json)
		print_once(watch, &e);
	return error_is_set(&e) ? command_fail(watch->cli, "live watch", &e) : exit_code_of(watch);
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct live_watch_settings settings = { .interval_s = 1 };
	const struct option options[] = {
		NUMBER_OPTION("interval", "S", "seconds between two questions (default: 1)", &settings.interval_s),
		FLAG_OPTION("once", "print one screen as text, and end; so it is where standard output is no terminal",
			    &settings.once),
		FLAG_OPTION("json", "an object a question, a line each; with --once, one", &settings.json),
	};
	struct live_watch watch = { .cli = cli };
	struct error e = ERROR_INIT;
	struct live_client *client;
	int exit_code;

	if (!command_parse(cli, &command_live_watch, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (!check(argc, argv, &settings, &e))
		return command_fail(cli, "live watch", &e);
	watch.interval_ns = clock_ns_from_seconds(settings.interval_s);
	watch.view = (struct watch_view) { .url = settings.url, .interval_ns = watch.interval_ns };
	client = live_client_open(settings.url, &limits, cli->interrupted, &e);
	if (!client)
		return command_fail(cli, "live watch", &e);
	exit_code = watch_server(&watch, &settings, client);
	live_client_close(client);
	live_now_free(watch.answer.now);
	return exit_code;
}

const struct command command_live_watch = {
	.name = "live watch",
	.summary = "which model is where now, bytes per device, and what the last actions did; like top",
	.synopsis = "[URL] [--interval S] [--once] [--json]        (URL: " URL_USUAL ")",
	.examples = "  residency live watch\n"
		    "  residency live watch http://127.0.0.1:8188 --interval 0.5\n"
		    "  residency live watch --once | grep '^!'              # models to be kept that left\n"
		    "  residency live watch --json | jq -c '.left[]'        # one object a second\n"
		    "\nkeys: q quit, space freeze, s sort (list, size, name, device), k only models to be kept\n"
		    "\nExit code: 0 as long as the server is there, 3 when it is gone. A server without the probe node tells "
		    "less;\n"
		    "what is missing is said.\n",
	.run = run,
};
