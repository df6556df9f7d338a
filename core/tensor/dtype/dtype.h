/* dtype.h - element types of tensors in files and in memory.
 *
 * Every type that a safetensors header can name is here, so that a file which upstream opens opens; arithmetic exists
 * for the common ones only (small_float.h for one element, convert/convert.h for arrays). F4 and F6 elements are packed: a
 * tensor's size is counted in bits and must fill whole bytes.
 */
#ifndef RESIDENCY_TENSOR_DTYPE_H
#define RESIDENCY_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name here, name in a safetensors header, bits of an element */
#define DTYPES(X)                                                                                                              \
	X(BOOL, "BOOL", 8)                                                                                                     \
	X(U8, "U8", 8)                                                                                                         \
	X(I8, "I8", 8)                                                                                                         \
	X(F8_E5M2, "F8_E5M2", 8)                                                                                               \
	X(F8_E4M3, "F8_E4M3", 8)                                                                                               \
	X(I16, "I16", 16)                                                                                                      \
	X(U16, "U16", 16)                                                                                                      \
	X(F16, "F16", 16)                                                                                                      \
	X(BF16, "BF16", 16)                                                                                                    \
	X(I32, "I32", 32)                                                                                                      \
	X(U32, "U32", 32)                                                                                                      \
	X(F32, "F32", 32)                                                                                                      \
	X(F64, "F64", 64)                                                                                                      \
	X(I64, "I64", 64)                                                                                                      \
	X(U64, "U64", 64)                                                                                                      \
	X(C64, "C64", 64)                                                                                                      \
	X(F8_E8M0, "F8_E8M0", 8)                                                                                               \
	X(F8_E4M3FNUZ, "F8_E4M3FNUZ", 8)                                                                                       \
	X(F8_E5M2FNUZ, "F8_E5M2FNUZ", 8)                                                                                       \
	X(F6_E2M3, "F6_E2M3", 6)                                                                                               \
	X(F6_E3M2, "F6_E3M2", 6)                                                                                               \
	X(F4, "F4", 4)

enum dtype {
#define DTYPE_ENUM(name, text, bits) DTYPE_##name,
	DTYPES(DTYPE_ENUM)
#undef DTYPE_ENUM
		DTYPE_COUNT
};

const char *dtype_name(enum dtype dtype);
unsigned dtype_bits(enum dtype dtype);
/* Bytes of one element; 0 for the packed types, whose elements are smaller than a byte. */
size_t dtype_size_bytes(enum dtype dtype);
bool dtype_from_name(const char *name, enum dtype *dtype);

#endif
