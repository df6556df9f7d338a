#include "cli/plan/plan_suggest.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan/plan_picture.h"
#include "core/base/units.h"
#include "core/plan/suggest/suggest.h"
#include "core/plan/versions.h"
#include "scenarios/placed/plan_trial.h"

#define WANTED 5u

struct suggest_settings {
	const struct plan_subject *subject;
	const struct suggest_words *words;
	struct picture picture;
	struct pass_costs costs;
	uint64_t room_bytes[DEVICE_MAX];
};

static bool read_words(struct suggest_settings *settings, struct error *e)
{
	const struct plan_subject *subject = settings->subject;
	const struct suggest_words *words = settings->words;

	if (!plan_picture_read(words->resolution, words->frames, subject->list.blocks, subject->list.count, &settings->picture,
			       &settings->costs, e))
		return false;
	if (!(words->keep_free_gb >= 0 && words->keep_free_gb < 1e6))
		return error_set(e, ERROR_USAGE, "--keep-free takes GB from 0 on");
	for (size_t i = 0; i < subject->topology->device_count; i++) {
		uint64_t kept = (uint64_t)(words->keep_free_gb * 1e9);

		settings->room_bytes[i] = subject->free_bytes[i] > kept ? subject->free_bytes[i] - kept : 0;
	}
	return true;
}

static double passes_of(const struct suggest_settings *settings)
{
	return settings->words->passes > 0 ? settings->words->passes : settings->costs.profile.passes;
}

static bool make(struct cli *cli, const struct suggest_settings *settings, struct suggestions *list, struct error *e)
{
	const struct plan_subject *subject = settings->subject;
	const struct suggest_words *words = settings->words;
	int compute = words->compute ? topology_find(subject->topology, words->compute) : -1;
	struct plan_trial_request trial_request = { .topology = subject->topology,
						    .free_bytes = subject->free_bytes,
						    .blocks = subject->list.blocks,
						    .costs = &settings->costs,
						    .passes = words->passes,
						    .resident_seconds = words->resident_seconds,
						    .converts_at_source = !words->convert_at_target,
						    .interrupted = cli->interrupted };
	struct plan_trial *trial;
	struct suggest_runner runner;
	struct suggest_request request = { .rules = subject->rules,
					   .topology = subject->topology,
					   .blocks = subject->list.blocks,
					   .block_count = subject->list.count,
					   .is_clip = subject->is_clip,
					   .room_bytes = settings->room_bytes,
					   .compute = compute,
					   .profile = &settings->costs.profile,
					   .passes = words->passes,
					   .resident_seconds = words->resident_seconds,
					   .converts_at_source = !words->convert_at_target,
					   .runner = &runner,
					   .wanted = WANTED };
	bool fine;

	if (words->compute && compute < 0)
		return error_set(e, ERROR_ABSENT, "topology %s has no device \"%.40s\" to compute on", subject->topology->name,
				 words->compute);
	trial = plan_trial_new(&trial_request, e);
	if (!trial)
		return false;
	runner = plan_trial_runner(trial);
	fine = suggest(&request, list, e);
	plan_trial_free(trial);
	return fine;
}

/* ---- for people ---- */

static void show_seconds(const struct suggest_settings *settings, const struct suggestion *suggestion, FILE *out)
{
	const struct model_profile *profile = &settings->costs.profile;
	long long steps = (long long)settings->words->steps;

	if (isnan(suggestion->seconds))
		fprintf(out, "+%.3f %s for copies", suggestion->copy_seconds, plan_picture_unit(profile));
	else if (profile->is_text)
		fprintf(out, "%.3g %s", suggestion->seconds, plan_picture_unit(profile));
	else
		fprintf(out, "%.3f %s, %.1f s for %lld steps", suggestion->seconds, plan_picture_unit(profile),
			suggestion->seconds * (double)steps, steps);
	if (!isnan(suggestion->seconds) && suggestion->copy_seconds > 0)
		fprintf(out, "; copies %.3f", suggestion->copy_seconds);
	fprintf(out, " (simulated)\n");
}

static void show_devices(const struct suggest_settings *settings, const struct suggestion *suggestion, FILE *out)
{
	const struct topology *topology = settings->subject->topology;
	const char *separator = "";
	char text[UNITS_TEXT_MAX];

	for (size_t i = 0; i < topology->device_count; i++) {
		if (suggestion->load.bytes_on[i] == 0)
			continue;
		fprintf(out, "%s%s %s", separator, topology->devices[i].name, units_bytes(suggestion->load.bytes_on[i], text));
		separator = ", ";
	}
	fprintf(out, "; %zu run%s\n", suggestion->runs, suggestion->runs == 1 ? "" : "s");
}

static void show_one(const struct suggest_settings *settings, size_t rank, const struct suggestion *suggestion, FILE *out)
{
	fprintf(out, "%2zu  ", rank);
	show_seconds(settings, suggestion, out);
	if (suggestion->allocation[0])
		fprintf(out, "    %s\n", suggestion->allocation);
	else
		fputs("    (empty: DisTorch off, nothing needs to leave)\n", out);
	fprintf(out, "    compute_device %s  virtual_vram_gb %.1f  donor_device %s  expert \"%s\"\n    ",
		settings->subject->topology->devices[suggestion->compute].name, suggestion->virtual_vram_gb, suggestion->donors,
		suggestion->expert);
	show_devices(settings, suggestion, out);
}

static void show(const struct suggest_settings *settings, const struct suggestions *list, FILE *out)
{
	const struct plan_subject *subject = settings->subject;
	const struct model_profile *profile = &settings->costs.profile;
	uint64_t total = 0;
	char size[UNITS_TEXT_MAX];

	for (size_t i = 0; i < subject->list.count; i++)
		total += subject->list.blocks[i].size_bytes == PLAN_NO_SIZE ? 0 : subject->list.blocks[i].size_bytes;
	fprintf(out, "%s: %s, family %s, on %s by %s\n", subject->source, units_bytes(total, size), profile->family,
		subject->topology->name, subject->rules->name);
	plan_picture_show(&settings->picture, profile, out);
	if (!profile->is_text)
		fprintf(out, ", %.3g pass%s an iteration", passes_of(settings), passes_of(settings) == 1 ? "" : "es");
	fprintf(out, ", %.3g GB kept free on each device\n\n", settings->words->keep_free_gb);
	for (size_t i = 0; i < list->count; i++)
		show_one(settings, i + 1, &list->items[i], out);
}

/* ---- JSON ---- */

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *one_to_json(const struct suggest_settings *settings, const struct suggestion *suggestion)
{
	const struct topology *topology = settings->subject->topology;
	json_t *bytes = json_object();

	for (size_t i = 0; i < topology->device_count; i++)
		json_object_set_new(bytes, topology->devices[i].name, json_integer((json_int_t)suggestion->load.bytes_on[i]));
	return json_pack("{s:s, s:{s:s, s:f, s:s, s:s}, s:o, s:s, s:o, s:f, s:f, s:I, s:o}", "allocation",
			 suggestion->allocation, "inputs", "compute_device", topology->devices[suggestion->compute].name,
			 "virtual_vram_gb", suggestion->virtual_vram_gb, "donor_device", suggestion->donors,
			 "expert_mode_allocations", suggestion->expert, "seconds_per_iteration", number(suggestion->seconds),
			 "source", suggestion->was_run ? "simulated" : "formula", "predicted_seconds",
			 number(suggestion->prediction.seconds), "copy_seconds", suggestion->copy_seconds, "conversion_seconds",
			 suggestion->prediction.conversion_seconds, "runs", (json_int_t)suggestion->runs, "bytes", bytes);
}

static bool show_json(const struct suggest_settings *settings, const struct suggestions *list, FILE *out, struct error *e)
{
	const struct plan_subject *subject = settings->subject;
	json_t *items = json_array();
	json_t *whole;

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(items, one_to_json(settings, &list->items[i]));
	whole = json_pack("{s:i, s:s, s:s, s:s, s:s, s:f, s:f, s:I, s:o}", "schema", 1, "source", subject->source, "topology",
			  subject->topology->name, "planner", subject->rules->name, "family", settings->costs.profile.family,
			  "passes", passes_of(settings), "keep_free_gb", settings->words->keep_free_gb, "steps",
			  (json_int_t)settings->words->steps, "suggestions", items);
	if (!whole)
		return error_no_memory(e);
	json_dumpf(whole, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(whole);
	return true;
}

bool plan_suggest(struct cli *cli, const struct plan_subject *subject, const struct suggest_words *words, struct error *e)
{
	struct suggest_settings settings = { .subject = subject, .words = words };
	struct suggestions list = { .items = NULL };
	bool fine = read_words(&settings, e) && make(cli, &settings, &list, e);

	if (fine && words->json)
		fine = show_json(&settings, &list, cli->out, e);
	else if (fine)
		show(&settings, &list, cli->out);
	suggest_free(&list);
	costs_free(&settings.costs);
	return fine;
}
