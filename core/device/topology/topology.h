/* topology.h - devices and the links between them, measured or described in a file.
 *
 * A topology names devices as workflows do (`cpu`, `cuda:0`, `xpu:1`). It knows nothing of running: a backend realises it
 * (device.h). A link is an ordered pair: there and back are two links, and may differ. `bandwidth_bytes_per_s` is what a copy
 * engine sustains on large transfers; `efficiency` is what a caller that waits for every block really gets of it. Links of one
 * group (a shared PCIe root, say) share what the group has.
 *
 * The file (JSON, schema 1):
 *	{"schema":1,"name":"2x3090-nvlink","title":"...","devices":[{"name":"cpu","capacity_bytes":68719476736,
 *	 "flops_per_s":1e12,"memory_bytes_per_s":4e10},...],"links":[{"from":"cpu","to":"cuda:0",
 *	 "bandwidth_bytes_per_s":2.72e10,"efficiency":0.64,"latency_ns":9000,"group":"root0"},...],
 *	 "groups":[{"name":"root0","bandwidth_bytes_per_s":2.72e10}]}
 * A link that is not listed does not exist: a copy between its ends goes through cpu. flops_per_s, memory_bytes_per_s,
 * efficiency, latency_ns (else 0), group and title may be missing; "source" (where the numbers are from) may stand anywhere and
 * is for people. Any other member is refused: it would be a misspelt one.
 */
#ifndef RESIDENCY_DEVICE_TOPOLOGY_H
#define RESIDENCY_DEVICE_TOPOLOGY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define DEVICE_NAME_MAX 32
#define DEVICE_MAX 32 /* devices of one topology */

enum device_kind {
	DEVICE_CPU,
	DEVICE_CUDA,
	DEVICE_XPU,
	DEVICE_NPU,
	DEVICE_MLU,
	DEVICE_MPS,
	DEVICE_DIRECTML,
	DEVICE_COREX,
	DEVICE_KIND_COUNT
};

/* "cuda" for DEVICE_CUDA. */
const char *device_kind_name(enum device_kind kind);

/* The kind and index of a name like "cuda:1", "cpu" or "mps"; false for any other text. index is 0 where the name has none: cpu and
 * mps have no index, all others must (as in ComfyUI-MultiGPU's device list, which does not know a bare "cuda"). */
bool device_name_parse(const char *name, enum device_kind *kind, unsigned *index);

struct device_description {
	char name[DEVICE_NAME_MAX];
	enum device_kind kind;
	uint64_t capacity_bytes;
	double flops_per_s; /* dense half-precision products, sustained; NAN where unknown */
	double memory_bytes_per_s; /* reads plus writes; NAN where unknown */
};

struct link_description {
	unsigned from; /* index into devices */
	unsigned to;
	double bandwidth_bytes_per_s;
	double efficiency; /* 0 < efficiency <= 1; NAN where it was not measured */
	uint64_t latency_ns;
	int group; /* index into groups, or -1 */
};

struct link_group {
	char name[DEVICE_NAME_MAX];
	double bandwidth_bytes_per_s;
};

struct topology {
	char *name;
	char *title;
	struct device_description *devices; /* in ComfyUI-MultiGPU's order: cpu first */
	size_t device_count;
	struct link_description *links;
	size_t link_count;
	struct link_group *groups;
	size_t group_count;
};

/* Reads the text of a topology. `where` names it in messages. The caller frees with topology_free(). NULL on error: a link to
 * nowhere, a device named twice, a rate that is not positive, no cpu. */
struct topology *topology_parse(const char *text, size_t length, const char *where, struct error *e);
void topology_free(struct topology *topology);

/* A copy of all of it; the caller frees. NULL when out of memory. */
struct topology *topology_copy(const struct topology *topology, struct error *e);

/* The topology as JSON; the caller owns it. NULL when out of memory. */
json_t *topology_to_json(const struct topology *topology);

/* Index of a device by name, or -1. */
int topology_find(const struct topology *topology, const char *name);

/* The link, or NULL if the two have none (then copies go through cpu). */
const struct link_description *topology_link(const struct topology *topology, unsigned from, unsigned to);

/* The links that a copy takes one after the other: 1, or 2 through cpu; 0 where no way leads (links[] is then untouched), and
 * 0 within one device. */
unsigned topology_route(const struct topology *topology, unsigned from, unsigned to, const struct link_description *links[2]);

/* Time for one copy of size_bytes over a link that carries nothing else, rounded up: latency + size / (bandwidth * efficiency, where
 * efficiency is known). A size of 0 still costs the latency: the copy is issued. */
uint64_t topology_link_copy_ns(const struct link_description *link, uint64_t size_bytes);

#endif
