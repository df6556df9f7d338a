/* family_sized.h - models of which only the size is known (family.h): plain data, counts in elements. */
#ifndef RESIDENCY_MODEL_FAMILY_SIZED_H
#define RESIDENCY_MODEL_FAMILY_SIZED_H

#include <stdint.h>

struct sized_config {
	int64_t elements; /* of all weights */
	int64_t layers;
};

#endif
