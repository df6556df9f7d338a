#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/print/replay_input.h"
#include "cli/print/replay_names.h"
#include "cli/print/replay_print.h"
#include "cli/find/subject_find.h"
#include "cli/find/topology_find.h"
#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/string.h"
#include "core/manager/policy.h"
#include "core/workflow/library/model_library.h"
#include "scenarios/run/cell_run.h"
#include "scenarios/subject/subject_comfyui.h"

struct replay_settings {
	const char *expect, *subject, *backend, *topology, *matrix, *models, *out, *free, *store;
	int64_t prompts;
	struct option_seed seed;
	bool verify, json, deep;
};

/* The requests that may follow the last prompt. */
static const struct {
	const char *name;
	const char *body; /* NULL: none */
} frees[] = {
	{ .name = "both", .body = "{\"unload_models\":true,\"free_memory\":true}" },
	{ .name = "unload", .body = "{\"unload_models\":true}" },
	{ .name = "free", .body = "{\"free_memory\":true}" },
	{ .name = "none", .body = NULL },
};

/* What one invocation works with. */
struct replay_state {
	struct cli *cli;
	const struct replay_settings *settings;
	const struct policy *policy; /* of --subject; NULL: not said */
	const char *free_name;
	json_t *free_body;
	const struct topology *topology;
	struct subject *subject;
	bool is_live; /* it is a server, not the engine */
	struct judge *judge;
	struct recording recording;
	struct model_library library;
	struct replay_names names;
	struct model_naming naming;
	struct catalog catalog;
	struct bulk_watcher watcher;
	struct progress loading; /* of a file, while is_loading */
	bool is_loading;
	struct subject_setup setup; /* of the cell under way */
	uint32_t cell; /* the last one */
	json_t *list; /* of results, for --json */
	char *expect; /* --expect, cut into pieces: the hashes below point into it */
	const char **expected; /* hashes that the images of the run under way should have */
	size_t expected_count, expected_capacity;
	struct verdict_tally tally; /* the exit code, where no error sets it */
	int exit_code; /* of an error or an interrupt; 0: none */
};

static bool read_subject(const char *text, const struct policy **policy, struct error *e)
{
	const char *name = strncmp(text, "engine:", 7) == 0 ? text + 7 : NULL;

	if (strcmp(text, "engine") == 0)
		name = "strict";
	if (!name)
		return error_set(e, ERROR_USAGE, "--subject is engine:POLICY or comfyui=URL, not \"%.60s\"", text);
	*policy = policy_find(name);
	if (*policy)
		return true;
	error_set(e, ERROR_USAGE, "there is no policy \"%.40s\"; `residency policies` lists them", name);
	return policy_suggest(name, e);
}

static bool read_free(const char *name, json_t **body, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(frees); i++) {
		if (strcmp(frees[i].name, name) != 0)
			continue;
		*body = frees[i].body ? json_parse(frees[i].body, strlen(frees[i].body), "--free", false, e) : NULL;
		return *body || !frees[i].body;
	}
	return error_set(e, ERROR_USAGE, "--free is both, unload, free or none, not \"%.40s\"", name);
}

/* Where a scenario says nothing, and for a workflow, it is as on the command line. */
static void set_up(struct replay_state *state, const struct flow *flow)
{
	const struct flow_setting none = { .policy = NULL };
	const struct flow_setting *setting = flow ? &flow->setting : &none;

	state->setup = (struct subject_setup) { .cell = ++state->cell,
						.policy = state->policy,
						.cache = setting->cache,
						.device_mode = setting->device_mode,
						.node_flags = setting->node_flags,
						.catalog = flow ? NULL : &state->catalog,
						.output_folder = state->settings->out,
						.record_steps = true,
						.record_transfers = true,
						.record_placement = true };
	if (state->is_live && !setting->has_cache)
		state->setup.cache = subject_comfyui_cache(state->subject);
	if (!state->policy)
		state->setup.policy = setting->policy ? setting->policy : &policy_strict;
}

static uint64_t dropped(void *context, uint32_t cell)
{
	const struct replay_state *state = context;

	return run_dropped(&state->recording, cell);
}

static bool run_one(struct replay_state *state, const struct replay_input *input, const json_t *workflow,
		    struct replay_result *result, struct replay *replay, struct error *e)
{
	set_up(state, input->flow);
	*replay = (struct replay) { .subject = state->subject,
				    .setup = &state->setup,
				    .policy = state->setup.policy,
				    .subject_name = state->subject->operations->kind,
				    .workflow_name = input->name,
				    .topology_name = state->topology->name,
				    .workflow = workflow,
				    .flow = input->flow,
				    .matrix = input->matrix,
				    .prompts = (unsigned)state->settings->prompts,
				    .free_body = state->free_body,
				    .free_name = input->flow ? "" : state->free_name,
				    .expected = state->expected,
				    .expected_count = state->expected_count,
				    .sink = &state->recording.sink,
				    .dropped = dropped,
				    .context = state };
	return replay_run(replay, state->judge, result, e);
}

static bool expect(struct replay_state *state, const char *hash, struct error *e)
{
	if (!array_reserve(&state->expected, &state->expected_capacity, state->expected_count + 1, sizeof(*state->expected), e))
		return false;
	state->expected[state->expected_count++] = hash;
	return true;
}

/* The images of the same workflow with its weights elsewhere: equal to the last bit? */
static bool verify(struct replay_state *state, const struct replay_input *input, const struct replay_result *as_written,
		   json_t *value, struct error *e)
{
	json_t *list = json_array();
	bool fine = true;

	state->expected_count = 0;
	for (size_t i = 0; fine && i < as_written->image_count; i++)
		fine = expect(state, as_written->images[i].hash, e);
	for (unsigned p = PLACEMENT_ON_COMPUTE; p < PLACEMENT_COUNT && fine; p++) {
		json_t *placed = replay_placement_apply(input->workflow, (enum placement)p);
		struct replay_result other = { .image_count = 0 };
		struct replay replay;
		bool same;

		fine = placed ? run_one(state, input, placed, &other, &replay, e) : error_no_memory(e);
		same = fine && other.image_count == as_written->image_count && !other.differs;
		if (fine && !state->settings->json)
			fprintf(state->cli->out, "  %s: %s\n", replay_placement_name((enum placement)p),
				same ? "the same bits" : "OTHER BITS");
		if (fine && !same)
			state->tally.failed++;
		json_array_append_new(
			list, json_pack("{ss sb}", "placement", replay_placement_name((enum placement)p), "same", same));
		replay_result_free(&other);
		json_decref(placed);
	}
	state->expected_count = 0; /* the next workflow has other images, and these hashes end with as_written */
	json_object_set_new(value, "placements", list);
	return fine;
}

/* A scenario that says its policy was saved for what goes wrong in it, be that something that no verdict counts. */
static bool says_finding(const struct replay_input *input, const struct judge_result *judged)
{
	if (!input->flow || !input->flow->setting.policy)
		return false;
	for (size_t i = 0; i < judged->finding_count; i++) {
		if (judge_finding_counts(judged, &judged->findings[i]))
			return true;
	}
	return false;
}

static bool replay_input(struct replay_state *state, const struct replay_input *input, struct error *e)
{
	struct replay_result result = { .image_count = 0 };
	struct replay replay;
	bool fine = run_one(state, input, input->workflow, &result, &replay, e);
	json_t *value = NULL;

	if (fine) {
		value = replay_to_json(&replay, &result);
		if (!state->settings->json)
			replay_print_text(state->cli, &replay, &result);
		if (result.differs) {
			fprintf(state->cli->err, "residency replay: %s: an image is not the one that --expect names\n",
				input->name);
			state->tally.failed++;
		}
		cell_tally_add(&state->tally, result.judged.verdict == VERDICT_PASS && says_finding(input, &result.judged)
						      ? VERDICT_FAIL
						      : result.judged.verdict);
		if (!value)
			fine = error_no_memory(e);
		else if (state->settings->verify && input->workflow)
			fine = verify(state, input, &result, value, e);
	}
	if (value)
		json_array_append_new(state->list, value);
	replay_result_free(&result);
	return fine;
}

static void print_json(const struct replay_state *state)
{
	json_t *names = replay_names_to_json(&state->names);

	fputs("{\"schema\":1,\"replays\":", state->cli->out);
	json_dumpf(state->list, state->cli->out, JSON_COMPACT);
	if (json_array_size(names)) {
		fputs(",\"by_name\":", state->cli->out);
		json_dumpf(names, state->cli->out, JSON_COMPACT);
	}
	fputs("}\n", state->cli->out);
	json_decref(names);
}

static int replay_all(struct replay_state *state, const struct replay_input *inputs, size_t count,
		      const struct topology *topology, const struct backend *backend)
{
	struct run_environment environment = run_environment_of(state->subject, topology, backend);
	struct error e = ERROR_INIT;

	if (state->settings->out && !file_make_folder(state->settings->out, &e))
		return command_fail(state->cli, "replay", &e);
	if (!command_open_run(state->cli, state->settings->store, backend && !backend->bytes_exist, &environment,
			      &state->recording, &e))
		return command_fail(state->cli, "replay", &e);
	for (size_t i = 0; i < count && !*state->cli->interrupted; i++) {
		if (replay_input(state, &inputs[i], &e))
			continue;
		state->exit_code = command_fail(state->cli, "replay", &e);
		break;
	}
	if (*state->cli->interrupted)
		state->exit_code = error_exit_code(ERROR_INTERRUPTED);
	if (state->settings->json)
		print_json(state);
	else
		replay_names_print(state->cli, &state->names);
	return command_close_run(state->cli, "replay", &state->recording,
				 state->exit_code ? state->exit_code : cell_tally_exit_code(&state->tally));
}

/* Whether an input of a loader names a model that is neither in a file nor given weights by its name. */
static bool lacks_weights(const struct model_library *library, const char *class, const char *input, const char *file)
{
	enum known_kind kind = known_kind_of_input(class, input);

	return file && known_names_file(file) && kind >= KNOWN_DIFFUSION && kind <= KNOWN_VAE &&
	       !model_library_has(library, file);
}

/* Whether the weights of every model that the workflow names are at hand. */
static bool has_weights(const struct model_library *library, json_t *workflow)
{
	const char *id, *name;
	json_t *node, *input;

	json_object_foreach(workflow, id, node)
	{
		const char *class = json_string_value(json_object_get(node, "class_type"));

		json_object_foreach(json_object_get(node, "inputs"), name, input)
		{
			if (lacks_weights(library, class ? class : "", name, json_string_value(input)))
				return false;
		}
	}
	return true;
}

/* Workflows are computed where their weights are at hand, and else simulated; scenarios have nothing to compute, and run as cells of
 * the matrix do. */
static const char *default_backend(const struct replay_state *state, const struct replay_input *inputs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!inputs[i].flow && has_weights(&state->library, inputs[i].workflow))
			return "host";
	}
	return "sim";
}

/* "HASH,HASH": of the images of the one workflow, in their order. */
static bool read_expected(struct replay_state *state, size_t input_count, struct error *e)
{
	if (!state->settings->expect)
		return true;
	if (input_count != 1 || state->settings->verify)
		return error_set(e, ERROR_USAGE,
				 "--expect goes with one workflow, and without --verify, which knows what to expect");
	state->expect = string_copy(state->settings->expect, e);
	if (!state->expect)
		return false;
	for (char *hash = state->expect; hash && *hash;) {
		char *comma = strchr(hash, ',');

		if (!expect(state, hash, e))
			return false;
		if (comma)
			*comma = '\0';
		hash = comma ? comma + 1 : NULL;
	}
	return true;
}

/* Files come one after the other; each has a line of its own. */
static void on_loading(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
	struct replay_state *state = context;

	if (!state->is_loading)
		progress_begin_bytes(&state->loading, state->cli, "loading", total_bytes);
	state->is_loading = done_bytes < total_bytes;
	progress_update(&state->loading, (size_t)done_bytes);
	if (!state->is_loading)
		progress_end(&state->loading);
}

/* The topology is the caller's to free. */
static bool open_engine(struct replay_state *state, const struct replay_input *inputs, size_t count, struct topology **topology,
			const struct backend **backend, struct error *e)
{
	const struct replay_settings *settings = state->settings;

	*backend = topology_find_backend(settings->backend ? settings->backend : default_backend(state, inputs, count), e);
	if (*backend)
		*topology = topology_find_named(settings->topology	  ? settings->topology
						: (*backend)->bytes_exist ? "host-2gpu"
									  : "2x3090-nvlink",
						e);
	if (!*topology || (settings->subject && !read_subject(settings->subject, &state->policy, e)))
		return false;
	state->topology = *topology;
	state->subject = subject_engine_open(*topology, *backend, state->cli->log, state->cli->interrupted, e);
	return state->subject != NULL;
}

static bool open_server(struct replay_state *state, struct error *e)
{
	const struct replay_settings *settings = state->settings;

	if (settings->verify || settings->expect)
		return error_set(e, ERROR_UNSUPPORTED, "a server's images are not compared: no --verify and no --expect");
	state->subject = subject_live_open(subject_live_url(settings->subject), state->cli, e);
	if (!state->subject)
		return false;
	state->is_live = true;
	subject_comfyui_ask_everybody(state->subject, settings->deep);
	state->topology = subject_comfyui_topology(state->subject);
	state->policy = subject_comfyui_policy(state->subject);
	return true;
}

static int open_and_replay(struct cli *cli, const struct replay_settings *settings, const struct replay_input *inputs,
			   size_t count)
{
	struct replay_state state = { .cli = cli, .settings = settings, .free_name = settings->free };
	const struct backend *backend = NULL;
	struct topology *topology = NULL;
	struct error e = ERROR_INIT;
	int exit_code;

	state.watcher = (struct bulk_watcher) { .progress = on_loading, .context = &state, .interrupted = cli->interrupted };
	state.naming = replay_names_naming(&state.names);
	state.library =
		(struct model_library) { .folder = settings->models, .watcher = &state.watcher, .naming = &state.naming };
	state.catalog = model_library_catalog(&state.library);
	if (!read_free(settings->free, &state.free_body, &e) || !read_expected(&state, count, &e))
		goto fail;
	if (!(subject_live_url(settings->subject) ? open_server(&state, &e)
						  : open_engine(&state, inputs, count, &topology, &backend, &e)))
		goto fail;
	state.judge = judge_new(&e);
	state.list = json_array();
	if (!state.judge || !state.list)
		goto fail;
	judge_say_losses(state.judge, cli->log);
	exit_code = replay_all(&state, inputs, count, state.topology, backend);
	goto out;
fail:
	exit_code = command_fail(cli, "replay", &e);
out:
	if (state.is_loading)
		progress_end(&state.loading);
	replay_names_free(&state.names);
	free(state.expect);
	free(state.expected);
	json_decref(state.list);
	json_decref(state.free_body);
	judge_free(state.judge);
	subject_close(state.subject);
	topology_free(topology);
	return exit_code;
}

static int read_and_replay(struct cli *cli, const struct replay_settings *settings, char **names, size_t count)
{
	struct error e = ERROR_INIT;
	struct replay_input *inputs = array_new(count, sizeof(*inputs), &e);
	size_t read = 0;
	int exit_code;

	while (inputs && read < count && replay_input_read(&inputs[read], names[read], settings->matrix, &e)) {
		if (settings->seed.given)
			replay_input_set_seed(&inputs[read], settings->seed.value);
		read++;
	}
	exit_code = error_is_set(&e) ? command_fail(cli, "replay", &e) : open_and_replay(cli, settings, inputs, count);
	for (size_t i = 0; inputs && i < count; i++)
		replay_input_free(&inputs[i]);
	free(inputs);
	return exit_code;
}

static int run(struct cli *cli, int argc, char **argv)
{
	struct replay_settings settings = { .free = "both", .prompts = 1 };
	const struct option options[] = {
		TEXT_OPTION("subject", "WHICH",
			    "engine:POLICY or comfyui=URL (default: the scenario's policy, else engine:strict)",
			    &settings.subject),
		TEXT_OPTION("backend", "NAME", "host computes, sim simulates (default: host where all weights are there)",
			    &settings.backend),
		TEXT_OPTION("topology", "NAME|FILE", "devices and links (default: host-2gpu, on sim 2x3090-nvlink)",
			    &settings.topology),
		TEXT_OPTION("matrix", "NAME", "the models of a flow that carries none", &settings.matrix),
		TEXT_OPTION("models", "DIR", "where model files are; else they are simulated by name", &settings.models),
		TEXT_OPTION("out", "DIR", "where images go; none are written without it", &settings.out),
		INTEGER_OPTION("prompts", "N", "how often the workflow is run (default: 1)", &settings.prompts),
		TEXT_OPTION("free", "WHICH", "the request to free after it: both, unload, free, none", &settings.free),
		SEED_OPTION("seed", "N", "in place of the workflow's seeds", &settings.seed),
		FLAG_OPTION("verify", "run it with other placements too: the image must have the same bits", &settings.verify),
		TEXT_OPTION("expect", "HASH,...", "what the images' hashes must be; another is a finding", &settings.expect),
		FLAG_OPTION("deep", "of a server: ask everybody who refers to a leaked model, not only known owners (slow)",
			    &settings.deep),
		TEXT_OPTION("store", "FILE|none", "where records go", &settings.store),
		FLAG_OPTION("json", "print one JSON object", &settings.json),
	};
	struct error e = ERROR_INIT;
	int exit_code;

	if (!command_parse(cli, &command_replay, options, ARRAY_SIZE(options), &argc, argv, &exit_code))
		return exit_code;
	if (argc < 2)
		error_set(
			&e, ERROR_USAGE,
			"which workflow or scenario? A file, or a name that `residency workflows` or `residency flows` lists");
	else if (settings.deep && !subject_live_url(settings.subject))
		error_set(&e, ERROR_USAGE, "--deep is for a server; the engine always knows who refers to a model");
	else if (settings.prompts < 1 || settings.prompts > 100000)
		error_set(&e, ERROR_USAGE, "--prompts is 1 to 100000");
	if (error_is_set(&e))
		return command_fail(cli, "replay", &e);
	return read_and_replay(cli, &settings, argv + 1, (size_t)argc - 1);
}

const struct command command_replay = {
	.name = "replay",
	.summary = "run workflows or saved scenarios: residency timeline, step times, output hash",
	.synopsis = "[options] WORKFLOW|SCENARIO...",
	.examples = "  residency replay flux-three-loaders --subject engine:delegate\n"
		    "  residency replay flux-all-kept --verify --out images\n"
		    "  residency replay flux-dev-1024 --backend sim --topology mixed\n"
		    "  residency replay my-workflow.json --subject comfyui=http://127.0.0.1:8188\n"
		    "  residency replay other-workflow --matrix abc --subject engine:anchors\n",
	.run = run,
};
