#include "cli/plan/plan_show.h"

#include <jansson.h>
#include <math.h>

#include "cli/plan/plan_picture.h"
#include "core/base/units.h"
#include "core/plan/advise/advise.h"
#include "core/plan/versions.h"

/* Bytes that may be negative, infinite or no number: an allocation string can ask for all of that. */
static const char *bytes_text(double bytes, char text[UNITS_TEXT_MAX])
{
	char magnitude[UNITS_TEXT_MAX];

	if (isnan(bytes) || fabs(bytes) >= 1e18)
		return isnan(bytes) ? "nan" : bytes < 0 ? "-inf" : "inf";
	units_bytes((uint64_t)fabs(bytes), magnitude);
	snprintf(text, UNITS_TEXT_MAX, "%s%.16s", bytes < 0 ? "-" : "", magnitude);
	return text;
}

/* Blocks of one row, or of none (PLAN_NO_DEVICE), for one reason. */
static size_t count_blocks(const struct plan *plan, uint32_t row, unsigned reason, const struct plan_block *blocks,
			   double *bytes)
{
	size_t count = 0;

	*bytes = 0;
	for (size_t i = 0; i < plan->block_count; i++) {
		uint64_t size = blocks[i].size_bytes;

		if (plan->share_of[i] != row || plan->reason_of[i] != reason)
			continue;
		count++;
		*bytes += size == PLAN_NO_SIZE ? 0 : (double)size;
	}
	return count;
}

static void show_reasons(const struct plan_shown *shown, uint32_t row, FILE *out)
{
	for (unsigned reason = 0; reason < PLAN_REASON_COUNT; reason++) {
		double bytes;
		size_t count = count_blocks(shown->plan, row, reason, shown->request->blocks, &bytes);
		char text[UNITS_TEXT_MAX];

		if (count)
			fprintf(out, "    %6zu blocks %10s  %s\n", count, bytes_text(bytes, text),
				plan_reason_words((enum plan_reason)reason));
	}
}

static void show_row(const struct plan_shown *shown, uint32_t row, FILE *out)
{
	const struct plan_share *share = &shown->plan->shares[row];
	char quota[UNITS_TEXT_MAX];
	char used[UNITS_TEXT_MAX];
	char left[UNITS_TEXT_MAX];
	char total[UNITS_TEXT_MAX];

	fprintf(out, "%-10s %6llu blocks %10s  quota %s (%.4g of %s), %s left%s\n", share->name,
		(unsigned long long)share->block_count, bytes_text(share->block_bytes, used),
		bytes_text(share->quota_bytes, quota), share->fraction, bytes_text(share->total_bytes, total),
		bytes_text(share->left_bytes, left), row == shown->plan->compute_share ? "; computes" : "");
	show_reasons(shown, row, out);
}

/* What upstream does not say, or says only in its log. */
static void show_warnings(const struct plan_shown *shown, FILE *out)
{
	const struct plan *plan = shown->plan;

	for (size_t i = 0; i < plan->share_count; i++) {
		const struct plan_share *share = &plan->shares[i];
		char text[UNITS_TEXT_MAX];
		char total[UNITS_TEXT_MAX];

		if (advise_row_overflows(share))
			fprintf(out, "warning: %s does not fit on %s, which has %s: move more of it away\n",
				bytes_text(share->block_bytes, text), share->name, bytes_text(share->total_bytes, total));
		if (advise_row_has_no_limit(share))
			fprintf(out, "warning: the quota of %s is %.4g of its memory; nothing limits it\n", share->name,
				share->fraction);
	}
}

static const char *device_name_of(const struct plan *plan, size_t block)
{
	return plan->share_of[block] == PLAN_NO_DEVICE ? "-" : plan->shares[plan->share_of[block]].name;
}

/* "cuda:0", or where a block goes that the plan leaves to the loader. */
static void show_block(const struct plan_shown *shown, size_t i, FILE *out)
{
	const struct plan *plan = shown->plan;
	const struct plan_block *block = &shown->request->blocks[i];
	double size = block->size_bytes == PLAN_NO_SIZE ? 0 : (double)block->size_bytes;
	char text[UNITS_TEXT_MAX];

	fprintf(out, "%6zu  %-8s %9s %8.2f  %-8s  %s (%s)\n", i, device_name_of(plan, i), bytes_text(size, text),
		shown->outlook->block_copy_seconds[i] * 1000, plan_reason_name((enum plan_reason)plan->reason_of[i]),
		block->name, shown->list->types[block->type]);
}

static void show_legend(const struct plan *plan, FILE *out)
{
	bool used[PLAN_REASON_COUNT] = { false };

	for (size_t i = 0; i < plan->block_count; i++)
		used[plan->reason_of[i]] = true;
	fputs("\nreasons\n", out);
	for (unsigned reason = 0; reason < PLAN_REASON_COUNT; reason++) {
		if (used[reason])
			fprintf(out, "  %-8s  %s\n", plan_reason_name((enum plan_reason)reason),
				plan_reason_words((enum plan_reason)reason));
	}
}

static void show_blocks(const struct plan_shown *shown, FILE *out)
{
	fputs("\nblock by block, as the model registers them; what its copies take of an iteration\n", out);
	fprintf(out, "%6s  %-8s %9s %8s  %-8s  %s\n", "", "device", "size", "copy ms", "reason", "block (type)");
	for (size_t i = 0; i < shown->plan->block_count; i++)
		show_block(shown, i, out);
	show_legend(shown->plan, out);
}

static void show_lack(const struct plan_shown *shown, FILE *out)
{
	const struct suggest_run *run = &shown->outlook->run;
	char text[UNITS_TEXT_MAX];

	fprintf(out, "an iteration runs out of device memory: %s lacks %s at ",
		shown->topology->devices[run->short_device].name, units_bytes(run->lacking_bytes, text));
	plan_picture_show(&shown->picture, &shown->outlook->profile, out);
}

static void show_outlook(const struct plan_shown *shown, FILE *out)
{
	const struct plan_outlook *outlook = shown->outlook;
	const char *unit = plan_picture_unit(&outlook->profile);

	fprintf(out, "\n%zu run%s of consecutive blocks; ", outlook->runs, outlook->runs == 1 ? "" : "s");
	if (error_is_set(&outlook->refusal)) {
		fprintf(out, "it cannot run: %s", outlook->refusal.text);
	} else if (!outlook->run.fits) {
		show_lack(shown, out);
	} else if (isnan(outlook->run.seconds)) {
		fprintf(out, "copies take %.3g %s, simulated", outlook->run.copy_seconds, unit);
	} else {
		fprintf(out, "%.4g %s", outlook->run.seconds, unit);
		if (!outlook->profile.is_text) {
			fputs(" at ", out);
			plan_picture_show(&shown->picture, &outlook->profile, out);
		}
		fprintf(out, ", simulated, of which copies %.3g s", outlook->run.copy_seconds);
	}
	fputc('\n', out);
}

void plan_show(const struct plan_shown *shown, bool every_block, FILE *out)
{
	const struct plan *plan = shown->plan;
	char text[UNITS_TEXT_MAX];

	fprintf(out, "%s: %zu blocks, %s, on %s by %s\n", shown->source, plan->block_count,
		bytes_text((double)plan->total_bytes, text), shown->topology->name, plan->rules->name);
	fprintf(out, "  \"%s\" is read as %s: %s\n\n", shown->request->allocation, plan_mode_name(plan->mode), plan->final);
	for (size_t i = 0; i < plan->share_count; i++)
		show_row(shown, (uint32_t)plan->donor_order[i], out);
	for (unsigned reason = 0; reason < PLAN_REASON_COUNT; reason++) {
		double bytes;

		if (count_blocks(plan, PLAN_NO_DEVICE, reason, shown->request->blocks, &bytes)) {
			fputs("left to the loader\n", out);
			show_reasons(shown, PLAN_NO_DEVICE, out);
			break;
		}
	}
	show_outlook(shown, out);
	show_warnings(shown, out);
	if (every_block)
		show_blocks(shown, out);
}

/* ---- JSON ---- */

/* A number, or null for what JSON cannot say. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *reasons_to_json(const struct plan_shown *shown, uint32_t row)
{
	json_t *object = json_object();

	for (unsigned reason = 0; reason < PLAN_REASON_COUNT; reason++) {
		double bytes;
		size_t count = count_blocks(shown->plan, row, reason, shown->request->blocks, &bytes);

		if (count)
			json_object_set_new(object, plan_reason_name((enum plan_reason)reason),
					    json_integer((json_int_t)count));
	}
	return object;
}

static json_t *row_to_json(const struct plan_shown *shown, uint32_t row)
{
	const struct plan_share *share = &shown->plan->shares[row];

	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "name", share->name, "computes",
			 row == shown->plan->compute_share, "total_bytes", number(share->total_bytes), "fraction",
			 number(share->fraction), "quota_bytes", number(share->quota_bytes), "left_bytes",
			 number(share->left_bytes), "blocks", (json_int_t)share->block_count, "block_bytes",
			 number(share->block_bytes), "reasons", reasons_to_json(shown, row));
}

static json_t *block_to_json(const struct plan_shown *shown, size_t i)
{
	const struct plan *plan = shown->plan;
	const struct plan_block *block = &shown->request->blocks[i];
	const char *device = plan->share_of[i] == PLAN_NO_DEVICE ? NULL : device_name_of(plan, i);
	json_t *size = block->size_bytes == PLAN_NO_SIZE ? json_null() : json_integer((json_int_t)block->size_bytes);

	return json_pack("{s:s, s:s, s:o, s:s?, s:s, s:f}", "name", block->name, "type", shown->list->types[block->type],
			 "size_bytes", size, "device", device, "reason", plan_reason_name((enum plan_reason)plan->reason_of[i]),
			 "copy_seconds", shown->outlook->block_copy_seconds[i]);
}

static json_t *outlook_to_json(const struct plan_shown *shown)
{
	const struct plan_outlook *outlook = shown->outlook;
	const struct suggest_run *run = &outlook->run;
	bool is_short = !run->fits && !error_is_set(&outlook->refusal);
	json_t *lacking = is_short ? json_pack("{s:s, s:I}", "device", shown->topology->devices[run->short_device].name,
					       "bytes", (json_int_t)run->lacking_bytes)
				   : json_null();

	return json_pack("{s:s, s:o, s:s, s:o, s:I, s:i, s:i, s:i, s:b, s:o, s:s?, s:o}", "family", outlook->profile.family,
			 "seconds_per_iteration", number(run->seconds), "source", "simulated", "copy_seconds",
			 number(run->copy_seconds), "runs", (json_int_t)outlook->runs, "width", (int)shown->picture.width,
			 "height", (int)shown->picture.height, "frames", (int)shown->picture.frames, "fits", run->fits,
			 "lacking", lacking, "refusal", error_is_set(&outlook->refusal) ? outlook->refusal.text : NULL,
			 "formula_seconds", number(outlook->prediction.seconds));
}

bool plan_show_json(const struct plan_shown *shown, FILE *out, struct error *e)
{
	const struct plan *plan = shown->plan;
	json_t *devices = json_array();
	json_t *blocks = json_array();
	json_t *whole;

	for (size_t i = 0; i < plan->share_count; i++)
		json_array_append_new(devices, row_to_json(shown, (uint32_t)plan->donor_order[i]));
	for (size_t i = 0; i < plan->block_count; i++)
		json_array_append_new(blocks, block_to_json(shown, i));
	whole = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s?, s:s, s:I, s:I, s:o, s:o, s:o}", "schema", 1, "planner",
			  plan->rules->name, "topology", shown->topology->name, "allocation", shown->request->allocation,
			  "mode", plan_mode_name(plan->mode), "compute", plan->compute, "converted", plan->converted, "final",
			  plan->final, "total_bytes", (json_int_t)plan->total_bytes, "model_size_bytes",
			  (json_int_t)plan->model_size_bytes, "devices", devices, "blocks", blocks, "prediction",
			  outlook_to_json(shown));
	if (!whole)
		return error_no_memory(e);
	json_dumpf(whole, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(whole);
	return true;
}
