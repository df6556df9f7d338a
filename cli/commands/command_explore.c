#include <jansson.h>
#include <string.h>

#include "cli/axes.h"
#include "cli/choices.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/find/topology_find.h"
#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "core/manager/policy.h"
#include "scenarios/explore/explore.h"

#define STEPS_BY_DEFAULT 100000
#define LENGTH_BY_DEFAULT 12

struct explore_settings {
	const char *policies;
	struct axis_lists axes;
	const char *backend, *topology, *out, *store;
	struct option_seed seed;
	int64_t steps, sequences, length;
	bool whole_length, all, json;
};

struct explore_state {
	struct cli *cli;
	const struct explore_settings *settings;
	struct progress progress;
	struct recording recording;
	struct error fault; /* of writing a scenario */
};

/* ---- what is told while it runs ---- */

/* The scenario's file; "" without --out. */
static void name_file(const struct explore_settings *settings, const struct explored *explored, struct strbuf *path)
{
	if (settings->out)
		strbuf_printf(path, "%s/%s.json", settings->out, explored->name);
}

static bool write_scenario(struct explore_state *state, const struct explored *explored)
{
	struct strbuf path = STRBUF_INIT;
	bool fine = true;

	name_file(state->settings, explored, &path);
	if (!strbuf_ok(&path))
		fine = error_no_memory(&state->fault);
	else if (state->settings->out)
		fine = file_write_whole(strbuf_text(&path), explored->text, strlen(explored->text), &state->fault);
	strbuf_free(&path);
	return fine;
}

static void print_head(const struct explore_state *state)
{
	fprintf(state->cli->out, "%-11s  %-15s  %-19s  %8s  %s\n", "policy", "invariant", "cause", "found",
		"shortest sequence");
}

static void print_row(const struct explore_state *state, const struct explored *explored)
{
	struct strbuf path = STRBUF_INIT;

	fprintf(state->cli->out, "%-11s  %-15s  %-19s  %8llu  %s\n", explored->policy->name,
		explore_invariant_name(explored->failure.invariant), explored->failure.cause,
		(unsigned long long)explored->after, explored->line);
	name_file(state->settings, explored, &path);
	if (state->settings->out)
		fprintf(state->cli->out, "%-61s%s\n", "", strbuf_text(&path));
	strbuf_free(&path);
	fflush(state->cli->out);
}

static bool found(void *context, const struct explored *explored)
{
	struct explore_state *state = context;

	progress_end(&state->progress);
	if (!explored->confirmed)
		fprintf(state->cli->err,
			"residency explore: %s: a judge does not say so; please report this with its scenario\n",
			explored->name);
	if (!state->settings->json)
		print_row(state, explored);
	return write_scenario(state, explored);
}

static bool ran(void *context, uint64_t steps)
{
	struct explore_state *state = context;

	progress_update(&state->progress, steps);
	return run_is_fine(&state->recording);
}

/* ---- what is told at the end ---- */

static json_t *failure_value(const struct explore_settings *settings, const struct explored *explored)
{
	struct strbuf path = STRBUF_INIT;
	json_t *scenario = json_parse(explored->text, strlen(explored->text), "scenario", true, NULL);
	json_t *value;

	name_file(settings, explored, &path);
	value = json_pack("{ss ss ss ss ss ss sI si sb ss so}", "policy", explored->policy->name, "invariant",
			  explore_invariant_name(explored->failure.invariant), "cause", explored->failure.cause, "model",
			  explored->failure.model, "stage", explored->failure.stage, "sequence", explored->line, "found_after",
			  (json_int_t)explored->after, "actions", (int)explored->sequence.step_count, "confirmed",
			  explored->confirmed, "file", strbuf_text(&path), "scenario", scenario);
	strbuf_free(&path);
	return value;
}

static void print_json(const struct explore_state *state, const struct explore_result *result)
{
	json_t *failures = json_array();
	json_t *value;

	for (size_t i = 0; i < result->count; i++)
		json_array_append_new(failures, failure_value(state->settings, &result->items[i]));
	value = json_pack("{si sI sI sI sI sI sb so}", "schema", 1, "sequences", (json_int_t)result->sequences, "steps",
			  (json_int_t)result->steps, "failing_sequences", (json_int_t)result->failing, "cut_sequences",
			  (json_int_t)result->cut, "shrink_runs", (json_int_t)result->shrink_runs, "stopped",
			  result->was_stopped, "failures", failures);
	if (value)
		json_write(value, state->cli->out, JSON_COMPACT);
	fputc('\n', state->cli->out);
	json_decref(value);
}

static void print_end(const struct explore_state *state, const struct explore_result *result)
{
	if (state->settings->json) {
		print_json(state, result);
		return;
	}
	fprintf(state->cli->out, "%s%zu distinct failures in %llu sequences, %llu actions%s\n", result->count ? "\n" : "",
		result->count, (unsigned long long)result->sequences, (unsigned long long)result->steps,
		result->was_stopped ? "; stopped before all was explored" : "");
}

static void print_speed(const struct explore_state *state, const struct explore_result *result, uint64_t started_ns)
{
	double seconds = (double)(clock_now_ns() - started_ns) / 1e9;

	fprintf(state->cli->err, "%llu steps in %.3f s, %.0f a second", (unsigned long long)result->steps, seconds,
		(double)result->steps / seconds);
	if (result->failing)
		fprintf(state->cli->err, "; %llu of %llu sequences failed; %llu candidates tried in shrinking",
			(unsigned long long)result->failing, (unsigned long long)result->sequences,
			(unsigned long long)result->shrink_runs);
	if (result->cut)
		fprintf(state->cli->err, "; %llu ended early, a prompt not running to its end",
			(unsigned long long)result->cut);
	fputc('\n', state->cli->err);
}

static int fail_as_interrupted(struct cli *cli, const struct explore_result *result)
{
	struct error e = ERROR_INIT;

	error_set(&e, ERROR_INTERRUPTED, "interrupted after %llu sequences; a whole run may find more",
		  (unsigned long long)result->sequences);
	return command_fail(cli, "explore", &e);
}

/* ---- the command ---- */

static bool explore_all(struct explore_state *state, const struct explore *explore, uint64_t chosen,
			struct explore_result *result, struct error *e)
{
	for (size_t i = 0; policies[i] && !result->was_stopped; i++) {
		if (choice_is_set(chosen, i) && !explore_policy(explore, policies[i], result, e))
			return false;
	}
	return !error_is_set(&state->fault) || error_set(e, state->fault.kind, "%s", state->fault.text);
}

static int run_explore(struct cli *cli, const struct explore_settings *settings, uint64_t chosen, struct explore *explore,
		       const struct topology *topology, const struct backend *backend)
{
	struct run_environment environment;
	struct explore_state state = { .cli = cli, .settings = settings };
	struct explore_result result = { .count = 0 };
	struct error e = ERROR_INIT;
	uint64_t started_ns = clock_now_ns();
	uint64_t most = explore->steps_most * (uint64_t)__builtin_popcountll(chosen);
	int exit_code;

	explore->subject = subject_engine_open(topology, backend, NULL, cli->interrupted, &e);
	if (explore->subject)
		environment = run_environment_of(explore->subject, topology, backend);
	if (!explore->subject || (settings->out && !file_make_folder(settings->out, &e)) ||
	    !command_open_run(cli, settings->store, !backend->bytes_exist, &environment, &state.recording, &e)) {
		subject_close(explore->subject);
		return command_fail(cli, "explore", &e);
	}
	explore->sink = &state.recording.sink;
	explore->context = &state;
	if (!settings->json)
		print_head(&state);
	progress_begin(&state.progress, cli, "steps", settings->sequences ? 0 : most);
	if (explore_all(&state, explore, chosen, &result, &e) || e.kind == ERROR_INTERRUPTED)
		exit_code = result.count ? 1 : 0;
	else
		exit_code = command_fail(cli, "explore", &e);
	progress_end(&state.progress);
	print_end(&state, &result);
	print_speed(&state, &result, started_ns);
	if (result.was_stopped && *cli->interrupted)
		exit_code = fail_as_interrupted(cli, &result);
	explore_result_free(&result);
	subject_close(explore->subject);
	return command_close_run(cli, "explore", &state.recording, exit_code);
}

static bool choose_space(const struct explore_settings *settings, struct explore_space *space, uint64_t *chosen,
			 struct error *e)
{
	struct matrix_axes axes = matrix_axes_default();

	if (settings->length < 1 || settings->length > 1000000)
		return error_set(e, ERROR_USAGE, "--length is 1 to 1000000 actions");
	space->length = (size_t)settings->length;
	space->whole_length = settings->whole_length;
	if (!axes_choose_one("policy", settings->policies, CELL_AXIS_POLICY, &axes, e) ||
	    !axes_choose(&settings->axes, &axes, e))
		return false;
	*chosen = axes.policies;
	space->caches = axes.caches;
	space->device_modes = axes.device_modes;
	space->node_flags = axes.node_flags;
	return true;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct explore_settings settings = { .policies = "strict",
					     .axes.lists = { [CELL_AXIS_CACHE] = "classic,lru",
							     [CELL_AXIS_DEVICE_MODE] = "all",
							     [CELL_AXIS_NODE_FLAGS] = "all" },
					     .backend = "sim",
					     .topology = "2x3090-nvlink",
					     .seed = { .value = 1 },
					     .length = LENGTH_BY_DEFAULT };
	const struct option options[] = {
		TEXT_OPTION("policy", "LIST", "policies to explore (default: strict)", &settings.policies),
		SEED_OPTION("seed", "N", "the same seed finds the same (default: 1)", &settings.seed),
		INTEGER_OPTION("steps", "N", "actions in all under each policy (default: 100000)", &settings.steps),
		INTEGER_OPTION("sequences", "N", "sequences under each policy, instead", &settings.sequences),
		INTEGER_OPTION("length", "N", "actions in a sequence, at most (default: 12)", &settings.length),
		FLAG_OPTION("whole", "all sequences have that length", &settings.whole_length),
		FLAG_OPTION("all", "go on after a policy's first failure, for each distinct one", &settings.all),
		FLAG_OPTION("keep-going", "the same", &settings.all),
		AXIS_OPTION(CELL_AXIS_CACHE, "executor caches: classic, lru, ram, none (default: classic,lru)", &settings.axes),
		AXIS_OPTION(CELL_AXIS_DEVICE_MODE, "split, same (default: both)", &settings.axes),
		AXIS_OPTION(CELL_AXIS_NODE_FLAGS, "real, suppressed (default: both)", &settings.axes),
		TEXT_OPTION("backend", "NAME", "sim or host (default: sim)", &settings.backend),
		TEXT_OPTION("topology", "NAME|FILE", "devices and links (default: 2x3090-nvlink)", &settings.topology),
		TEXT_OPTION("out", "DIR", "where the scenarios go that were found; none are written without it", &settings.out),
		TEXT_OPTION("store", "FILE|none", "where records of what was found go", &settings.store),
		FLAG_OPTION("json", "print one JSON object", &settings.json),
	};
	struct explore explore = { .found = found, .ran = ran, .interrupted = cli->interrupted };
	struct error e = ERROR_INIT;
	const struct backend *backend;
	struct topology *topology;
	uint64_t chosen = 0;
	int exit_code;

	if (!command_parse(cli, &command_explore, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc > 1)
		error_set(&e, ERROR_USAGE, "\"%s\" is not understood; everything is an option here", argv[1]);
	if (error_is_set(&e) || !choose_space(&settings, &explore.space, &chosen, &e))
		return command_fail(cli, "explore", &e);
	explore.seed = settings.seed.value;
	explore.steps_most = (uint64_t)(settings.steps || settings.sequences ? settings.steps : STEPS_BY_DEFAULT);
	explore.sequences_most = (uint64_t)settings.sequences;
	explore.go_on = settings.all;
	backend = topology_find_backend(settings.backend, &e);
	topology = backend ? topology_find_named(settings.topology, &e) : NULL;
	if (!topology)
		return command_fail(cli, "explore", &e);
	exit_code = run_explore(cli, &settings, chosen, &explore, topology, backend);
	topology_free(topology);
	return exit_code;
}

const struct command command_explore = {
	.name = "explore",
	.summary = "random sequences of everything that happens to models; a failure is cut down to its shortest form",
	.synopsis = "[options]",
	.examples = "  residency explore\n"
		    "  residency explore --policy delegate,anchors --all --out found && residency replay found/*.json\n"
		    "  residency explore --policy strict --steps 1000000 --caches all --store none\n"
		    "  residency explore --sequences 1 --length 30000 --whole --caches classic --store none\n",
	.run = run,
};
