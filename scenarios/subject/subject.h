/* subject.h - what a scenario runs on: the engine in this program, or a live server. Scenarios never ask which one they have.
 *
 * A cell begins with a fresh subject and ends with its last stage. Between, a scenario does one thing after the other; each
 * waits until the worker is idle. Records go to the sink that begin was given, in the order in which things happened; the cell's
 * RECORD_CELL and the RECORD_ACTIONs are the scenario's own to put.
 */
#ifndef RESIDENCY_SCENARIOS_SUBJECT_H
#define RESIDENCY_SCENARIOS_SUBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/device/device.h"
#include "core/device/topology/topology.h"
#include "core/workflow/action.h"
#include "core/workflow/engine.h"
#include "core/workflow/library/catalog.h"
#include "db/records/record.h"

/* split: compute and offload device differ, as on a GPU; same: both are cpu. */
enum device_mode { DEVICE_MODE_SPLIT, DEVICE_MODE_SAME, DEVICE_MODE_COUNT };
const char *subject_device_mode_name(enum device_mode mode);
bool subject_device_mode_from_name(const char *name, enum device_mode *mode); /* cpu0 and cpu, too */

enum node_flags { NODE_FLAGS_REAL, NODE_FLAGS_SUPPRESSED, NODE_FLAGS_COUNT };
const char *subject_node_flags_name(enum node_flags flags);
bool subject_node_flags_from_name(const char *name, enum node_flags *flags);

struct subject_setup {
	uint32_t cell; /* number in its records */
	const struct policy *policy; /* NULL: strict; of an engine only */
	enum cache_kind cache;
	size_t lru_size; /* 0: the default */
	enum device_mode device_mode;
	enum node_flags node_flags;
	const struct catalog *catalog; /* NULL: placeholder models of any name (catalog_matrix.h) */
	const char *output_folder;
	bool record_transfers, record_steps, record_placement;
	bool record_brief; /* what is dead is told once: not for a judge */
};

struct subject;

struct subject_operations {
	const char *kind; /* "engine", "comfyui" */
	bool (*begin)(struct subject *subject, const struct subject_setup *setup, const struct record_sink *sink,
		      struct error *e);
	/* Does one action, and does not wait for the worker, but for time that passes. ERROR_UNSUPPORTED where it cannot. */
	bool (*act)(struct subject *subject, const struct action *action, struct error *e);
	/* Asked before a cell begins. Where it cannot, *why is ERROR_UNSUPPORTED and says so; another kind is an error of the run.
	 * NULL: it can do all. */
	bool (*can)(struct subject *subject, enum action_kind kind, struct error *why);
	/* The same of models that weigh what a flow says. NULL: it can. */
	bool (*can_size)(struct subject *subject, struct error *why);
	bool (*wait_until_idle)(struct subject *subject, struct error *e);
	bool (*worker_died)(const struct subject *subject);
	uint32_t (*cycle)(const struct subject *subject); /* that the next stage will have */
	/* Where a workflow's models are to run in this cell; "cuda:0", "cpu". */
	const char *(*compute_device)(const struct subject *subject);
	bool (*has_device)(const struct subject *subject, const char *name);
	/* Asks to be told of images, too (struct observer's slot); before begin. NULL where a subject knows of none. */
	void (*on_image)(struct subject *subject, void (*image)(void *context, const struct image_event *event), void *context);
	/* Records of the cell that the subject itself had no room for; NULL where it always has. */
	uint64_t (*dropped)(const struct subject *subject);
	/* What a verdict needs and this subject cannot observe, in words. NULL, and a NULL slot: nothing. */
	const char *(*lacks)(const struct subject *subject);
	bool (*end)(struct subject *subject, struct error *e); /* of the cell: the stage `end`, then all is dropped */
	void (*close)(struct subject *subject);
};

struct subject {
	const struct subject_operations *operations;
};

/* Refused with the name of what is missing. */
bool subject_check(const struct subject_operations *operations, struct error *e);

/* Puts the RECORD_ACTION of what the subject is about to do; detail: what is told beside its kind. */
void subject_put_action(const struct subject *subject, const struct action *action, const char *detail,
			const struct record_sink *sink, uint32_t cell);

/* The engine in this program. Topology and backend are borrowed. The caller closes. */
struct subject *subject_engine_open(const struct topology *topology, const struct backend *backend, const struct log_sink *log,
				    const bool *interrupted, struct error *e);

/* The running engine of such a subject, between begin and end; for tests and for reports of hashes. */
struct engine *subject_engine(const struct subject *subject);

/* Told of images, too (struct observer's slot), beside the records. Before begin. */
void subject_engine_on_image(struct subject *subject, void (*image)(void *context, const struct image_event *event),
			     void *context);

static inline void subject_close(struct subject *subject)
{
	if (subject)
		subject->operations->close(subject);
}

#endif
