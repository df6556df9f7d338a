#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/compute/inference.h"

size_t values_count(const struct values *values)
{
	size_t count = 1;

	for (unsigned i = 0; i < values->rank; i++)
		count *= (size_t)values->shape[i];
	return count;
}

bool values_new(struct values *values, const struct machine *machine, unsigned rank, const int64_t *shape, struct error *e)
{
	*values = (struct values) { .rank = rank };
	memcpy(values->shape, shape, rank * sizeof(*shape));
	if (!machine_backend(machine)->bytes_exist)
		return true;
	values->values = array_new(values_count(values), sizeof(*values->values), e);
	return values->values != NULL;
}

void values_free(struct values *values)
{
	free(values->values);
	*values = (struct values) { .rank = 0 };
}

void compute_conditioning_free(struct conditioning *conditioning)
{
	values_free(&conditioning->cond);
	values_free(&conditioning->pooled);
}

void values_hash(const struct values *values, char hash[VALUES_HASH_MAX])
{
	XXH128_canonical_t canonical;
	XXH128_hash_t sum;

	hash[0] = '\0';
	if (!values->values)
		return;
	sum = XXH3_128bits(values->shape, values->rank * sizeof(values->shape[0]));
	sum = XXH3_128bits_withSeed(values->values, values_count(values) * sizeof(float), sum.low64);
	XXH128_canonicalFromHash(&canonical, sum);
	for (size_t i = 0; i < sizeof(canonical.digest); i++)
		snprintf(hash + 2 * i, 3, "%02x", canonical.digest[i]);
}

static uint8_t *to_bytes(const struct values *image, struct error *e)
{
	size_t count = values_count(image);
	uint8_t *bytes = array_new(count, 1, e);

	for (size_t i = 0; bytes && i < count; i++) {
		float value = image->values[i] * 255.0F;

		bytes[i] = value >= 255.0F ? 255 : value > 0.0F ? (uint8_t)value : 0;
	}
	return bytes;
}

bool values_write_png(const struct values *image, const char *path, struct error *e)
{
	png_image png = { .version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB };
	png_alloc_size_t size_bytes = 0;
	uint8_t *pixels;
	void *packed = NULL;
	bool fine = false;

	if (!image->values || image->rank != 4 || image->shape[3] != 3)
		return error_set(e, ERROR_UNSUPPORTED, "%s: there are no pixels to write: the machine has no bytes", path);
	png.width = (png_uint_32)image->shape[2];
	png.height = (png_uint_32)(image->shape[0] * image->shape[1]);
	pixels = to_bytes(image, e);
	if (!pixels)
		return false;
	if (!png_image_write_get_memory_size(png, size_bytes, 0, pixels, 0, NULL)) {
		error_set(e, ERROR_IO, "%s: cannot be packed as PNG: %s", path, png.message);
		goto out;
	}
	packed = array_new(size_bytes, 1, e);
	if (!packed)
		goto out;
	if (!png_image_write_to_memory(&png, packed, &size_bytes, 0, pixels, 0, NULL)) {
		error_set(e, ERROR_IO, "%s: cannot be packed as PNG: %s", path, png.message);
		goto out;
	}
	fine = file_write_whole(path, packed, size_bytes, e);
out:
	png_image_free(&png);
	free(packed);
	free(pixels);
	return fine;
}
