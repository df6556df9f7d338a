/* ledger.h - what a device's memory is used for, reconciled: what cannot be named is shown, not hidden.
 *
 *	used	      what the device says is taken
 *	context	      taken before the first allocation (a CUDA context; 0 on host and sim)
 *	weights	      of the models given
 *	activations   in buffers of whoever computes, as announced
 *	cache	      kept by the allocator: freed by its users, or rounding of what they use
 *	other	      in other buffers (staging), as announced
 *	unattributed  used, less all of these: buffers that were not reported
 *
 * Two more figures are not part of that sum: `pinned`, what is page-locked of the host's, and `largest_free`, the largest piece
 * that the cache could give: over all that is free in it, how little it is in pieces. Each is put only where it is not 0.
 */
#ifndef RESIDENCY_PROBES_LEDGER_H
#define RESIDENCY_PROBES_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/device/device.h"
#include "core/model/model.h"
#include "db/records/record.h"

struct ledger {
	uint64_t used_bytes;
	uint64_t context_bytes;
	uint64_t weights_bytes;
	uint64_t activations_bytes;
	uint64_t cache_bytes;
	uint64_t other_bytes;
	uint64_t unattributed_bytes;
	uint64_t pinned_bytes;
	uint64_t largest_free_bytes;
};

/* What ledger_take cannot see by itself, by device index; NULL for nothing. */
struct ledger_known {
	uint64_t context_bytes[DEVICE_MAX];
	uint64_t activations_bytes[DEVICE_MAX];
	uint64_t other_bytes[DEVICE_MAX];
};

/* Fills lines[machine_device_count(machine)]. Every living model once, whatever number of patchers it has. */
void ledger_take(struct ledger *lines, struct machine *machine, const struct model *const *models, size_t model_count,
		 const struct ledger_known *known);

/* Puts a device's lines as RECORD_MEMORY records. */
void ledger_put(const struct ledger *line, uint32_t cell, uint32_t snapshot, uint32_t device, const struct record_sink *sink);

#endif
