/* memory.h - what the manager believes about memory: the rules by which weights may have it, and how much there is.
 *
 * Rules are upstream's, from its start-up flags (core/model/memory/settings.h). What there is, a view says: a slot left NULL asks the
 * machine. A view of one's own can put other programs on a device, or a driver's mood, without a machine that has them.
 */
#ifndef RESIDENCY_MANAGER_MEMORY_H
#define RESIDENCY_MANAGER_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "core/model/memory/settings.h"

struct manager;

struct memory_rules {
	enum vram_state state;
	double reserved_bytes; /* of each device, left to others */
	double weight_share; /* of what is free, that weights may take whatever inference wants: 0 on NVIDIA, 0.4 elsewhere */
	bool is_smart; /* models stay loaded until room is wanted; else they all go for every load */
	bool fused_attention; /* of estimates: no scores are stored */
	double least_device_bytes; /* on a device smaller than this, inference and others need less in proportion; 0: never */
};

/* What settings say, for devices of any size. */
struct memory_rules memory_rules_of(const struct settings *settings);

/* An NVIDIA card on Linux, no flags, but small devices count: a demonstration of 256 MiB can hold a model, too. */
struct memory_rules memory_rules_default(void);

struct memory_view {
	void *context;
	double (*free_bytes)(void *context, const struct device *device); /* may be negative */
	double (*cached_bytes)(void *context, const struct device *device); /* of those, the ones an allocator holds back */
	double (*total_bytes)(void *context, const struct device *device);
	/* Whether size_bytes of weights may go to a device in one move; else ERROR_DEVICE_MEMORY, and nothing moves. */
	bool (*admit)(void *context, const struct device *device, uint64_t size_bytes, struct error *e);
};

static inline bool device_is_cpu(const struct device *device)
{
	return device_description(device)->kind == DEVICE_CPU;
}

double memory_free_bytes(const struct manager *m, const struct device *device);
double memory_cached_bytes(const struct manager *m, const struct device *device);
double memory_total_bytes(const struct manager *m, const struct device *device);
bool memory_admits(const struct manager *m, const struct device *device, uint64_t size_bytes, struct error *e);

/* What is left to others. */
double memory_reserved_bytes(const struct manager *m, const struct device *device);

/* What inference is thought to take in any case, with what is left to others. */
double memory_inference_bytes(const struct manager *m, const struct device *device);

/* How many more bytes of a model may be loaded, of which loaded_bytes are already: 0 for no limit. */
double memory_budget_bytes(const struct manager *m, const struct device *device, double loaded_bytes, double minimum_bytes,
			   bool full);

#endif
