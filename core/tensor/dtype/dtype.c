/* A table of names and bits, indexed by type. Names are those of safetensors headers. A size in bytes exists for types of
 * whole bytes; sizes of packed ones are asked for in bits.
 */
#include "core/tensor/dtype/dtype.h"

#include <string.h>

static const struct {
	const char *name;
	unsigned bits;
} dtypes[DTYPE_COUNT] = {
#define DTYPE_ROW(name, text, bits) { text, bits },
	DTYPES(DTYPE_ROW)
#undef DTYPE_ROW
};

const char *dtype_name(enum dtype dtype)
{
	return dtypes[dtype].name;
}

unsigned dtype_bits(enum dtype dtype)
{
	return dtypes[dtype].bits;
}

size_t dtype_size_bytes(enum dtype dtype)
{
	return dtypes[dtype].bits / 8;
}

bool dtype_from_name(const char *name, enum dtype *dtype)
{
	for (unsigned i = 0; i < DTYPE_COUNT; i++) {
		if (strcmp(dtypes[i].name, name) == 0) {
			*dtype = (enum dtype)i;
			return true;
		}
	}
	return false;
}
