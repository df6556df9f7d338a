/* sim_queue.c - events are worked off in order of time, and links are shared among the copies under way.
 *
 * Each stream is a queue. Nothing in it runs until a caller waits: then events are worked off in order of time until what was
 * waited for is done. So the simulated time is never past the caller's clock, all that can still be put on a stream comes later
 * than all that was worked off, and copies that overlap share their links as they would: each moment the bandwidth of a link, and
 * of a group of links, is divided fairly (max-min) among the copies under way.
 *
 * A kernel takes the larger of flops / rate and bytes / rate (roofline). A copy takes each link of its route in turn: the
 * latency, then its bytes at its share of bandwidth * efficiency. A copy within a device reads and writes its memory.
 */
#include "core/device/sim/sim_queue.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/units.h"

/* For devices whose description does not say: those of a small desktop processor, so that nothing comes for free. */
#define FLOPS_PER_S_UNKNOWN 1e11
#define MEMORY_BYTES_PER_S_UNKNOWN 2e10

static double rate_or(double rate, double unknown)
{
	return isnan(rate) ? unknown : rate;
}

uint64_t sim_kernel_ns(const struct device_description *device, const struct kernel_cost *cost)
{
	double compute_s = cost->flops / rate_or(device->flops_per_s, FLOPS_PER_S_UNKNOWN);
	double memory_s = cost->bytes / rate_or(device->memory_bytes_per_s, MEMORY_BYTES_PER_S_UNKNOWN);

	return clock_ns_from_seconds(fmax(compute_s, memory_s));
}

static struct sim_op *first_op(const struct sim_stream *stream)
{
	return &stream->ops[stream->head];
}

static bool wait_is_over(const struct sim_op *op)
{
	return op->kind != OP_WAIT || op->other->done >= op->amount;
}

static void op_done(struct sim *sim, struct sim_stream *stream)
{
	const struct sim_op op = *first_op(stream);
	struct transfer_event event = { .from = op.from, .to = op.to, .size_bytes = op.amount };

	stream->head = (stream->head + 1) % stream->capacity;
	stream->count--;
	stream->done++;
	stream->done_ns = sim->time_ns;
	stream->phase = PHASE_WAITING;
	if (op.kind != OP_COPY)
		return;
	event.stream = stream->kind;
	event.start_ns = stream->start_ns;
	event.end_ns = sim->time_ns;
	sim->listener->copied(sim->listener->context, &event);
}

static void delay(struct sim *sim, struct sim_stream *stream, uint64_t duration_ns)
{
	stream->phase = PHASE_DELAY;
	stream->end_ns = clock_add_ns(sim->time_ns, duration_ns);
}

static void op_start(struct sim *sim, struct sim_stream *stream)
{
	const struct sim_op *op = first_op(stream);
	const struct device_description *device = &sim->topology->devices[op->from];
	double rate = rate_or(device->memory_bytes_per_s, MEMORY_BYTES_PER_S_UNKNOWN);

	stream->start_ns = sim->time_ns;
	stream->hop = 0;
	stream->hop_count = 0;
	if (op->kind == OP_KERNEL) {
		delay(sim, stream, op->amount);
	} else if (op->kind == OP_WAIT) {
		delay(sim, stream, 0);
	} else if (op->from == op->to) {
		delay(sim, stream, clock_ns_from_seconds(2.0 * (double)op->amount / rate));
	} else {
		stream->hop_count = topology_route(sim->topology, op->from, op->to, stream->route);
		delay(sim, stream, stream->route[0]->latency_ns);
	}
}

/* The stream's delay or flow has ended: what comes next. */
static void phase_end(struct sim *sim, struct sim_stream *stream)
{
	if (stream->phase == PHASE_DELAY && stream->hop < stream->hop_count && first_op(stream)->amount) {
		stream->phase = PHASE_FLOW;
		stream->left_bytes = (double)first_op(stream)->amount;
		stream->rate = 0;
		stream->rated_ns = sim->time_ns;
		stream->end_ns = SIM_NEVER;
		return;
	}
	stream->hop++;
	if (stream->hop < stream->hop_count)
		delay(sim, stream, stream->route[stream->hop]->latency_ns);
	else
		op_done(sim, stream);
}

static double link_rate(const struct link_description *link)
{
	return link->bandwidth_bytes_per_s * rate_or(link->efficiency, 1.0);
}

static const struct link_description *flow_link(const struct sim_stream *stream)
{
	return stream->phase == PHASE_FLOW ? stream->route[stream->hop] : NULL;
}

/* What the flows that have no share yet could each have of what limits `link` alone (group < 0) or its group. */
static double fair_share(const struct sim *sim, const struct link_description *link, bool of_group)
{
	double left = of_group ? sim->topology->groups[link->group].bandwidth_bytes_per_s : link_rate(link);
	double sharers = 0;

	for (size_t i = 0; i < sim->stream_count; i++) {
		const struct sim_stream *stream = sim->streams[i];
		const struct link_description *other = flow_link(stream);

		if (!other || (of_group ? other->group != link->group : other != link))
			continue;
		if (stream->share > 0)
			left -= stream->share;
		else
			sharers++;
	}
	return left / sharers;
}

/* Max-min fair shares: the tightest link or group first; its flows get theirs, the others divide what is left. */
static void share_links(const struct sim *sim)
{
	for (size_t i = 0; i < sim->stream_count; i++)
		sim->streams[i]->share = 0;
	for (;;) {
		double least = INFINITY;
		struct sim_stream *tightest = NULL;

		for (size_t i = 0; i < sim->stream_count; i++) {
			struct sim_stream *stream = sim->streams[i];
			const struct link_description *link = flow_link(stream);
			double share;

			if (!link || stream->share > 0)
				continue;
			share = fair_share(sim, link, false);
			if (link->group >= 0)
				share = fmin(share, fair_share(sim, link, true));
			if (share < least) {
				least = share;
				tightest = stream;
			}
		}
		if (!tightest)
			return;
		/* Rounding may leave a hair less than nothing; a copy under way never stops. */
		tightest->share = fmax(least, 1e-3);
	}
}

/* After a flow has begun or ended: the others' rates change, and with them when they end. */
static void rate_flows(struct sim *sim)
{
	share_links(sim);
	for (size_t i = 0; i < sim->stream_count; i++) {
		struct sim_stream *stream = sim->streams[i];

		if (stream->phase != PHASE_FLOW || stream->rate == stream->share)
			continue;
		stream->left_bytes -= stream->rate * ((double)(sim->time_ns - stream->rated_ns) / (double)NS_PER_S);
		stream->left_bytes = fmax(stream->left_bytes, 0);
		stream->rate = stream->share;
		stream->rated_ns = sim->time_ns;
		stream->end_ns = clock_add_ns(sim->time_ns, clock_ns_from_seconds(stream->left_bytes / stream->rate));
	}
}

/* When a stream's next event is; SIM_NEVER if only another stream's can bring one. */
static uint64_t next_event_ns(const struct sim *sim, const struct sim_stream *stream)
{
	const struct sim_op *op;

	if (stream->phase != PHASE_WAITING)
		return stream->end_ns;
	if (!stream->count)
		return SIM_NEVER;
	op = first_op(stream);
	if (!wait_is_over(op))
		return SIM_NEVER;
	return op->issued_ns > sim->time_ns ? op->issued_ns : sim->time_ns;
}

/* The next moment at which there are events; SIM_NEVER if there are none. */
static uint64_t next_moment_ns(const struct sim *sim)
{
	uint64_t next_ns = SIM_NEVER;

	for (size_t i = 0; i < sim->stream_count; i++) {
		uint64_t event_ns = next_event_ns(sim, sim->streams[i]);

		if (event_ns < next_ns)
			next_ns = event_ns;
	}
	return next_ns;
}

bool sim_settle_next(struct sim *sim, uint64_t until_ns)
{
	uint64_t next_ns = next_moment_ns(sim);
	bool flows_changed = false;

	if (next_ns == SIM_NEVER || next_ns > until_ns)
		return false;
	sim->time_ns = next_ns;
	for (size_t i = 0; i < sim->stream_count; i++) {
		struct sim_stream *stream = sim->streams[i];

		if (next_event_ns(sim, stream) != next_ns)
			continue;
		flows_changed |= stream->phase == PHASE_FLOW;
		if (stream->phase == PHASE_WAITING)
			op_start(sim, stream);
		else
			phase_end(sim, stream);
		flows_changed |= stream->phase == PHASE_FLOW;
	}
	if (flows_changed)
		rate_flows(sim);
	return true;
}

void sim_settle_stream(struct sim *sim, const struct sim_stream *stream, uint64_t amount)
{
	while (stream->done < amount && sim_settle_next(sim, SIM_NEVER))
		;
}

void sim_drop_queue(struct sim_stream *stream)
{
	if (stream->ops != stream->few)
		free(stream->ops);
}

static bool grow_ring(struct sim_stream *stream)
{
	size_t capacity = stream->capacity * 2;
	struct sim_op *ops = malloc(capacity * sizeof(*ops));

	if (!ops)
		return false;
	for (size_t i = 0; i < stream->count; i++)
		ops[i] = stream->ops[(stream->head + i) % stream->capacity];
	sim_drop_queue(stream);
	stream->ops = ops;
	stream->capacity = capacity;
	stream->head = 0;
	return true;
}

void sim_put(struct sim *sim, struct sim_stream *stream, const struct sim_op *op)
{
	/* Without memory for a longer queue what is in it runs now: later copies on other streams cannot slow it. */
	if (stream->count == stream->capacity && !grow_ring(stream))
		sim_settle_stream(sim, stream, stream->issued);
	stream->ops[(stream->head + stream->count) % stream->capacity] = *op;
	stream->ops[(stream->head + stream->count) % stream->capacity].issued_ns = sim->now_ns;
	stream->count++;
	stream->issued++;
}
