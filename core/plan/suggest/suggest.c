/* Search by trial. For a compute device and a set of donors the smallest amount that may fit is written as a string and
 * planned; what the plan puts too much on the compute device is added to the amount, until it fits or something else lacks
 * room. What fits is sorted by the formula, and run only while it can still be among the best. Strings that place the same
 * bytes are one.
 */
#include "core/plan/suggest/suggest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"
#include "core/base/units.h"
#include "core/plan/versions.h"

#define DONORS_MAX 4u /* the nearest ones; all their sets are tried */
#define TRIES_MAX 24u /* per string, each a little less on the compute device: rounding leaves blocks behind */
#define GIB_STEP 0.1 /* of the node's virtual_vram_gb */
#define RUN_MAX 24u /* placements that are run, a compute device and round */
#define ROUND_MAX 6u /* each with less room, where activations lacked some */
#define BOUND_SHARE 0.95 /* of a run less its copies: donors that convert weights take some work off the compute device */
#define MIB (UINT64_C(1) << 20)

struct suggest_search {
	const struct suggest_request *request;
	struct suggestions *out;
	const struct plan_device *devices;
	uint64_t total_bytes;
	unsigned compute;
	struct predict_terms terms;
	unsigned donors[DEVICE_MAX]; /* that a way leads from, nearest first */
	size_t donor_count;
	uint64_t needed_bytes; /* beside weights, on the compute device: what runs have lacked so far */
	double resident_seconds; /* of a run on the compute device, less its copies; NAN until one was run */
	double least_excess; /* of a string that did not fit, on its worst device */
	unsigned worst_device;
	struct suggest_run nearest; /* of runs that did not fit; lacking_bytes is 0 where there was none */
};

static uint64_t room_of(const struct suggest_search *s, unsigned device)
{
	uint64_t room = s->request->room_bytes[device];
	uint64_t needed = device == s->compute ? s->needed_bytes : 0;

	return room > needed ? room - needed : 0;
}

static const char *device_name_at(const struct suggest_search *s, unsigned device)
{
	return s->request->topology->devices[device].name;
}

static double gib(uint64_t bytes)
{
	return (double)bytes / (double)GIB;
}

static void suggestion_clear(struct suggestion *suggestion)
{
	free(suggestion->allocation);
	free(suggestion->expert);
	free(suggestion->donors);
	*suggestion = (struct suggestion) { .allocation = NULL };
}

void suggest_free(struct suggestions *suggestions)
{
	for (size_t i = 0; i < suggestions->count; i++)
		suggestion_clear(&suggestions->items[i]);
	free(suggestions->items);
	*suggestions = (struct suggestions) { .items = NULL };
}

/* ---- one string ---- */

static struct plan *plan_string(const struct suggest_search *s, const char *allocation, struct error *e)
{
	struct plan_request request = { .rules = s->request->rules,
					.allocation = allocation,
					.is_clip = s->request->is_clip,
					.blocks = s->request->blocks,
					.block_count = s->request->block_count,
					.devices = s->devices,
					.device_count = s->request->topology->device_count };

	return plan_make(&request, NULL, e);
}

/* Bytes past the room of the device that lacks most; *worst is that device. */
static double excess(const struct suggest_search *s, const struct predict_load *load, unsigned *worst)
{
	double most = 0;

	for (unsigned i = 0; i < s->request->topology->device_count; i++) {
		double past = (double)load->bytes_on[i] - (double)room_of(s, i);

		if (past > most) {
			most = past;
			*worst = i;
		}
	}
	return most;
}

static bool is_known(const struct suggest_search *s, const struct suggestion *suggestion)
{
	for (size_t i = 0; i < s->out->count; i++) {
		const struct suggestion *known = &s->out->items[i];

		if (known->compute == suggestion->compute &&
		    memcmp(known->load.bytes_on, suggestion->load.bytes_on, sizeof(known->load.bytes_on)) == 0)
			return true;
	}
	return false;
}

/* Takes the suggestion's texts over, unless another string does the same. */
static bool keep(const struct suggest_search *s, struct suggestion *suggestion, struct error *e)
{
	if (is_known(s, suggestion))
		return true;
	if (!array_reserve(&s->out->items, &s->out->capacity, s->out->count + 1, sizeof(*s->out->items), e))
		return false;
	suggestion->prediction = predict(s->request->topology, s->compute, &suggestion->load, &s->terms);
	suggestion->seconds = suggestion->prediction.seconds;
	suggestion->copy_seconds = suggestion->prediction.copy_seconds;
	s->out->items[s->out->count++] = *suggestion;
	*suggestion = (struct suggestion) { .allocation = NULL };
	return true;
}

/* Plans the suggestion's string. *past_bytes: what is too much on the compute device for it to fit; 0: it was kept; INFINITY: more on
 * the compute device is not what it lacks. The caller clears the suggestion. */
static bool judge(struct suggest_search *s, struct suggestion *suggestion, double *past_bytes, struct error *e)
{
	struct error why = ERROR_INIT;
	struct plan *plan = plan_string(s, suggestion->allocation, &why);
	unsigned worst = 0;
	double past;

	*past_bytes = INFINITY;
	if (!plan && why.kind == ERROR_MEMORY)
		return error_no_memory(e);
	if (!plan)
		return true; /* not a string for this version */
	suggestion->compute = s->compute;
	suggestion->runs = profile_load(plan, s->request->blocks, s->request->topology, s->compute, &suggestion->load);
	plan_free(plan);
	past = excess(s, &suggestion->load, &worst);
	if (past > 0) {
		if (past < s->least_excess) {
			s->least_excess = past;
			s->worst_device = worst;
		}
		if (worst == s->compute)
			*past_bytes = past;
		return true;
	}
	*past_bytes = 0;
	return keep(s, suggestion, e);
}

/* ---- the strings of one compute device ---- */

/* With `gib_moved` of virtual VRAM. */
static bool write_virtual_vram(const struct suggest_search *s, unsigned set, double gib_moved, struct suggestion *out,
			       struct error *e)
{
	struct strbuf donors = STRBUF_INIT;
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < s->donor_count && i < DONORS_MAX; i++) {
		if (set & 1u << i)
			strbuf_printf(&donors, "%s%s", donors.length ? "," : "", device_name_at(s, s->donors[i]));
	}
	strbuf_printf(&text, "#%s;%.1f;%s", device_name_at(s, s->compute), gib_moved, strbuf_text(&donors));
	out->virtual_vram_gb = round(gib_moved * 10) / 10; /* as the string says it */
	out->donors = strbuf_finish(&donors, e);
	out->allocation = strbuf_finish(&text, e);
	out->expert = string_copy("", e);
	return out->donors && out->allocation && out->expert;
}

/* With sizes: the compute device's room less `slack` GiB, each donor's, and what is left to the last. */
static bool write_sizes(const struct suggest_search *s, unsigned set, double slack, struct suggestion *out, struct error *e)
{
	struct strbuf expert = STRBUF_INIT;
	struct strbuf text = STRBUF_INIT;
	double room = floor((gib(room_of(s, s->compute)) - slack) * 100) / 100;
	void (*append)(struct strbuf * text, const char *device, double gib) = s->request->rules->append_size;
	const char *first = NULL;

	append(&expert, device_name_at(s, s->compute), room > 0 ? room : 0);
	for (size_t i = 0; i < s->donor_count && i < DONORS_MAX; i++) {
		const char *name = device_name_at(s, s->donors[i]);

		if (!(set & 1u << i))
			continue;
		first = first ? first : name;
		strbuf_append_char(&expert, ';');
		if (set >> (i + 1))
			append(&expert, name, floor(gib(s->request->room_bytes[s->donors[i]]) * 100) / 100);
		else
			strbuf_printf(&expert, "%s,*", name);
	}
	strbuf_printf(&text, "%s#%s", strbuf_text(&expert), device_name_at(s, s->compute));
	out->virtual_vram_gb = 0;
	out->donors = string_copy(first ? first : "cpu", e);
	out->expert = strbuf_finish(&expert, e);
	out->allocation = strbuf_finish(&text, e);
	return out->donors && out->allocation && out->expert;
}

typedef bool write_string(const struct suggest_search *s, unsigned set, double amount, struct suggestion *out, struct error *e);

/* The least amount that fits, in steps: whatever is too much on the compute device must leave it. */
static bool try_amounts(struct suggest_search *s, write_string *write, unsigned set, double amount, double step,
			struct error *e)
{
	double past_bytes = 1;

	for (unsigned i = 0; i < TRIES_MAX && past_bytes > 0 && isfinite(past_bytes); i++) {
		struct suggestion suggestion = { .allocation = NULL };
		bool fine = write(s, set, amount, &suggestion, e) && judge(s, &suggestion, &past_bytes, e);

		suggestion_clear(&suggestion);
		if (!fine)
			return false;
		amount += ceil(past_bytes / (double)GIB / step) * step;
	}
	return true;
}

/* Nothing needs to leave: the string is empty. */
static bool try_resident(struct suggest_search *s, struct error *e)
{
	struct suggestion suggestion = { .compute = s->compute, .runs = 1 };
	bool fine;

	for (size_t i = 0; i < s->request->block_count; i++) {
		uint64_t size = s->request->blocks[i].size_bytes;

		suggestion.load.copies_on[s->compute] += size != PLAN_NO_SIZE && size > 0;
	}
	suggestion.load.bytes_on[s->compute] = s->total_bytes;
	suggestion.allocation = string_copy("", e);
	suggestion.expert = string_copy("", e);
	suggestion.donors = string_copy("cpu", e);
	fine = suggestion.allocation && suggestion.expert && suggestion.donors && keep(s, &suggestion, e);
	suggestion_clear(&suggestion);
	return fine;
}

static bool has_room(const struct suggest_search *s, unsigned set)
{
	uint64_t room = room_of(s, s->compute);

	for (size_t i = 0; i < s->donor_count && i < DONORS_MAX; i++)
		room += set & 1u << i ? s->request->room_bytes[s->donors[i]] : 0;
	return room >= s->total_bytes;
}

static bool try_sets(struct suggest_search *s, struct error *e)
{
	size_t count = s->donor_count < DONORS_MAX ? s->donor_count : DONORS_MAX;
	double over = gib(s->total_bytes) - gib(room_of(s, s->compute));

	for (unsigned set = 1; set < 1u << count; set++) {
		if (!has_room(s, set))
			continue;
		if (!try_amounts(s, write_virtual_vram, set, ceil(over / GIB_STEP) * GIB_STEP, GIB_STEP, e))
			return false;
		/* V1 knows neither sizes nor a wildcard. */
		if (s->request->rules->append_size && !try_amounts(s, write_sizes, set, 0, 0.05, e))
			return false;
	}
	return true;
}

static int compare_doubles(double a, double b)
{
	return (a > b) - (a < b);
}

/* Nearest first, by what a byte costs; few, so by insertion. */
static void find_donors(struct suggest_search *s)
{
	const struct topology *topology = s->request->topology;

	s->donor_count = 0;
	for (unsigned i = 0; i < topology->device_count; i++) {
		double cost = predict_seconds_per_byte(topology, i, s->compute, &s->terms);
		size_t at = s->donor_count;

		if (i == s->compute || isinf(cost) || s->request->room_bytes[i] == 0)
			continue;
		for (; at > 0 && predict_seconds_per_byte(topology, s->donors[at - 1], s->compute, &s->terms) > cost; at--)
			s->donors[at] = s->donors[at - 1];
		s->donors[at] = i;
		s->donor_count++;
	}
}

static void set_terms(struct suggest_search *s)
{
	const struct suggest_request *request = s->request;

	s->terms = profile_terms(request->profile, &request->topology->devices[s->compute]);
	s->terms.converts_at_source = request->converts_at_source;
	if (!isnan(request->resident_seconds))
		s->terms.resident_seconds = request->resident_seconds;
	if (request->passes > 0) {
		if (isnan(request->resident_seconds))
			s->terms.resident_seconds *= request->passes / s->terms.passes;
		s->terms.passes = request->passes;
	}
}

static bool try_strings(struct suggest_search *s, struct error *e)
{
	return s->total_bytes <= room_of(s, s->compute) ? try_resident(s, e) : try_sets(s, e);
}

/* ---- in order ---- */

/* Unknown seconds come by what offloading adds; of equals the shorter string. */
static int compare_suggestions(const void *a, const void *b)
{
	const struct suggestion *x = a;
	const struct suggestion *y = b;
	bool known = !isnan(x->seconds) && !isnan(y->seconds);
	int order = known ? compare_doubles(x->seconds, y->seconds) : compare_doubles(x->copy_seconds, y->copy_seconds);

	if (order)
		return order;
	if (strlen(x->allocation) != strlen(y->allocation))
		return strlen(x->allocation) < strlen(y->allocation) ? -1 : 1;
	return strcmp(x->allocation, y->allocation);
}

static void sort(struct suggestions *list, size_t from)
{
	if (list->count > from)
		qsort(list->items + from, list->count - from, sizeof(*list->items), compare_suggestions);
}

static void keep_first(struct suggestions *list, size_t count)
{
	while (list->count > count)
		suggestion_clear(&list->items[--list->count]);
}

static double rank_of(const struct suggestion *suggestion)
{
	return isnan(suggestion->seconds) ? suggestion->copy_seconds : suggestion->seconds;
}

/* ---- run ---- */

/* The empty string is run as the whole model on the compute device. */
static bool run_one(struct suggest_search *s, struct suggestion *suggestion, struct suggest_run *run, struct error *e)
{
	const struct suggest_runner *runner = s->request->runner;
	const char *compute = device_name_at(s, suggestion->compute);
	char whole[2 * DEVICE_NAME_MAX + 16];
	struct plan *plan;
	bool fine;

	snprintf(whole, sizeof(whole), "#%s;0.0;cpu", compute);
	plan = plan_string(s, suggestion->allocation[0] ? suggestion->allocation : whole, e);
	if (!plan)
		return false;
	fine = runner->run(runner->context, plan, suggestion->compute, run, e);
	plan_free(plan);
	suggestion->was_run = true;
	suggestion->seconds = run->seconds;
	suggestion->copy_seconds = run->copy_seconds;
	return fine;
}

/* The time that the last of the wanted ones takes so far, of the first `count`; INFINITY while there are fewer. */
static double last_wanted(const struct suggest_search *s, size_t count)
{
	double last = -INFINITY;
	size_t found = 0;

	while (found < s->request->wanted) {
		double next = INFINITY;
		size_t equal = 0;

		for (size_t i = 0; i < count; i++) {
			double seconds = rank_of(&s->out->items[i]);

			if (seconds <= last || seconds > next)
				continue;
			equal = seconds < next ? 1 : equal + 1;
			next = seconds;
		}
		if (equal == 0)
			return INFINITY;
		found += equal;
		last = next;
	}
	return last;
}

static void remember_lack(struct suggest_search *s, const struct suggest_run *run)
{
	if (s->nearest.lacking_bytes == 0 || run->lacking_bytes < s->nearest.lacking_bytes)
		s->nearest = *run;
}

/* Runs what was made from `from` on, likeliest first; what does not fit and what need not be run goes. *lacking: what the likeliest
 * lacks on the compute device. */
static bool run_from(struct suggest_search *s, size_t from, uint64_t *lacking, struct error *e)
{
	struct suggestions *list = s->out;
	size_t kept = from;
	size_t count = list->count;

	*lacking = 0;
	for (size_t i = from; i < count; i++) {
		struct suggestion suggestion = list->items[i];
		struct suggest_run run = { .fits = false };
		double bound = isnan(s->resident_seconds)
				       ? -INFINITY
				       : BOUND_SHARE * s->resident_seconds + suggestion.prediction.copy_seconds;
		bool is_run = i - from < RUN_MAX && bound < last_wanted(s, kept);
		bool fine = true;

		list->items[i] = (struct suggestion) { .allocation = NULL };
		if (is_run)
			fine = run_one(s, &suggestion, &run, e);
		if (fine && run.fits) {
			s->resident_seconds = rank_of(&suggestion) - suggestion.copy_seconds;
			list->items[kept++] = suggestion;
			continue;
		}
		suggestion_clear(&suggestion);
		if (!fine)
			return false;
		if (is_run)
			remember_lack(s, &run);
		if (is_run && i == from && run.short_device == s->compute)
			*lacking = run.lacking_bytes;
	}
	list->count = kept;
	return true;
}

static bool try_compute(struct suggest_search *s, unsigned compute, struct error *e)
{
	s->compute = compute;
	s->needed_bytes = 0;
	s->resident_seconds = NAN;
	set_terms(s);
	find_donors(s);
	for (unsigned round = 0; round < ROUND_MAX; round++) {
		size_t from = s->out->count;
		uint64_t lacking;

		if (!try_strings(s, e))
			return false;
		sort(s->out, from);
		if (!s->request->runner)
			return true;
		if (!run_from(s, from, &lacking, e))
			return false;
		if (lacking == 0)
			return true;
		s->needed_bytes += (lacking / MIB + 1) * MIB;
	}
	return true;
}

/* ---- the best of all ---- */

static bool nothing_fits(const struct suggest_search *s, struct error *e)
{
	const struct topology *topology = s->request->topology;
	struct strbuf rooms = STRBUF_INIT;
	char texts[3][UNITS_TEXT_MAX];
	uint64_t sum = 0;

	for (unsigned i = 0; i < topology->device_count; i++) {
		sum += s->request->room_bytes[i];
		strbuf_printf(&rooms, "%s%s %s", i ? ", " : "", topology->devices[i].name,
			      units_bytes(s->request->room_bytes[i], texts[0]));
	}
	units_bytes(s->total_bytes, texts[0]);
	units_bytes(sum, texts[1]);
	if (sum < s->total_bytes)
		error_set(e, ERROR_DEVICE_MEMORY, "the model has %s and there is room for %s (%s): %s too much", texts[0],
			  texts[1], strbuf_text(&rooms), units_bytes(s->total_bytes - sum, texts[2]));
	else if (s->nearest.lacking_bytes)
		error_set(e, ERROR_DEVICE_MEMORY,
			  "the model has %s, which would fit (%s), but what it computes with beside its weights does not: the "
			  "nearest string lacks %s on %s",
			  texts[0], strbuf_text(&rooms), units_bytes(s->nearest.lacking_bytes, texts[2]),
			  topology->devices[s->nearest.short_device].name);
	else if (isfinite(s->least_excess))
		error_set(e, ERROR_DEVICE_MEMORY,
			  "the model has %s, and no string keeps it within the room there is (%s); the nearest puts %s too "
			  "much on %s",
			  texts[0], strbuf_text(&rooms), units_bytes((uint64_t)s->least_excess, texts[2]),
			  topology->devices[s->worst_device].name);
	else
		error_set(e, ERROR_DEVICE_MEMORY,
			  "the model has %s, and the devices that a way leads from have not so much room (%s)", texts[0],
			  strbuf_text(&rooms));
	strbuf_free(&rooms);
	return false;
}

static bool try_all(struct suggest_search *s, struct error *e)
{
	const struct topology *topology = s->request->topology;
	bool any = false;

	for (unsigned i = 0; i < topology->device_count; i++) {
		if (s->request->compute >= 0 ? i != (unsigned)s->request->compute : topology->devices[i].kind == DEVICE_CPU)
			continue;
		any = true;
		if (!try_compute(s, i, e))
			return false;
	}
	return any || error_set(e, ERROR_ABSENT, "topology %s has no card to compute on", topology->name);
}

bool suggest(const struct suggest_request *request, struct suggestions *out, struct error *e)
{
	struct plan_device devices[DEVICE_MAX];
	struct suggest_search search = { .request = request, .out = out, .devices = devices, .least_excess = INFINITY };

	*out = (struct suggestions) { .items = NULL };
	for (size_t i = 0; i < request->topology->device_count; i++)
		devices[i] = (struct plan_device) { request->topology->devices[i].name,
						    request->topology->devices[i].capacity_bytes };
	for (size_t i = 0; i < request->block_count; i++) {
		uint64_t size = request->blocks[i].size_bytes;

		search.total_bytes += size == PLAN_NO_SIZE ? 0 : size;
	}
	if (!try_all(&search, e))
		return false;
	if (out->count == 0)
		return nothing_fits(&search, e);
	sort(out, 0);
	keep_first(out, request->wanted);
	return true;
}
