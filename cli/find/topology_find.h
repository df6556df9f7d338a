/* topology_find.h - from what the user wrote after --topology to a topology. */
#ifndef RESIDENCY_CLI_TOPOLOGY_FIND_H
#define RESIDENCY_CLI_TOPOLOGY_FIND_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/device/device.h"
#include "core/device/topology/topology.h"

/* A file of that name if there is one, else the built-in topology so called. ERROR_MISSING names what there is. The caller
 * frees with topology_free(). */
struct topology *topology_find_named(const char *name_or_file, struct error *e);

/* Names of the built-in topologies ("2x3090-nvlink") in order; NULL past the last. Valid until `name` is used again. */
#define TOPOLOGY_NAME_MAX 64
const char *topology_builtin_name(size_t index, char name[TOPOLOGY_NAME_MAX]);

/* The backend called name. ERROR_UNSUPPORTED names what there is, and the command that describes it. */
const struct backend *topology_find_backend(const char *name, struct error *e);

#endif
