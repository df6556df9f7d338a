/* diagnosis.h - from what shows that something is wrong to its likely known cause.
 *
 * Evidence is a set of facts, each a bit that the judge finds in a cell's records. The table of causes (diagnosis.c) says which facts
 * a cause must have and which it cannot; the first that fits is the likely one. So causes are told apart by facts alone: nothing
 * here knows the name of a policy or of a scenario, and what decided can be said in words.
 *
 * A cause's class is a number in the list of failure classes with public reports, its threads are those of that list.
 */
#ifndef RESIDENCY_PROBES_DIAGNOSIS_H
#define RESIDENCY_PROBES_DIAGNOSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, code in records, what it says */
#define FACTS(X)                                                                                                               \
	/* what was found */                                                                                                   \
	X(LOST, "lost", "a model that was to be kept left")                                                                    \
	X(LEAKED, "leaked", "a model that was asked to go is still there")                                                     \
	X(DUPLICATED, "duplicated", "files were read again beside a kept copy of them")                                        \
	X(DETACHED, "detached", "a listed model has no weights on its device")                                                 \
	X(STALE, "stale", "an entry of the loaded list is dead inside")                                                        \
	X(STRAY, "stray", "weights are on a device and the model is in no list")                                               \
	X(MISPLACED, "misplaced", "blocks are not where the plan wants them")                                                  \
	X(CORRUPTED, "corrupted", "values differ from the reference")                                                          \
	X(UNATTRIBUTED, "unattributed", "a device's memory is in use and no model, cache or buffer accounts for it")           \
	/* how it left */                                                                                                      \
	X(UNLOADED_BY_CORE, "unloaded_by_core", "core's own unload took it, which knows no keep flag")                         \
	X(UNLOADED_BY_POLICY, "unloaded_by_policy", "the policy's unload took it")                                             \
	X(EVICTED_BY_LOAD, "evicted_by_load", "another model's load evicted it")                                               \
	X(EVICTED_BY_PRESSURE, "evicted_by_pressure", "it was evicted to free memory")                                         \
	X(DIED_IN_GC, "died_in_gc", "it died in a garbage collection")                                                         \
	X(DIED_BY_COUNT, "died_by_count", "its last owner released it")                                                        \
	X(DROPPED_BY_WORKFLOW, "dropped_by_workflow", "the next workflow has no node for it, so the caches dropped it")        \
	X(ANCHORS_CLEARED, "anchors_cleared", "all anchors were cleared at once")                                              \
	X(SUPERSEDED, "superseded", "another patcher of the same model took its place in the list")                            \
	X(NEVER_RESIDENT, "never_resident", "nothing ever loaded it")                                                          \
	X(EVICTED_AGAIN, "evicted_again", "models of its name were evicted by loads more than once")                           \
	/* what came before */                                                                                                 \
	X(PROMPT_BEFORE, "prompt_before", "the action before it was a prompt")                                                 \
	X(POST_BEFORE, "post_before", "the action before it was a request to free")                                            \
	X(FREE_CALLED, "free_called", "free_memory was called directly, past the worker")                                      \
	X(CACHE_CLEARED, "cache_cleared", "the device's cache was cleared by force")                                           \
	X(NOT_ASKED, "not_asked", "the worker acted on flags that no request had set")                                         \
	X(CACHES_RESET, "caches_reset", "free_memory was asked, which drops the executor's caches")                            \
	X(ONLY_UNLOAD, "only_unload", "only unload_models was asked, so the executor's caches stay")                           \
	/* whom else it concerns */                                                                                            \
	X(ALL_KEPT, "all_wished", "every model listed then was to be kept")                                                    \
	X(NEIGHBOUR_NOT_KEPT, "neighbour_not_wished", "a model listed beside it was not to be kept")                           \
	X(IS_CLONE, "is_clone", "it is a patcher made from another of the same model")                                         \
	X(NEWER_CLONE, "newer_clone", "a newer clone of the same model was made in the same prompt")                           \
	X(NOT_ITS_OWN, "not_its_own", "the allocation it was placed by was set for another model of the same shape")           \
	X(MISREAD, "misread", "the allocation string says something else than it seems to")                                    \
	X(OVER_COMMITTED, "over_committed", "a device is to hold more than it has")                                            \
	X(PATCHED_FOR_ANOTHER, "patched_for_another", "the patches in its weights are another patcher's")                      \
	X(NO_PEER_ACCESS, "no_peer_access", "there is no link between where weights wait and where they are used")             \
	X(STICKY_DEVICE, "sticky_device", "the manager takes another loader's device for its own")                             \
	X(OTHER_DEVICE, "other_device", "what ran on another device went at the same request")                                 \
	/* who held it */                                                                                                      \
	X(ONLY_CACHE_BEFORE, "only_cache_before", "one stage earlier only the executor's caches held it")                      \
	X(CACHE_HOLDS, "cache_holds", "the executor's caches hold it")                                                         \
	X(ANCHORS_HOLD, "anchors_hold", "an anchor set holds it")                                                              \
	X(FOREIGN_HOLDS, "foreign_holds", "something outside the engine holds it")                                             \
	X(NO_HOLDER, "nobody_holds", "nothing holds it any more")                                                              \
	/* where it is */                                                                                                      \
	X(ALIVE_AT_END, "alive_at_end", "its object is alive at the end")                                                      \
	X(IN_HOST_MEMORY, "in_host_memory", "its weights are off the device and still in host memory at the end")              \
	X(ON_DEVICE, "on_device", "its weights are on a device at the end")                                                    \
	/* of the cell */                                                                                                      \
	X(WORKER_DIED, "worker_died", "an exception ended the prompt worker")                                                  \
	X(DIED_WITH_WORKER, "died_with_worker", "it is from the stage where the worker died")                                  \
	X(RESIDENCY_RIGHT, "residency_right", "every model was where it should be")

enum fact_index {
#define FACT_INDEX(name, code, words) FACT_INDEX_##name,
	FACTS(FACT_INDEX)
#undef FACT_INDEX
		FACT_COUNT
};

typedef uint64_t fact_set;

#define FACT(name) ((fact_set)1 << FACT_INDEX_##name)

/* A known cause: a row of the table. */
struct cause {
	int failure_class; /* -1: none of the list */
	const char *text; /* one line */
	const char *threads; /* "CC#6705, MG#69"; "" for none */
	fact_set needs; /* all of them */
	fact_set excludes; /* none of them */
};

/* The first row that fits, or NULL. */
const struct cause *diagnosis_of(fact_set facts);

/* The rows, for tests: NULL past the last. */
const struct cause *diagnosis_row(size_t index);

/* Codes with one space between; those that do not fit are left out whole. */
void diagnosis_facts_text(fact_set facts, char *text, size_t size_bytes);

/* The set that such a text names; what is no code is passed over. */
fact_set diagnosis_facts_parse(const char *text);

/* The facts that decided for a cause, as sentences: "core's own unload took it, which knows no keep flag; every ...". */
void diagnosis_why(const struct cause *cause, char *text, size_t size_bytes);

#endif
