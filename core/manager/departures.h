/* departures.h - what leaves and why, told to the observer and the trace. Private to core/manager.
 *
 * A death record is allocated with its patcher, so that dying cannot fail. One thread: the worker's.
 */
#ifndef RESIDENCY_MANAGER_DEPARTURES_H
#define RESIDENCY_MANAGER_DEPARTURES_H

#include "core/manager/state.h"

/* Immediately. */
void manager_tell_departure(struct manager *m, const struct patcher *patcher, enum reason reason);

/* A new patcher, or one whose keep flag has changed. */
void manager_tell_object(struct manager *m, const struct patcher *patcher);

/* A patcher dies: its death record waits for manager_tell_departures(). */
void manager_note_death(struct manager *m, struct patcher *patcher);

/* Frees the records that were not told. */
void manager_forget_deaths(struct manager *m);

#endif
