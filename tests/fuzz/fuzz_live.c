/* Any bytes as what a probe node answers: an error that says where, or records of objects and snapshots that were told of, which a
 * judge takes to a verdict. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "probes/judge/judge.h"
#include "probes/live/live_records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char devices[] = "{\"schema\":1,\"name\":\"t\",\"devices\":[{\"name\":\"cpu\",\"capacity_bytes\":1},"
			      "{\"name\":\"cuda:0\",\"capacity_bytes\":1}],\"links\":[]}";

struct check {
	struct record_sink judge;
	const struct live_translation *translation;
};

static void demand(bool true_of_records)
{
	if (!true_of_records)
		abort();
}

static void check_text(const char *text)
{
	demand(utf8_check(text, strlen(text), NULL));
}

static void put(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	const struct check *check = context;
	const struct live_translation *told = check->translation;

	if (type == RECORD_PATH) {
		const struct record_path *path = record;

		demand(path->model <= told->object_count && path->snapshot <= told->snapshot_count);
		check_text(path->path);
	} else if (type == RECORD_MEMORY) {
		const struct record_memory *memory = record;

		demand(memory->device < 2 && memory->snapshot <= told->snapshot_count);
		check_text(memory->line);
	} else if (type == RECORD_PLANNED) {
		const struct record_planned *planned = record;

		demand(planned->device < 2 && planned->model <= told->object_count);
		demand(planned->first + planned->count >= planned->first);
	} else if (type == RECORD_BLOCK) {
		const struct record_block *block = record;

		demand(block->model <= told->object_count && block->first + block->count >= block->first);
	} else if (type == RECORD_ALLOCATION) {
		const struct record_allocation *allocation = record;

		check_text(allocation->own);
		check_text(allocation->used);
	} else if (type == RECORD_MODEL) {
		check_text(((const struct record_model *)record)->name);
	}
	record_put(&check->judge, type, record, size_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct topology *topology = topology_parse(devices, sizeof(devices) - 1, "devices", &e);
	struct judge *judge = judge_new(&e);
	const struct record_cell cell = { .cell = 1 };
	struct check check;
	const struct record_sink sink = { .context = &check, .put = put };
	struct live_translation translation = { .sink = &sink, .topology = topology, .cell = 1 };
	struct live_batch batch;
	struct judge_result result;

	demand(topology && judge);
	check = (struct check) { .judge = judge_sink(judge), .translation = &translation };
	record_put(&check.judge, RECORD_CELL, &cell, sizeof(cell));
	if (!live_batch_read((const char *)data, size, 0, &translation, &batch, &e))
		demand(error_is_set(&e));
	(void)live_batch_is_whole((const char *)data, size);
	error_clear(&e);
	if (!judge_finish(judge, &result, &e))
		demand(error_is_set(&e));
	judge_free(judge);
	topology_free(topology);
	return 0;
}
