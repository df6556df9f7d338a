/* tensor.h - the values of a forward pass while it runs: dense, row-major, on the compute device.
 *
 * A tensor has the type that the pass computes in. The operations of host keep its values as float32 (ops.h, keeps_float32),
 * rounded to that type after each operation: the same numbers as storing them narrow, without widening them again for the next
 * product. Others keep them at the type's own size. Where no bytes exist there are only the shape and the memory's accounting.
 *
 * Tensors belong to the pass that made them (compute.h), which counts the references to each: whatever was not dropped before
 * goes with it. One thread a pass.
 */
#ifndef RESIDENCY_COMPUTE_TENSOR_H
#define RESIDENCY_COMPUTE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/device/device.h"
#include "core/model/model.h"
#include "core/tensor/dtype/dtype.h"

struct tensor {
	enum dtype dtype;
	unsigned rank;
	int64_t shape[TENSOR_RANK_MAX];
	struct buffer buffer;
	unsigned references;
	struct tensor *previous, *next; /* of the pass */
};

/* One dimension; 0 of the NULL that a failed pass gives. */
static inline int64_t tensor_size(const struct tensor *tensor, unsigned dimension)
{
	return tensor ? tensor->shape[dimension] : 0;
}

/* Product of the dimensions. */
static inline size_t tensor_count(const struct tensor *tensor)
{
	size_t count = 1;

	for (unsigned i = 0; i < tensor->rank; i++)
		count *= (size_t)tensor->shape[i];
	return count;
}

/* Bytes that the tensor has on a device of its type's size: what kernels read and write. */
static inline double tensor_bytes(const struct tensor *tensor)
{
	return (double)tensor_count(tensor) * (double)dtype_size_bytes(tensor->dtype);
}

#endif
