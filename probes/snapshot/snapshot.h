/* snapshot.h - everything observable at one stage, as records.
 *
 * A probe is an observer of one engine: told of a stage, it walks manager and heap and puts what it finds into a sink: each
 * object's state, its bytes, who holds it; each device's ledger; and between stages what it is told: objects, loads, requests,
 * departures, and where wanted transfers, steps and placements. Its memory is kept from cell to cell; a snapshot allocates
 * nothing once there is room for the objects.
 *
 *	probe = probe_new(e);
 *	probe_begin(probe, cell, &sink);
 *	options.observer = probe_observer(probe);
 *	engine = engine_open(&options, e);
 *	probe_watch(probe, engine);
 */
#ifndef RESIDENCY_PROBES_SNAPSHOT_H
#define RESIDENCY_PROBES_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/event.h"
#include "db/records/record.h"

struct engine;
struct probe;

/* The caller frees. */
struct probe *probe_new(struct error *e);
void probe_free(struct probe *probe);

struct probe_settings {
	bool transfers, steps, placement;
	bool brief; /* what is dead is told once, and forgotten: for long runs. Such records are not for a judge */
};

/* Forgets the last cell. The sink is borrowed. */
void probe_begin(struct probe *probe, uint32_t cell, const struct probe_settings *settings, const struct record_sink *sink);

/* Borrowed: lives as long as the probe. */
const struct observer *probe_observer(const struct probe *probe);

void probe_watch(struct probe *probe, const struct engine *engine);

/* Told of images, too. */
void probe_on_image(struct probe *probe, void (*image)(void *context, const struct image_event *event), void *context);

/* False when the probe ran out of memory since probe_begin: the records are not whole. */
bool probe_is_fine(const struct probe *probe, struct error *e);

#endif
