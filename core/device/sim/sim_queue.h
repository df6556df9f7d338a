/* sim_queue.h - the queues of sim's streams, and the time that what is in them takes. Private to core/device/sim.
 *
 * Times are ns of the virtual clock. One thread per machine, as everywhere below a machine.
 */
#ifndef RESIDENCY_DEVICE_SIM_QUEUE_H
#define RESIDENCY_DEVICE_SIM_QUEUE_H

#include "core/base/event.h"
#include "core/device/device.h"

#define SIM_OPS_AT_FIRST 4
#define SIM_NEVER UINT64_MAX

enum sim_op_kind { OP_COPY, OP_KERNEL, OP_WAIT };

struct sim_op {
	enum sim_op_kind kind;
	uint64_t issued_ns; /* it cannot start before */
	unsigned from, to; /* OP_COPY: devices */
	const struct sim_stream *other; /* OP_WAIT */
	uint64_t amount; /* OP_COPY: bytes; OP_KERNEL: ns; OP_WAIT: operations of the other stream that must be done */
};

/* How far a stream's first operation has come. */
enum sim_phase {
	PHASE_WAITING, /* for the operation, its time or another stream */
	PHASE_DELAY, /* until end_ns whatever else happens: a kernel, or a link's latency */
	PHASE_FLOW /* bytes on a link; end_ns holds while the rate does */
};

struct sim_stream {
	struct sim_op few[SIM_OPS_AT_FIRST]; /* so that a short queue needs no memory of its own */
	struct sim_op *ops; /* a ring: few, or grown */
	size_t head;
	size_t count;
	size_t capacity;
	uint64_t issued; /* operations ever put here */
	uint64_t done;
	uint64_t done_ns; /* when the last one was */
	enum sim_phase phase;
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

/* How long a kernel takes: the larger of its flops and its bytes at the device's rates. */
uint64_t sim_kernel_ns(const struct device_description *device, const struct kernel_cost *cost);

/* The operation is copied to the end of the stream's queue, and cannot start before the caller's clock. */
void sim_put(struct sim *sim, struct sim_stream *stream, const struct sim_op *op);

/* Works off the events of the next moment at which there are any; false if there are none until `until_ns`. */
bool sim_settle_next(struct sim *sim, uint64_t until_ns);

/* Works off events until the stream has done so many operations. */
void sim_settle_stream(struct sim *sim, const struct sim_stream *stream, uint64_t amount);

/* Frees the memory of a queue that has grown. */
void sim_drop_queue(struct sim_stream *stream);

#endif
