/* ledger.c - one pass over devices for what they report, one over models for their weights.
 *
 * What remains of a device's used bytes after each named share is taken off is unattributed. Shares can overlap for a moment, while
 * a buffer changes hands, so a difference never goes below 0. A row that is 0 and not part of the sum is left out.
 */
#include "probes/snapshot/ledger.h"

#include "core/base/array.h"

static uint64_t less(uint64_t from, uint64_t taken)
{
	return taken < from ? from - taken : 0;
}

static void reconcile(struct ledger *line)
{
	uint64_t rest = less(line->used_bytes, line->context_bytes);

	rest = less(rest, line->weights_bytes);
	rest = less(rest, line->activations_bytes);
	rest = less(rest, line->cache_bytes);
	line->unattributed_bytes = less(rest, line->other_bytes);
}

void ledger_take(struct ledger *lines, struct machine *machine, const struct model *const *models, size_t model_count,
		 const struct ledger_known *known)
{
	size_t devices = machine_device_count(machine);

	for (size_t d = 0; d < devices; d++) {
		struct memory_use use = device_memory_use(machine_device(machine, d));
		uint64_t context_bytes = known ? known->context_bytes[d] : 0;

		lines[d] = (struct ledger) {
			.used_bytes = use.reserved_bytes + context_bytes,
			.context_bytes = context_bytes,
			.activations_bytes = known ? known->activations_bytes[d] : 0,
			.cache_bytes = less(use.reserved_bytes, use.requested_bytes),
			.other_bytes = known ? known->other_bytes[d] : 0,
			.pinned_bytes = use.pinned_bytes,
			.largest_free_bytes = use.largest_free_bytes,
		};
	}
	for (size_t i = 0; i < model_count; i++) {
		for (size_t d = 0; d < devices; d++)
			lines[d].weights_bytes += models[i]->bytes_on[d];
	}
	for (size_t d = 0; d < devices; d++)
		reconcile(&lines[d]);
}

void ledger_put(const struct ledger *line, uint32_t cell, uint32_t snapshot, uint32_t device, const struct record_sink *sink)
{
	const struct {
		const char *name;
		uint64_t size_bytes;
		bool always;
	} rows[] = {
		{ .name = "used", .size_bytes = line->used_bytes, .always = true },
		{ .name = "context", .size_bytes = line->context_bytes, .always = true },
		{ .name = "weights", .size_bytes = line->weights_bytes, .always = true },
		{ .name = "activations", .size_bytes = line->activations_bytes, .always = true },
		{ .name = "cache", .size_bytes = line->cache_bytes, .always = true },
		{ .name = "other", .size_bytes = line->other_bytes, .always = true },
		{ .name = "unattributed", .size_bytes = line->unattributed_bytes, .always = true },
		{ .name = "pinned", .size_bytes = line->pinned_bytes },
		{ .name = "largest_free", .size_bytes = line->largest_free_bytes },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct record_memory memory = { .cell = cell, .snapshot = snapshot, .device = device };

		if (!rows[i].always && !rows[i].size_bytes)
			continue;
		memory.size_bytes = rows[i].size_bytes;
		record_text(memory.line, sizeof(memory.line), rows[i].name);
		record_put(sink, RECORD_MEMORY, &memory, sizeof(memory));
	}
}
