/* dtype.h - element types of tensors in files and in memory. */
#ifndef RESIDENCY_TENSOR_DTYPE_H
#define RESIDENCY_TENSOR_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name here, name in a safetensors header, bytes of an element */
#define DTYPES(X)                                                                                                              \
	X(BOOL, "BOOL", 1)                                                                                                     \
	X(U8, "U8", 1)                                                                                                         \
	X(I8, "I8", 1)                                                                                                         \
	X(F8_E5M2, "F8_E5M2", 1)                                                                                               \
	X(F8_E4M3, "F8_E4M3", 1)                                                                                               \
	X(I16, "I16", 2)                                                                                                       \
	X(U16, "U16", 2)                                                                                                       \
	X(F16, "F16", 2)                                                                                                       \
	X(BF16, "BF16", 2)                                                                                                     \
	X(I32, "I32", 4)                                                                                                       \
	X(U32, "U32", 4)                                                                                                       \
	X(F32, "F32", 4)                                                                                                       \
	X(F64, "F64", 8)                                                                                                       \
	X(I64, "I64", 8)                                                                                                       \
	X(U64, "U64", 8)

enum dtype {
#define DTYPE_ENUM(name, text, size) DTYPE_##name,
	DTYPES(DTYPE_ENUM)
#undef DTYPE_ENUM
		DTYPE_COUNT
};

const char *dtype_name(enum dtype dtype);
size_t dtype_size_bytes(enum dtype dtype);
bool dtype_from_name(const char *name, enum dtype *dtype);

#endif
