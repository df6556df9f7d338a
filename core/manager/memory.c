/* memory.c - upstream's formulas for reserved and minimum memory, as functions of the start-up flags. What there is
 * comes from the view, else from the machine.
 */
#include "core/manager/memory.h"

#include <math.h>

#include "core/base/units.h"
#include "core/manager/state.h"

#define LEAST_DEVICE_BYTES (4.0 * (double)GIB)
#define BUDGET_LEAST_BYTES (128.0 * (double)MIB)
#define BUDGET_NO_VRAM_BYTES 0.1 /* less than any block, but not 0, which is no limit */

struct memory_rules memory_rules_of(const struct settings *settings)
{
	return (struct memory_rules) { .state = settings->vram_state,
				       .reserved_bytes = settings->reserved_bytes,
				       .weight_share = settings->weight_share,
				       .is_smart = settings->is_smart,
				       .fused_attention = settings->fused_attention };
}

struct memory_rules memory_rules_default(void)
{
	static const struct platform platform = { .vendor = VENDOR_NVIDIA, .gpu_name = "", .architecture = "" };
	struct settings settings;
	struct memory_rules rules;

	settings_make(&settings, &platform, 0, NAN);
	rules = memory_rules_of(&settings);
	rules.least_device_bytes = LEAST_DEVICE_BYTES;
	return rules;
}

double memory_free_bytes(const struct manager *m, const struct device *device)
{
	if (m->view.free_bytes)
		return m->view.free_bytes(m->view.context, device);
	return (double)device_free_bytes(device);
}

/* On a cpu upstream counts all that is free as cached. */
double memory_cached_bytes(const struct manager *m, const struct device *device)
{
	struct memory_use use;

	if (m->view.cached_bytes)
		return m->view.cached_bytes(m->view.context, device);
	if (device_is_cpu(device))
		return memory_free_bytes(m, device);
	use = device_memory_use(device);
	return (double)(use.reserved_bytes - use.allocated_bytes);
}

double memory_total_bytes(const struct manager *m, const struct device *device)
{
	if (m->view.total_bytes)
		return m->view.total_bytes(m->view.context, device);
	return (double)device_description(device)->capacity_bytes;
}

bool memory_admits(const struct manager *m, const struct device *device, uint64_t size_bytes, struct error *e)
{
	return !m->view.admit || m->view.admit(m->view.context, device, size_bytes, e);
}

/* Of the usual, how much is thought to hold for a device. */
static double scale(const struct manager *m, const struct device *device)
{
	double total_bytes = memory_total_bytes(m, device);

	return total_bytes < m->rules.least_device_bytes ? total_bytes / m->rules.least_device_bytes : 1;
}

double memory_reserved_bytes(const struct manager *m, const struct device *device)
{
	return m->rules.reserved_bytes * scale(m, device);
}

double memory_inference_bytes(const struct manager *m, const struct device *device)
{
	return (INFERENCE_LEAST_BYTES + m->rules.reserved_bytes) * scale(m, device);
}

double memory_budget_bytes(const struct manager *m, const struct device *device, double loaded_bytes, double minimum_bytes,
			   bool full)
{
	enum vram_state state = device_is_cpu(device) ? VRAM_DISABLED : m->rules.state;
	double inference_bytes = memory_inference_bytes(m, device);
	double free_bytes = memory_free_bytes(m, device) + loaded_bytes;
	double budget_bytes = 0;

	if (state == VRAM_NO)
		return BUDGET_NO_VRAM_BYTES;
	if (full || (state != VRAM_LOW && state != VRAM_NORMAL))
		return 0;
	budget_bytes = fmin(free_bytes * m->rules.weight_share, free_bytes - inference_bytes);
	budget_bytes = fmax(fmax(fmin(BUDGET_LEAST_BYTES, inference_bytes), free_bytes - minimum_bytes), budget_bytes);
	return fmax(BUDGET_NO_VRAM_BYTES, budget_bytes - loaded_bytes);
}
