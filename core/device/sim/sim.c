/* No bytes: memory is accounted, copies and kernels take modelled time on a virtual clock.
 *
 * Each stream is a queue. Nothing in it runs until somebody waits: then events are worked off in order of time until what was
 * waited for is done, and the caller's clock goes there. So the simulated time is never past the caller's clock, all that can
 * still be put on a stream comes later than all that was worked off, and copies that overlap share their links as they would:
 * each moment the bandwidth of a link, and of a group of links, is divided fairly (max-min) among the copies under way.
 *
 * A kernel takes the larger of flops / rate and bytes / rate (roofline). A copy takes each link of its route in turn: the
 * latency, then its bytes at its share of bandwidth * efficiency. A copy within a device reads and writes its memory.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/clock.h"
#include "core/base/event.h"
#include "core/base/units.h"
#include "core/device/device.h"

/* For devices whose description does not say: those of a small desktop processor, so that nothing comes for free. */
#define FLOPS_PER_S_UNKNOWN 1e11
#define MEMORY_BYTES_PER_S_UNKNOWN 2e10

/* Addresses are told apart but never followed; these fault on any machine of today if somebody tries. */
#define FIRST_ADDRESS (UINT64_C(1) << 52)

#define OPS_AT_FIRST 4
#define NEVER UINT64_MAX

enum op_kind { OP_COPY, OP_KERNEL, OP_WAIT };

struct op {
	enum op_kind kind;
	uint64_t issued_ns; /* it cannot start before */
	unsigned from, to; /* OP_COPY: devices */
	const struct sim_stream *other; /* OP_WAIT */
	uint64_t amount; /* OP_COPY: bytes; OP_KERNEL: ns; OP_WAIT: operations of the other stream that must be done */
};

/* An event: `stream` has done `amount` operations. */
struct sim_event {
	const struct sim_stream *stream; /* NULL until it is recorded */
	uint64_t amount;
};

/* How far a stream's first operation has come. */
enum phase {
	PHASE_WAITING, /* for the operation, its time or another stream */
	PHASE_DELAY, /* until end_ns whatever else happens: a kernel, or a link's latency */
	PHASE_FLOW /* bytes on a link; end_ns holds while the rate does */
};

struct sim_stream {
	struct op few[OPS_AT_FIRST]; /* so that a short queue needs no memory of its own */
	struct op *ops; /* a ring: few, or grown */
	size_t head;
	size_t count;
	size_t capacity;
	uint64_t issued; /* operations ever put here */
	uint64_t done;
	uint64_t done_ns; /* when the last one was */
	enum phase phase;
	unsigned hop; /* the link of the route it is on */
	unsigned hop_count;
	const struct link_description *route[2];
	uint64_t start_ns;
	uint64_t end_ns;
	double left_bytes; /* PHASE_FLOW: at rated_ns */
	double rate;
	double share; /* the rate to be */
	uint64_t rated_ns;
	enum stream_kind kind;
};

struct sim {
	const struct topology *topology;
	const struct backend_listener *listener;
	uint64_t now_ns; /* the caller's clock */
	uint64_t time_ns; /* how far events have been worked off */
	uint64_t next_address;
	uint64_t *used_bytes; /* by device */
	size_t stream_count;
	size_t stream_capacity;
	struct sim_stream **streams; /* in the order in which they were made */
};

static bool sim_open(void **state, const struct topology *topology, const struct backend_listener *listener, struct error *e)
{
	struct sim *sim = array_new(1, sizeof(*sim), e);

	if (!sim)
		return false;
	sim->topology = topology;
	sim->listener = listener;
	sim->next_address = FIRST_ADDRESS;
	sim->used_bytes = array_new(topology->device_count, sizeof(*sim->used_bytes), e);
	if (!sim->used_bytes) {
		free(sim);
		return false;
	}
	*state = sim;
	return true;
}

static bool sim_memory_take(void *state, unsigned d, uint64_t size_bytes, void **address, struct error *e)
{
	struct sim *sim = state;
	const struct device_description *device = &sim->topology->devices[d];

	if (size_bytes > device->capacity_bytes - sim->used_bytes[d])
		return error_set(e, ERROR_DEVICE_MEMORY, "%s has no %llu bytes left", device->name,
				 (unsigned long long)size_bytes);
	sim->used_bytes[d] += size_bytes;
	*address = (void *)(uintptr_t)sim->next_address;
	sim->next_address += size_bytes;
	return true;
}

static void sim_memory_give(void *state, unsigned d, void *address, uint64_t size_bytes)
{
	struct sim *sim = state;

	(void)address;
	sim->used_bytes[d] -= size_bytes;
}

static double rate_or(double rate, double unknown)
{
	return isnan(rate) ? unknown : rate;
}

static uint64_t kernel_ns(const struct device_description *device, const struct kernel_cost *cost)
{
	double compute_s = cost->flops / rate_or(device->flops_per_s, FLOPS_PER_S_UNKNOWN);
	double memory_s = cost->bytes / rate_or(device->memory_bytes_per_s, MEMORY_BYTES_PER_S_UNKNOWN);

	return clock_ns_from_seconds(fmax(compute_s, memory_s));
}

static struct op *first_op(const struct sim_stream *stream)
{
	return &stream->ops[stream->head];
}

static bool wait_is_over(const struct op *op)
{
	return op->kind != OP_WAIT || op->other->done >= op->amount;
}

static void op_done(struct sim *sim, struct sim_stream *stream)
{
	const struct op op = *first_op(stream);
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
	const struct op *op = first_op(stream);
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
		stream->end_ns = NEVER;
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

/* When a stream's next event is; NEVER if only another stream's can bring one. */
static uint64_t next_event_ns(const struct sim *sim, const struct sim_stream *stream)
{
	const struct op *op;

	if (stream->phase != PHASE_WAITING)
		return stream->end_ns;
	if (!stream->count)
		return NEVER;
	op = first_op(stream);
	if (!wait_is_over(op))
		return NEVER;
	return op->issued_ns > sim->time_ns ? op->issued_ns : sim->time_ns;
}

/* The next moment at which there are events; NEVER if there are none. */
static uint64_t next_moment_ns(const struct sim *sim)
{
	uint64_t next_ns = NEVER;

	for (size_t i = 0; i < sim->stream_count; i++) {
		uint64_t event_ns = next_event_ns(sim, sim->streams[i]);

		if (event_ns < next_ns)
			next_ns = event_ns;
	}
	return next_ns;
}

/* Works off the events of the next moment at which there are any; false if there are none until `until_ns`. */
static bool settle_next(struct sim *sim, uint64_t until_ns)
{
	uint64_t next_ns = next_moment_ns(sim);
	bool flows_changed = false;

	if (next_ns == NEVER || next_ns > until_ns)
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

/* Until the stream has done so many operations. */
static void settle_stream(struct sim *sim, const struct sim_stream *stream, uint64_t amount)
{
	while (stream->done < amount && settle_next(sim, NEVER))
		;
}

static void drop_ring(struct sim_stream *stream)
{
	if (stream->ops != stream->few)
		free(stream->ops);
}

static bool grow_ring(struct sim_stream *stream)
{
	size_t capacity = stream->capacity * 2;
	struct op *ops = malloc(capacity * sizeof(*ops));

	if (!ops)
		return false;
	for (size_t i = 0; i < stream->count; i++)
		ops[i] = stream->ops[(stream->head + i) % stream->capacity];
	drop_ring(stream);
	stream->ops = ops;
	stream->capacity = capacity;
	stream->head = 0;
	return true;
}

static void put(struct sim *sim, struct sim_stream *stream, const struct op *op)
{
	/* Without memory for a longer queue what is in it runs now: later copies on other streams cannot slow it. */
	if (stream->count == stream->capacity && !grow_ring(stream))
		settle_stream(sim, stream, stream->issued);
	stream->ops[(stream->head + stream->count) % stream->capacity] = *op;
	stream->ops[(stream->head + stream->count) % stream->capacity].issued_ns = sim->now_ns;
	stream->count++;
	stream->issued++;
}

static bool sim_read(void *state, unsigned d, const void *address, uint64_t offset_bytes, uint64_t size_bytes, void *to,
		     struct error *e)
{
	const struct sim *sim = state;

	(void)address;
	(void)offset_bytes;
	(void)to;
	return error_set(e, ERROR_BUG, "sim keeps no bytes: %llu of %s cannot be read", (unsigned long long)size_bytes,
			 sim->topology->devices[d].name);
}

static bool sim_write(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, const void *from,
		      struct error *e)
{
	(void)state;
	(void)d;
	(void)address;
	(void)offset_bytes;
	(void)size_bytes;
	(void)from;
	(void)e;
	return true;
}

static bool sim_fill(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value,
		     struct error *e)
{
	(void)state;
	(void)d;
	(void)address;
	(void)offset_bytes;
	(void)size_bytes;
	(void)value;
	(void)e;
	return true;
}

static bool sim_copy(void *state, const struct transfer *transfer, struct error *e)
{
	struct sim *sim = state;
	struct op op = {
		.kind = OP_COPY,
		.from = device_index(transfer->from->device),
		.to = device_index(transfer->to->device),
		.amount = transfer->size_bytes,
	};

	(void)e;
	put(sim, transfer->stream->handle, &op);
	return true;
}

static bool sim_kernel(void *state, const struct stream *stream, const struct kernel_cost *cost, struct error *e)
{
	struct sim *sim = state;
	unsigned d = device_index(stream->device);
	struct op op = { .kind = OP_KERNEL, .from = d, .to = d, .amount = kernel_ns(&sim->topology->devices[d], cost) };

	(void)e;
	put(sim, stream->handle, &op);
	return true;
}

static bool sim_stream_create(void *state, unsigned d, enum stream_kind kind, void **handle, struct error *e)
{
	struct sim *sim = state;
	struct sim_stream *stream;

	(void)d;
	if (!array_reserve(&sim->streams, &sim->stream_capacity, sim->stream_count + 1, sizeof(*sim->streams), e))
		return false;
	stream = array_new(1, sizeof(*stream), e);
	if (!stream)
		return false;
	stream->kind = kind;
	stream->ops = stream->few;
	stream->capacity = OPS_AT_FIRST;
	sim->streams[sim->stream_count++] = stream;
	*handle = stream;
	return true;
}

static void sim_stream_destroy(void *state, void *handle)
{
	struct sim *sim = state;
	struct sim_stream *stream = handle;
	size_t kept = 0;

	for (size_t i = 0; i < sim->stream_count; i++) {
		if (sim->streams[i] != stream)
			sim->streams[kept++] = sim->streams[i];
	}
	sim->stream_count = kept;
	drop_ring(stream);
	free(stream);
}

/* The caller's clock goes to where the stream's has come. */
static void wait_until_done(struct sim *sim, const struct sim_stream *stream, uint64_t amount)
{
	settle_stream(sim, stream, amount);
	if (stream->done_ns > sim->now_ns)
		sim->now_ns = stream->done_ns;
}

static bool sim_stream_synchronize(void *state, const struct stream *stream, struct error *e)
{
	const struct sim_stream *queue = stream->handle;

	(void)e;
	wait_until_done(state, queue, queue->issued);
	return true;
}

static bool sim_event_create(void *state, unsigned d, void **handle, struct error *e)
{
	(void)state;
	(void)d;
	*handle = array_new(1, sizeof(struct sim_event), e);
	return *handle;
}

static void sim_event_destroy(void *state, void *handle)
{
	(void)state;
	free(handle);
}

static bool sim_event_record(void *state, void *handle, const struct stream *stream, struct error *e)
{
	struct sim_event *event = handle;

	(void)state;
	(void)e;
	event->stream = stream->handle;
	event->amount = event->stream->issued;
	return true;
}

static bool sim_event_wait(void *state, void *handle, const struct stream *stream, struct error *e)
{
	const struct sim_event *event = handle;
	struct op op = { .kind = OP_WAIT, .other = event->stream, .amount = event->amount };

	(void)e;
	/* A stream is behind its own work anyway. */
	if (event->stream && event->stream != stream->handle)
		put(state, stream->handle, &op);
	return true;
}

/* All that happens until the caller's clock is settled: nothing that is put on a stream from now on can come before it. */
static bool sim_event_query(void *state, void *handle, bool *done, struct error *e)
{
	struct sim *sim = state;
	const struct sim_event *event = handle;

	(void)e;
	while (settle_next(sim, sim->now_ns))
		;
	*done = !event->stream || event->stream->done >= event->amount;
	return true;
}

static bool sim_event_synchronize(void *state, void *handle, struct error *e)
{
	const struct sim_event *event = handle;

	(void)e;
	if (event->stream)
		wait_until_done(state, event->stream, event->amount);
	return true;
}

static uint64_t sim_now_ns(void *state)
{
	const struct sim *sim = state;

	return sim->now_ns;
}

static void sim_sleep(void *state, uint64_t duration_ns)
{
	struct sim *sim = state;

	sim->now_ns = clock_add_ns(sim->now_ns, duration_ns);
}

static void sim_close(void *state)
{
	struct sim *sim = state;

	free(sim->streams);
	free(sim->used_bytes);
	free(sim);
}

const struct backend sim_backend = {
	.name = "sim",
	.summary = "no bytes: memory is accounted, copies and kernels take modelled time on a virtual clock",
	.bytes_exist = false,
	.host_addressable = false,
	.computes = false,
	.operations = "sim",
	.open = sim_open,
	.close = sim_close,
	.memory_take = sim_memory_take,
	.memory_give = sim_memory_give,
	.pinned_take = sim_memory_take, /* its copies take no detour */
	.pinned_give = sim_memory_give,
	.read = sim_read,
	.write = sim_write,
	.fill = sim_fill,
	.stream_create = sim_stream_create,
	.stream_destroy = sim_stream_destroy,
	.stream_synchronize = sim_stream_synchronize,
	.event_create = sim_event_create,
	.event_destroy = sim_event_destroy,
	.event_record = sim_event_record,
	.event_wait = sim_event_wait,
	.event_query = sim_event_query,
	.event_synchronize = sim_event_synchronize,
	.copy = sim_copy,
	.kernel = sim_kernel,
	.now_ns = sim_now_ns,
	.sleep = sim_sleep,
};
