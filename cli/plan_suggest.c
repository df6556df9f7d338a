#include "cli/plan_suggest.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/units.h"
#include "core/plan/suggest.h"
#include "scenarios/plan_trial.h"

#define WANTED 5u
#define VIDEO_FRAMES 81u

struct asked {
	const struct plan_subject *subject;
	const struct suggest_words *words;
	struct picture picture;
	struct model_profile profile;
	uint64_t room_bytes[DEVICE_MAX];
};

static bool read_resolution(const char *text, struct picture *picture, struct error *e)
{
	char *end;
	unsigned long width = strtoul(text, &end, 10);
	unsigned long height = width;

	if (end != text && *end == 'x')
		height = strtoul(end + 1, &end, 10);
	if (*end || width < 16 || height < 16 || width > 16384 || height > 16384)
		return error_set(e, ERROR_USAGE,
				 "--resolution takes pixels from 16 to 16384, such as 1024 or 1280x720, not \"%.40s\"", text);
	picture->width = (unsigned)width;
	picture->height = (unsigned)height;
	return true;
}

static bool read_words(struct asked *asked, struct error *e)
{
	const struct plan_subject *subject = asked->subject;
	const struct suggest_words *words = asked->words;

	asked->picture.frames = words->frames > 0 && words->frames < 100000 ? (unsigned)words->frames : 1;
	if (!read_resolution(words->resolution, &asked->picture, e))
		return false;
	if (!(words->keep_free_gb >= 0 && words->keep_free_gb < 1e6))
		return error_set(e, ERROR_USAGE, "--keep-free takes GB from 0 on");
	if (!(words->passes >= 0 && words->passes <= 1000))
		return error_set(e, ERROR_USAGE, "--passes takes a number from 1 on");
	asked->profile = profile_model(subject->list.blocks, subject->list.count, &asked->picture);
	if (asked->profile.is_video && words->frames == 0) {
		asked->picture.frames = VIDEO_FRAMES;
		asked->profile = profile_model(subject->list.blocks, subject->list.count, &asked->picture);
	}
	for (size_t i = 0; i < subject->topology->device_count; i++) {
		uint64_t kept = (uint64_t)(words->keep_free_gb * 1e9);

		asked->room_bytes[i] = subject->free_bytes[i] > kept ? subject->free_bytes[i] - kept : 0;
	}
	return true;
}

static bool make(struct cli *cli, const struct asked *asked, struct suggestions *list, struct error *e)
{
	const struct plan_subject *subject = asked->subject;
	int compute = asked->words->compute ? topology_find(subject->topology, asked->words->compute) : -1;
	struct plan_trial *trial;
	struct suggest_runner runner;
	struct suggest_request request = { .rules = subject->rules,
					   .topology = subject->topology,
					   .blocks = subject->list.blocks,
					   .block_count = subject->list.count,
					   .is_clip = subject->is_clip,
					   .room_bytes = asked->room_bytes,
					   .compute = compute,
					   .profile = &asked->profile,
					   .passes = asked->words->passes,
					   .resident_seconds = asked->words->resident_seconds,
					   .converts_at_source = !asked->words->convert_at_target,
					   .wanted = WANTED };
	bool fine;

	if (asked->words->compute && compute < 0)
		return error_set(e, ERROR_ABSENT, "topology %s has no device \"%.40s\" to compute on", subject->topology->name,
				 asked->words->compute);
	trial = plan_trial_new(subject->topology, subject->free_bytes, subject->list.blocks, subject->list.count,
			       &asked->picture, cli->interrupted, e);
	if (!trial)
		return false;
	runner = plan_trial_runner(trial);
	/* A measured time, or another number of passes, is not what would be run. */
	if (isnan(asked->words->resident_seconds) && !(asked->words->passes > 0))
		request.runner = &runner;
	fine = suggest(&request, list, e);
	plan_trial_free(trial);
	return fine;
}

/* ---- for people ---- */

static void show_seconds(const struct suggestion *suggestion, int64_t steps, FILE *out)
{
	if (isnan(suggestion->seconds))
		fprintf(out, "+%.3f s/it", suggestion->prediction.copy_seconds);
	else
		fprintf(out, "%.3f s/it, %.1f s for %lld steps", suggestion->seconds, suggestion->seconds * (double)steps,
			(long long)steps);
}

static void show_devices(const struct asked *asked, const struct suggestion *suggestion, FILE *out)
{
	const struct topology *topology = asked->subject->topology;
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

static void show_one(const struct asked *asked, size_t rank, const struct suggestion *suggestion, FILE *out)
{
	fprintf(out, "%2zu  ", rank);
	show_seconds(suggestion, asked->words->steps, out);
	fprintf(out, "%s\n", suggestion->was_run ? "" : isnan(suggestion->seconds) ? " for copies" : " (estimated)");
	if (suggestion->allocation[0])
		fprintf(out, "    %s\n", suggestion->allocation);
	else
		fputs("    (empty: DisTorch off, nothing needs to leave)\n", out);
	fprintf(out, "    compute_device %s  virtual_vram_gb %.1f  donor_device %s  expert \"%s\"\n    ",
		asked->subject->topology->devices[suggestion->compute].name, suggestion->virtual_vram_gb, suggestion->donors,
		suggestion->expert);
	show_devices(asked, suggestion, out);
}

static void show(const struct asked *asked, const struct suggestions *list, FILE *out)
{
	const struct plan_subject *subject = asked->subject;
	const struct model_profile *profile = &asked->profile;
	uint64_t total = 0;
	char size[UNITS_TEXT_MAX];

	for (size_t i = 0; i < subject->list.count; i++)
		total += subject->list.blocks[i].size_bytes == PLAN_NO_SIZE ? 0 : subject->list.blocks[i].size_bytes;
	fprintf(out, "%s: %s, family %s, on %s by %s\n", subject->source, units_bytes(total, size), profile->family,
		subject->topology->name, subject->rules->name);
	fprintf(out, "%ux%u", asked->picture.width, asked->picture.height);
	if (asked->picture.frames > 1)
		fprintf(out, ", %u frames", asked->picture.frames);
	fprintf(out, ", %.3g pass%s an iteration, %.3g GB kept free on each device\n\n",
		asked->words->passes > 0 ? asked->words->passes : profile->passes,
		(asked->words->passes > 0 ? asked->words->passes : profile->passes) == 1 ? "" : "es",
		asked->words->keep_free_gb);
	for (size_t i = 0; i < list->count; i++)
		show_one(asked, i + 1, &list->items[i], out);
}

/* ---- JSON ---- */

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *one_to_json(const struct asked *asked, const struct suggestion *suggestion)
{
	const struct topology *topology = asked->subject->topology;
	json_t *bytes = json_object();

	for (size_t i = 0; i < topology->device_count; i++)
		json_object_set_new(bytes, topology->devices[i].name, json_integer((json_int_t)suggestion->load.bytes_on[i]));
	return json_pack("{s:s, s:{s:s, s:f, s:s, s:s}, s:o, s:s, s:o, s:f, s:f, s:I, s:o}", "allocation",
			 suggestion->allocation, "inputs", "compute_device", topology->devices[suggestion->compute].name,
			 "virtual_vram_gb", suggestion->virtual_vram_gb, "donor_device", suggestion->donors,
			 "expert_mode_allocations", suggestion->expert, "seconds_per_iteration", number(suggestion->seconds),
			 "source", suggestion->was_run ? "simulated" : "formula", "predicted_seconds",
			 number(suggestion->prediction.seconds), "copy_seconds", suggestion->prediction.copy_seconds,
			 "conversion_seconds", suggestion->prediction.conversion_seconds, "runs", (json_int_t)suggestion->runs,
			 "bytes", bytes);
}

static bool show_json(const struct asked *asked, const struct suggestions *list, FILE *out, struct error *e)
{
	const struct plan_subject *subject = asked->subject;
	json_t *items = json_array();
	json_t *whole;

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(items, one_to_json(asked, &list->items[i]));
	whole = json_pack("{s:i, s:s, s:s, s:s, s:s, s:f, s:f, s:I, s:o}", "schema", 1, "source", subject->source, "topology",
			  subject->topology->name, "planner", subject->rules->name, "family", asked->profile.family, "passes",
			  asked->words->passes > 0 ? asked->words->passes : asked->profile.passes, "keep_free_gb",
			  asked->words->keep_free_gb, "steps", (json_int_t)asked->words->steps, "suggestions", items);
	if (!whole)
		return error_no_memory(e);
	json_dumpf(whole, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(whole);
	return true;
}

bool plan_suggest(struct cli *cli, const struct plan_subject *subject, const struct suggest_words *words, struct error *e)
{
	struct asked asked = { .subject = subject, .words = words };
	struct suggestions list = { .items = NULL };
	bool fine = read_words(&asked, e) && make(cli, &asked, &list, e);

	if (fine && words->json)
		fine = show_json(&asked, &list, cli->out, e);
	else if (fine)
		show(&asked, &list, cli->out);
	suggestions_free(&list);
	return fine;
}
