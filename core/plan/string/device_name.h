/* device_name.h - a device's name taken apart: `type` or `type:index`, as PyTorch spells devices. Private to core/plan.
 *
 * Everything that looks into such a name does it here. Spans point into the name. No state, any thread.
 */
#ifndef RESIDENCY_PLAN_DEVICE_NAME_H
#define RESIDENCY_PLAN_DEVICE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/plan/string/text.h"

enum device_name_fault { DEVICE_NAME_OK, DEVICE_NAME_MALFORMED, DEVICE_NAME_INDEX_TOO_LARGE };

struct device_name {
	struct span type; /* letters and underscores, in either case */
	int64_t index; /* up to INT32_MAX; DEVICE_NAME_NO_INDEX: a type alone */
};

#define DEVICE_NAME_NO_INDEX (-1)

/* No spaces, no leading zeros. *name is whole only where it returns OK; the type is there, too, where the index is too large. */
enum device_name_fault device_name_split(struct span text, struct device_name *name);

/* The index of the device that PyTorch takes type:index for. It keeps a signed byte: 256 is 0, and 255 is -1, which is no index and
 * means the current device, 0, as DEVICE_NAME_NO_INDEX does. Negative, as for 128: no device has it. */
int device_name_meant_index(int64_t index);

/* Whether a name means a listed device to the exact planner: in any case of letters, and a type alone is its first device. */
bool device_name_means(struct span text, const char *listed);

#endif
