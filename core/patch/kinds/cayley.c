/* A block of the file becomes skew-symmetric (q minus its transpose), is held to the norm that alpha allows, and gives the
 * rotation (1 + q) / (1 - q). The quotient is found by elimination rather than by an inverse.
 */
#include "core/patch/kinds/cayley.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"

static void make_skew(float *block, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		for (size_t j = i; j < size; j++) {
			float value = block[i * size + j] - block[j * size + i];

			block[i * size + j] = value;
			block[j * size + i] = -value;
		}
	}
}

/* The norm of all blocks together. */
static void hold_to(double alpha, float *q, size_t count)
{
	double squares = 0;
	float norm;

	for (size_t i = 0; i < count; i++)
		squares += (double)q[i] * (double)q[i];
	norm = sqrtf((float)squares) + 1e-8F;
	for (size_t i = 0; alpha > 0 && (double)norm > alpha && i < count; i++)
		q[i] = q[i] * (float)alpha / norm;
}

/* Solves x (1 - q) = 1 + q for x by elimination on the transposed system; 1 - q of a skew q always has an inverse. */
static void rotate(float *q, double *system, size_t size)
{
	size_t width = 2 * size;

	for (size_t i = 0; i < size; i++) {
		for (size_t j = 0; j < size; j++) {
			double one = i == j ? 1.0 : 0.0;

			system[i * width + j] = one - (double)q[j * size + i];
			system[i * width + size + j] = one + (double)q[j * size + i];
		}
	}
	for (size_t k = 0; k < size; k++) {
		double pivot = system[k * width + k];

		for (size_t j = k; j < width; j++)
			system[k * width + j] /= pivot;
		for (size_t i = 0; i < size; i++) {
			double factor = system[i * width + k];

			for (size_t j = k; i != k && j < width; j++)
				system[i * width + j] -= factor * system[k * width + j];
		}
	}
	for (size_t i = 0; i < size; i++) {
		for (size_t j = 0; j < size; j++)
			q[i * size + j] = (float)system[j * width + size + i];
	}
}

float *cayley_rotations(const struct change *change, unsigned part, size_t count, size_t size, struct error *e)
{
	double alpha = isnan(change->adapter->alpha) ? 0 : change->adapter->alpha;
	float *blocks;
	double *system;

	if (change->dtype != DTYPE_F32 && change->as_upstream) {
		error_set(e, ERROR_UNSUPPORTED, "%s: upstream cannot apply %s to %s in %s", change->adapter->file,
			  change->adapter->kind->name, change->adapter->key, dtype_name(change->dtype));
		return NULL;
	}
	blocks = adapter_part_values(change, part, e);
	system = array_new(2 * size * size, sizeof(*system), e);
	if (blocks && system) {
		for (size_t i = 0; i < count; i++)
			make_skew(blocks + i * size * size, size);
		hold_to(alpha, blocks, count * size * size);
		for (size_t i = 0; i < count; i++)
			rotate(blocks + i * size * size, system, size);
	} else {
		free(blocks);
		blocks = NULL;
	}
	free(system);
	return blocks;
}
