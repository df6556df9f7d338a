/* live_now.h - what a probe node says is where now (GET /residency/now), read without trust.
 *
 * Texts come from a server that may lie: they are cut to their room, and characters that would move a terminal's cursor, turn the
 * direction of text or cannot be seen are question marks. Lists are cut to the limits below, and what was left out is counted.
 * Anything of a wrong type, and a size below zero, is an error that names the place. Sizes that cannot be (more free than there
 * is) are kept as they were told: who shows them must expect them.
 */
#ifndef RESIDENCY_PROBES_LIVE_NOW_H
#define RESIDENCY_PROBES_LIVE_NOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "db/records/record.h"

#define LIVE_NOW_LAYOUT 1
#define LIVE_NOW_NAME_MAX 160
#define LIVE_NOW_WORD_MAX 48
#define LIVE_NOW_DEVICES_MAX 64
#define LIVE_NOW_MODELS_MAX 512
#define LIVE_NOW_LEFT_MAX 256
#define LIVE_NOW_CALLS_MAX 128
#define LIVE_NOW_PLACES_MAX 16
#define LIVE_NOW_RUNS_MAX 128
#define LIVE_NOW_HOLDERS_MAX 12
#define LIVE_NOW_CHANGES_MAX 32

/* Bytes; UNKNOWN_U64 where not reported. What is used is weights, other (of this process), cache (its allocator's) and the rest. */
struct live_now_device {
	char name[LIVE_NOW_WORD_MAX];
	uint64_t total_bytes, free_bytes;
	uint64_t weights_bytes, other_bytes, cache_bytes, unattributed_bytes;
};

struct live_now_place {
	char device[LIVE_NOW_WORD_MAX];
	uint64_t size_bytes; /* UNKNOWN_U64 where only a run of blocks names the device */
};

struct live_now_run {
	uint8_t place;
	uint32_t block_count;
};

struct live_now_holder {
	char label[LIVE_NOW_WORD_MAX];
	char kind[LIVE_NOW_WORD_MAX];
	bool strong;
};

struct live_now_model {
	uint64_t number; /* in the probe's process, from 1 */
	char name[LIVE_NOW_NAME_MAX]; /* the file it was read from, else its class */
	char kind[LIVE_NOW_WORD_MAX]; /* unet, clip, vae */
	enum keep_request keep;
	char state[LIVE_NOW_WORD_MAX]; /* resident, unloaded, loaded_unlisted, leaked */
	int32_t listed; /* place in the loaded list, newest 0; -1: none */
	char device[LIVE_NOW_WORD_MAX]; /* that it computes on; "" where unknown */
	bool bytes_are_known;
	struct live_now_place places[LIVE_NOW_PLACES_MAX];
	size_t place_count;
	struct live_now_run runs[LIVE_NOW_RUNS_MAX]; /* its blocks, in their order */
	size_t run_count;
	struct live_now_holder holders[LIVE_NOW_HOLDERS_MAX];
	size_t holder_count, holders_left_out;
};

/* A model that was resident and is not any more. */
struct live_now_left {
	uint64_t model;
	char name[LIVE_NOW_NAME_MAX];
	char kind[LIVE_NOW_WORD_MAX];
	enum keep_request keep;
	char reason[LIVE_NOW_WORD_MAX];
	char action[LIVE_NOW_WORD_MAX]; /* the call that made him go; "" for none */
	uint64_t time_ns;
};

enum live_now_what { LIVE_NOW_CAME, LIVE_NOW_LEFT, LIVE_NOW_DIED, LIVE_NOW_MOVED };

struct live_now_change {
	enum live_now_what what;
	char name[LIVE_NOW_NAME_MAX];
	char reason[LIVE_NOW_WORD_MAX]; /* of who left or died */
	uint64_t before_bytes, after_bytes; /* of who was moved, on its device */
};

struct live_now_call {
	char action[LIVE_NOW_WORD_MAX]; /* "" for what happened between calls */
	char inside[LIVE_NOW_WORD_MAX]; /* the call that made it; "" for none */
	uint64_t began_ns;
	uint64_t duration_ns; /* UNKNOWN_U64 while it runs */
	uint64_t count; /* of calls that followed each other and did nothing */
	char exception[RECORD_TEXT_MAX];
	struct live_now_change *changes; /* owned */
	size_t change_count;
};

struct live_now {
	bool has_probe; /* else only devices, queue and versions are known */
	bool is_on; /* the probe; switched off it sees no calls */
	char probe[LIVE_NOW_WORD_MAX], session[RECORD_NAME_MAX], comfyui[LIVE_NOW_WORD_MAX], cache[LIVE_NOW_WORD_MAX];
	char multigpu_version[LIVE_NOW_WORD_MAX], multigpu_policy[LIVE_NOW_WORD_MAX]; /* "2.4.7", "delegate"; "" without one */
	uint64_t failures; /* of the probe itself */
	uint64_t time_ns; /* now, on the clock that all times here are of */
	uint64_t looked_ns; /* when the models were looked at: earlier than now while a call was deciding what to free */
	struct live_now_device *devices; /* all lists are owned */
	size_t device_count;
	struct live_now_model *models;
	size_t model_count, models_left_out;
	uint64_t stale_entries; /* of the loaded list, that hold nothing any more */
	struct live_now_left *left; /* oldest first */
	size_t left_count;
	struct live_now_call *calls; /* in the order they ended */
	size_t call_count;
	struct live_now_call *running; /* outermost first */
	size_t running_count;
	uint64_t prompts_running, prompts_pending;
	char flags[LIVE_NOW_NAME_MAX]; /* of a /free that waits: "free_memory, unload_models" */
	char node[LIVE_NOW_WORD_MAX], node_class[LIVE_NOW_WORD_MAX]; /* that is executed */
};

/* An answer to GET /residency/now. The caller frees. ERROR_UNSUPPORTED for another layout, ERROR_FORMAT. */
struct live_now *live_now_parse(const json_t *answer, struct error *e);

/* What a server without a probe tells: its answers to GET /system_stats and GET /queue. The caller frees. */
struct live_now *live_now_from_server(const json_t *stats, const json_t *queue, struct error *e);

void live_now_free(struct live_now *now);

/* The same as JSON, in the layout that live_now_parse reads; the caller owns it. NULL when out of memory. */
json_t *live_now_json(const struct live_now *now, struct error *e);

#endif
