/* Runs of consecutive blocks. With prefix sums an order of the devices is judged in a few steps, so all orders of up to ORDERED_MAX
 * devices are tried, and the first of the best is taken. */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/plan/string/exact.h"
#include "core/plan/place/place.h"

#define ORDERED_MAX 5u /* devices with a quota: 120 orders */
#define ROUNDING_SHARE 64 /* a 64th of the model past a quota is what whole blocks cost; no order is changed for it */

/* The blocks that are placed in runs, in module order. */
struct line {
	uint32_t *blocks;
	uint64_t *end; /* end[i]: bytes of the first i blocks */
	size_t count;
};

/* How badly an order keeps to the quotas; the members in order of weight, all in bytes. */
struct misfit {
	double past_memory; /* more than a device has */
	double past_cards; /* more than the quota of a device that is not the host */
	double past_host;
};

static bool line_make(struct line *line, const struct plan *plan, const struct plan_request *request)
{
	line->blocks = array_new(request->block_count + 1, sizeof(*line->blocks), NULL);
	line->end = array_new(request->block_count + 1, sizeof(*line->end), NULL);
	if (!line->blocks || !line->end)
		return false;
	for (size_t i = 0; i < request->block_count; i++) {
		const struct plan_block *block = &request->blocks[i];

		if (!place_is_listed(block) || plan->reason_of[i] == PLAN_REASON_HEAD)
			continue;
		line->blocks[line->count] = (uint32_t)i;
		line->end[line->count + 1] = line->end[line->count] + block->size_bytes;
		line->count++;
	}
	return true;
}

static void line_free(struct line *line)
{
	free(line->blocks);
	free(line->end);
}

/* Where a run ends that begins at `from` and has room for so many bytes. */
static size_t run_end(const struct line *line, size_t from, double room_bytes)
{
	double limit = (double)line->end[from] + room_bytes;
	size_t low = from;
	size_t high = line->count;

	while (low < high) {
		size_t middle = high - (high - low) / 2;

		if ((double)line->end[middle] <= limit)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static double positive(double x)
{
	return x > 0 ? x : 0;
}

static bool fits_better(const struct misfit *a, const struct misfit *b)
{
	if (a->past_memory != b->past_memory)
		return a->past_memory < b->past_memory;
	if (a->past_cards != b->past_cards)
		return a->past_cards < b->past_cards;
	return a->past_host < b->past_host;
}

struct order_search {
	const struct plan *plan;
	const struct line *line;
	const size_t *rows; /* with a quota, in the order that is taken unless another fits better */
	size_t count;
	double rounding_bytes;
	bool used[ORDERED_MAX];
	size_t order[ORDERED_MAX]; /* the one being tried */
	size_t best[ORDERED_MAX];
	struct misfit least;
	bool found;
};

static struct misfit add_run(const struct order_search *s, struct misfit misfit, size_t row, double run_bytes)
{
	const struct plan_share *share = &s->plan->shares[row];
	double past = positive(run_bytes - share->left_bytes);

	if (past <= s->rounding_bytes)
		past = 0;
	misfit.past_memory += positive(run_bytes + share->block_bytes - share->total_bytes);
	if (strcmp(share->name, "cpu") == 0)
		misfit.past_host += past;
	else
		misfit.past_cards += past;
	return misfit;
}

/* All orders that begin as s->order does up to `depth`; their runs so far end at block `at`. */
static void try_orders(struct order_search *s, size_t depth, size_t at, struct misfit misfit)
{
	if (depth == s->count) {
		if (!s->found || fits_better(&misfit, &s->least)) {
			memcpy(s->best, s->order, s->count * sizeof(*s->best));
			s->least = misfit;
			s->found = true;
		}
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		size_t row = s->rows[i];
		size_t end;

		if (s->used[i])
			continue;
		end = depth + 1 == s->count ? s->line->count : run_end(s->line, at, s->plan->shares[row].left_bytes);
		s->used[i] = true;
		s->order[depth] = row;
		try_orders(s, depth + 1, end, add_run(s, misfit, row, (double)(s->line->end[end] - s->line->end[at])));
		s->used[i] = false;
	}
}

/* Puts the first `count` rows of plan->donor_order into the order that keeps to the quotas best. */
static void choose_order(struct plan *plan, const struct line *line, size_t count)
{
	struct order_search search = { .plan = plan,
				       .line = line,
				       .rows = plan->donor_order,
				       .count = count,
				       .rounding_bytes = (double)plan->total_bytes / ROUNDING_SHARE };

	if (count < 2 || count > ORDERED_MAX)
		return;
	try_orders(&search, 0, 0, (struct misfit) { 0, 0, 0 });
	memcpy(plan->donor_order, search.best, count * sizeof(*search.best));
}

static bool is_host(const struct plan *plan, size_t row)
{
	return row != plan->compute_share && strcmp(plan->shares[row].name, "cpu") == 0;
}

/* plan->donor_order: the compute device, the other cards, and the host, whose memory minds least what whole blocks add to the last
 * run; then the rows that have no room. Returns how many have. */
static size_t order_rows(struct plan *plan)
{
	size_t count = 0;

	if (plan->shares[plan->compute_share].left_bytes > 0)
		plan->donor_order[count++] = plan->compute_share;
	for (unsigned host = 0; host < 2; host++) {
		for (size_t i = 0; i < plan->share_count; i++) {
			if (i != plan->compute_share && plan->shares[i].left_bytes > 0 && is_host(plan, i) == (host == 1))
				plan->donor_order[count++] = i;
		}
	}
	for (size_t i = 0, next = count; i < plan->share_count; i++) {
		if (!(plan->shares[i].left_bytes > 0))
			plan->donor_order[next++] = i;
	}
	return count;
}

static void assign_run(struct plan *plan, const struct plan_request *request, const struct line *line, size_t row, size_t at,
		       size_t end)
{
	struct plan_share *share = &plan->shares[row];

	for (; at < end; at++) {
		double size = (double)(line->end[at + 1] - line->end[at]);

		place_assign(plan, request, line->blocks[at], row,
			     share->left_bytes >= size ? PLAN_REASON_RUN : PLAN_REASON_OVERFLOW);
		share->left_bytes -= size;
	}
}

static void assign_runs(struct plan *plan, const struct plan_request *request, const struct line *line, size_t count)
{
	size_t at = 0;

	/* No device has a quota: all of it stays where it is computed. */
	if (count == 0) {
		assign_run(plan, request, line, plan->compute_share, 0, line->count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t row = plan->donor_order[i];
		size_t end = i + 1 == count ? line->count : run_end(line, at, plan->shares[row].left_bytes);

		assign_run(plan, request, line, row, at, end);
		at = end;
	}
}

bool exact_place(struct plan *plan, const struct plan_request *request, const struct trouble *t)
{
	struct line line = { .blocks = NULL };
	size_t count;
	bool fine;

	if (request->is_clip)
		place_heads(plan, request);
	fine = line_make(&line, plan, request) || trouble_no_memory(t);
	if (fine) {
		plan->distributed_count = line.count;
		count = order_rows(plan);
		choose_order(plan, &line, count);
		assign_runs(plan, request, &line, count);
	}
	line_free(&line);
	return fine;
}
