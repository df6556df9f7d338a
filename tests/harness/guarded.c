/* Each segment is an anonymous mapping without rights. A slot opens the pages of the range it works on, does its work and closes
 * them again. The allocator above cuts segments into pieces of 512 bytes, so two pieces may share a page: that is safe, since
 * nothing is open between slots. Time is host's own, on a host state.
 *
 * A copy runs as late as it may: when a caller waits for its stream or for an event behind it, and then streams that it waits
 * for run first. One whose memory was given back before finds its pages gone, and its stream fails and stays so; one whose
 * memory was used again too early brings wrong bytes.
 */
#include "tests/harness/guarded.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/event.h"

struct guarded_stream;

/* A copy, or, where `other` is set, a wait until that stream has done `amount` operations. */
struct guarded_op {
	void *target;
	const void *source;
	struct transfer_event event;
	struct guarded_stream *other;
	uint64_t amount;
};

struct guarded_stream {
	struct guarded_op *ops; /* all that were ever put here */
	size_t capacity;
	uint64_t issued, done;
	struct error failure; /* the first; set once */
};

struct guarded_event {
	struct guarded_stream *stream; /* NULL until it is recorded */
	uint64_t amount;
};

struct guarded {
	void *host;
	const struct backend_listener *listener;
	const struct topology *topology;
	uint64_t used_bytes[DEVICE_MAX];
};

static bool guarded_open(void **state, const struct topology *topology, const struct backend_listener *listener,
			 struct error *e)
{
	struct guarded *guarded = array_new(1, sizeof(*guarded), e);

	if (!guarded)
		return false;
	guarded->topology = topology;
	guarded->listener = listener;
	if (!host_backend.open(&guarded->host, topology, listener, e)) {
		free(guarded);
		return false;
	}
	*state = guarded;
	return true;
}

static void guarded_close(void *state)
{
	struct guarded *guarded = state;

	host_backend.close(guarded->host);
	free(guarded);
}

static bool guarded_take(void *state, unsigned d, uint64_t size_bytes, void **address, struct error *e)
{
	struct guarded *guarded = state;
	const struct device_description *device = &guarded->topology->devices[d];

	if (size_bytes > device->capacity_bytes - guarded->used_bytes[d])
		return error_set(e, ERROR_DEVICE_MEMORY, "%s has no %llu bytes left", device->name,
				 (unsigned long long)size_bytes);
	*address = mmap(NULL, size_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (*address == MAP_FAILED)
		return error_no_memory(e);
	guarded->used_bytes[d] += size_bytes;
	return true;
}

static void guarded_give(void *state, unsigned d, void *address, uint64_t size_bytes)
{
	struct guarded *guarded = state;

	guarded->used_bytes[d] -= size_bytes;
	munmap(address, size_bytes);
}

/* Gives the pages that hold a range these rights. */
static bool protect(const void *address, uint64_t size_bytes, int rights, struct error *e)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = (uintptr_t)address / page * page;
	uintptr_t end = ((uintptr_t)address + size_bytes + page - 1) / page * page;

	if (mprotect((void *)first, end - first, rights) == 0)
		return true;
	return error_set(e, ERROR_BUG, "cannot protect %llu bytes of guarded memory", (unsigned long long)size_bytes);
}

static bool guarded_read(void *state, unsigned d, const void *address, uint64_t offset_bytes, uint64_t size_bytes, void *to,
			 struct error *e)
{
	const uint8_t *bytes = (const uint8_t *)address + offset_bytes;

	(void)state;
	(void)d;
	if (!protect(bytes, size_bytes, PROT_READ, e))
		return false;
	memcpy(to, bytes, size_bytes);
	return protect(bytes, size_bytes, PROT_NONE, e);
}

static bool guarded_write(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, const void *from,
			  struct error *e)
{
	uint8_t *bytes = (uint8_t *)address + offset_bytes;

	(void)state;
	(void)d;
	if (!protect(bytes, size_bytes, PROT_READ | PROT_WRITE, e))
		return false;
	memcpy(bytes, from, size_bytes);
	return protect(bytes, size_bytes, PROT_NONE, e);
}

static bool guarded_fill(void *state, unsigned d, void *address, uint64_t offset_bytes, uint64_t size_bytes, uint8_t value,
			 struct error *e)
{
	uint8_t *bytes = (uint8_t *)address + offset_bytes;

	(void)state;
	(void)d;
	if (!protect(bytes, size_bytes, PROT_READ | PROT_WRITE, e))
		return false;
	memset(bytes, value, size_bytes);
	return protect(bytes, size_bytes, PROT_NONE, e);
}

/* Both ranges are opened before the copy and closed after it: they may share a page. */
static bool run_copy(const struct guarded *guarded, struct guarded_op *op, struct error *e)
{
	uint64_t size_bytes = op->event.size_bytes;

	op->event.start_ns = host_backend.now_ns(guarded->host);
	if (size_bytes) {
		if (!protect(op->source, size_bytes, PROT_READ | PROT_WRITE, e) ||
		    !protect(op->target, size_bytes, PROT_READ | PROT_WRITE, e))
			return false;
		memmove(op->target, op->source, size_bytes);
		if (!protect(op->source, size_bytes, PROT_NONE, e) || !protect(op->target, size_bytes, PROT_NONE, e))
			return false;
	}
	op->event.end_ns = host_backend.now_ns(guarded->host);
	guarded->listener->copied(guarded->listener->context, &op->event);
	return true;
}

/* Works a stream off until it has done `amount` operations, and what it waits for before. */
static void run_stream(const struct guarded *guarded, struct guarded_stream *stream, uint64_t amount)
{
	while (stream->done < amount) {
		struct guarded_op *op = &stream->ops[stream->done];

		if (op->other)
			run_stream(guarded, op->other, op->amount);
		else if (!error_is_set(&stream->failure))
			run_copy(guarded, op, &stream->failure);
		stream->done++;
	}
}

static bool put(struct guarded_stream *stream, const struct guarded_op *op, struct error *e)
{
	if (!array_reserve(&stream->ops, &stream->capacity, stream->issued + 1, sizeof(*stream->ops), e))
		return false;
	stream->ops[stream->issued++] = *op;
	return true;
}

static bool guarded_copy(void *state, const struct transfer *transfer, struct error *e)
{
	const struct guarded_op op = {
		.target = device_transfer_target(transfer),
		.source = device_transfer_source(transfer),
		.event = {
			.from = device_index(transfer->from->device),
			.to = device_index(transfer->to->device),
			.stream = transfer->stream->kind,
			.size_bytes = transfer->size_bytes,
		},
	};

	(void)state;
	return put(transfer->stream->handle, &op, e);
}

static bool guarded_kernel(void *state, const struct stream *stream, const struct kernel_cost *cost, struct error *e)
{
	(void)state;
	(void)stream;
	(void)cost;
	(void)e;
	return true;
}

static bool guarded_stream_create(void *state, unsigned d, enum stream_kind kind, void **handle, struct error *e)
{
	struct guarded_stream *stream = array_new(1, sizeof(*stream), e);

	(void)state;
	(void)d;
	(void)kind;
	if (stream)
		stream->failure = (struct error)ERROR_INIT;
	*handle = stream;
	return stream;
}

static void guarded_stream_destroy(void *state, void *handle)
{
	struct guarded_stream *stream = handle;

	(void)state;
	error_clear(&stream->failure);
	free(stream->ops);
	free(stream);
}

static bool guarded_stream_synchronize(void *state, const struct stream *stream, struct error *e)
{
	struct guarded_stream *queue = stream->handle;

	run_stream(state, queue, queue->issued);
	return !error_is_set(&queue->failure) || error_set(e, queue->failure.kind, "%s", queue->failure.text);
}

static bool guarded_event_create(void *state, unsigned d, void **handle, struct error *e)
{
	(void)state;
	(void)d;
	*handle = array_new(1, sizeof(struct guarded_event), e);
	return *handle;
}

static void guarded_event_destroy(void *state, void *handle)
{
	(void)state;
	free(handle);
}

static bool guarded_event_record(void *state, void *handle, const struct stream *stream, struct error *e)
{
	struct guarded_event *event = handle;

	(void)state;
	(void)e;
	event->stream = stream->handle;
	event->amount = event->stream->issued;
	return true;
}

static bool guarded_event_wait(void *state, void *handle, const struct stream *stream, struct error *e)
{
	const struct guarded_event *event = handle;
	const struct guarded_op op = { .other = event->stream, .amount = event->amount };

	(void)state;
	return !event->stream || event->stream == stream->handle || put(stream->handle, &op, e);
}

static bool guarded_event_query(void *state, void *handle, bool *done, struct error *e)
{
	const struct guarded_event *event = handle;

	(void)state;
	(void)e;
	*done = !event->stream || event->stream->done >= event->amount;
	return true;
}

static bool guarded_event_synchronize(void *state, void *handle, struct error *e)
{
	const struct guarded_event *event = handle;

	if (!event->stream)
		return true;
	run_stream(state, event->stream, event->amount);
	return !error_is_set(&event->stream->failure) ||
	       error_set(e, event->stream->failure.kind, "%s", event->stream->failure.text);
}

static uint64_t guarded_now_ns(void *state)
{
	const struct guarded *guarded = state;

	return host_backend.now_ns(guarded->host);
}

static void guarded_sleep(void *state, uint64_t duration_ns)
{
	const struct guarded *guarded = state;

	host_backend.sleep(guarded->host, duration_ns);
}

const struct backend guarded_backend = {
	.name = "guarded",
	.summary = "bytes that only the backend may touch, for tests",
	.bytes_exist = true,
	.host_addressable = false,
	.computes = true,
	.operations = "host",
	.open = guarded_open,
	.close = guarded_close,
	.memory_take = guarded_take,
	.memory_give = guarded_give,
	.pinned_take = guarded_take,
	.pinned_give = guarded_give,
	.read = guarded_read,
	.write = guarded_write,
	.fill = guarded_fill,
	.stream_create = guarded_stream_create,
	.stream_destroy = guarded_stream_destroy,
	.stream_synchronize = guarded_stream_synchronize,
	.event_create = guarded_event_create,
	.event_destroy = guarded_event_destroy,
	.event_record = guarded_event_record,
	.event_wait = guarded_event_wait,
	.event_query = guarded_event_query,
	.event_synchronize = guarded_event_synchronize,
	.copy = guarded_copy,
	.kernel = guarded_kernel,
	.now_ns = guarded_now_ns,
	.sleep = guarded_sleep,
};
