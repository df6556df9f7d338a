/* memory_estimate_vae.c - what autoencoders take to decode and to encode: a table of upstream's formulas, one pair a class.
 *
 * s(i) is the shape's size i: batch, channels, then time where there is one, height and width. */
#include <math.h>
#include <string.h>

#include "core/model/memory/memory_estimate.h"

static double s(const struct estimate_shape *shape, unsigned index)
{
	return index < shape->rank ? shape->sizes[index] : 1;
}

/* Counted from the end: 1 is the last. */
static double last(const struct estimate_shape *shape, unsigned index)
{
	return index <= shape->rank ? shape->sizes[shape->rank - index] : 1;
}

static double kl_decode(const struct estimate_shape *x)
{
	return 2178 * s(x, 2) * s(x, 3) * 64;
}

static double kl_encode(const struct estimate_shape *x)
{
	return 1767 * s(x, 2) * s(x, 3);
}

static double hunyuan_image_decode(const struct estimate_shape *x)
{
	return 700 * s(x, 2) * s(x, 3) * (32 * 32);
}

static double hunyuan_image_encode(const struct estimate_shape *x)
{
	return 700 * s(x, 2) * s(x, 3);
}

static double refiner_decode(const struct estimate_shape *x)
{
	return 2800 * last(x, 3) * last(x, 2) * last(x, 1) * (16 * 16);
}

static double refiner_encode(const struct estimate_shape *x)
{
	return 2800 * last(x, 2) * last(x, 1);
}

static double refiner_convolution_decode(const struct estimate_shape *x)
{
	return 1400 * last(x, 3) * last(x, 2) * last(x, 1) * (16 * 16);
}

static double refiner_convolution_encode(const struct estimate_shape *x)
{
	return 1400 * last(x, 2) * last(x, 1);
}

static double mochi_decode(const struct estimate_shape *x)
{
	return 1000 * s(x, 2) * s(x, 3) * s(x, 4) * (6 * 8 * 8);
}

static double mochi_encode(const struct estimate_shape *x)
{
	return 1.5 * fmax(s(x, 2), 7) * s(x, 3) * s(x, 4) * (6 * 8 * 8);
}

static double ltxv_decode(const struct estimate_shape *x)
{
	return 900 * s(x, 2) * s(x, 3) * s(x, 4) * (8 * 8 * 8);
}

static double ltxv_encode(const struct estimate_shape *x)
{
	return 70 * fmax(s(x, 2), 7) * s(x, 3) * s(x, 4);
}

static double hunyuan_video_decode(const struct estimate_shape *x)
{
	return 1500 * s(x, 2) * s(x, 3) * s(x, 4) * (4 * 8 * 8);
}

static double hunyuan_video_encode(const struct estimate_shape *x)
{
	return 900 * fmax(s(x, 2), 2) * s(x, 3) * s(x, 4);
}

static double cosmos_decode(const struct estimate_shape *x)
{
	return 50 * s(x, 2) * s(x, 3) * s(x, 4) * (8 * 8 * 8);
}

/* rint rounds half to even, as Python does. */
static double cosmos_encode(const struct estimate_shape *x)
{
	return 50 * (rint((s(x, 2) + 7) / 8) * 8) * s(x, 3) * s(x, 4);
}

/* Time does not count: it goes through piece by piece. */
static double wan21_decode(const struct estimate_shape *x)
{
	return 7000 * s(x, 3) * s(x, 4) * (8 * 8);
}

static double wan21_encode(const struct estimate_shape *x)
{
	return 6000 * s(x, 3) * s(x, 4);
}

static double wan22_decode(const struct estimate_shape *x)
{
	return 8000 * s(x, 3) * s(x, 4) * (16 * 16);
}

static double wan22_encode(const struct estimate_shape *x)
{
	return 3300 * s(x, 3) * s(x, 4);
}

static double oobleck_decode(const struct estimate_shape *x)
{
	return 1000 * s(x, 2) * 2048;
}

static double oobleck_encode(const struct estimate_shape *x)
{
	return 1000 * s(x, 2);
}

static double ace_decode(const struct estimate_shape *x)
{
	return s(x, 2) * s(x, 3) * 87000;
}

static double ace_encode(const struct estimate_shape *x)
{
	return s(x, 2) * 330;
}

static double mmaudio_decode(const struct estimate_shape *x)
{
	return 90 * s(x, 2) * 1411.2;
}

static double mmaudio_encode(const struct estimate_shape *x)
{
	return 30 * s(x, 2);
}

static double shape_decode(const struct estimate_shape *x)
{
	return s(x, 0) * s(x, 1) * s(x, 2) * 33;
}

static double shape_encode(const struct estimate_shape *x)
{
	return s(x, 0) * s(x, 1) * s(x, 2);
}

static double pixels(const struct estimate_shape *x)
{
	return s(x, 2) * s(x, 3);
}

#define BF16_F32                                                                                                               \
	{                                                                                                                      \
		.dtypes = { DTYPE_BF16, DTYPE_F32 }, .count = 2                                                                \
	}
#define F16_F32                                                                                                                \
	{                                                                                                                      \
		.dtypes = { DTYPE_F16, DTYPE_F32 }, .count = 2                                                                 \
	}
#define F16_BF16_F32                                                                                                           \
	{                                                                                                                      \
		.dtypes = { DTYPE_F16, DTYPE_BF16, DTYPE_F32 }, .count = 3                                                     \
	}
#define BF16_F16_F32                                                                                                           \
	{                                                                                                                      \
		.dtypes = { DTYPE_BF16, DTYPE_F16, DTYPE_F32 }, .count = 3                                                     \
	}
#define F32_ALONE                                                                                                              \
	{                                                                                                                      \
		.dtypes = { DTYPE_F32 }, .count = 1                                                                            \
	}

const struct vae_class memory_vae_classes[] = {
	{ .name = "AutoencoderKL",
	  .decode = kl_decode,
	  .encode = kl_encode,
	  .dtypes = BF16_F32,
	  .latent_channels = 4,
	  .latent_rank = 2 },
	{ .name = "AutoencoderKL 16 channels",
	  .decode = kl_decode,
	  .encode = kl_encode,
	  .dtypes = BF16_F32,
	  .latent_channels = 16,
	  .latent_rank = 2 },
	{ .name = "Hunyuan image",
	  .decode = hunyuan_image_decode,
	  .encode = hunyuan_image_encode,
	  .dtypes = F16_BF16_F32,
	  .latent_channels = 64,
	  .latent_rank = 2 },
	{ .name = "Hunyuan refiner",
	  .decode = refiner_decode,
	  .encode = refiner_encode,
	  .dtypes = F16_BF16_F32,
	  .latent_channels = 32,
	  .latent_rank = 3 },
	{ .name = "Hunyuan refiner, convolution",
	  .decode = refiner_convolution_decode,
	  .encode = refiner_convolution_encode,
	  .dtypes = F16_BF16_F32,
	  .latent_channels = 64,
	  .latent_rank = 3 },
	{ .name = "Mochi",
	  .decode = mochi_decode,
	  .encode = mochi_encode,
	  .dtypes = F16_F32,
	  .latent_channels = 12,
	  .latent_rank = 3 },
	{ .name = "LTXV",
	  .decode = ltxv_decode,
	  .encode = ltxv_encode,
	  .dtypes = BF16_F32,
	  .latent_channels = 128,
	  .latent_rank = 3 },
	{ .name = "Hunyuan video",
	  .decode = hunyuan_video_decode,
	  .encode = hunyuan_video_encode,
	  .dtypes = BF16_F16_F32,
	  .latent_channels = 16,
	  .latent_rank = 3 },
	{ .name = "Cosmos",
	  .decode = cosmos_decode,
	  .encode = cosmos_encode,
	  .dtypes = BF16_F32,
	  .latent_channels = 16,
	  .latent_rank = 3 },
	{ .name = "WAN 2.1",
	  .decode = wan21_decode,
	  .encode = wan21_encode,
	  .dtypes = BF16_F16_F32,
	  .latent_channels = 16,
	  .latent_rank = 3 },
	{ .name = "WAN 2.2",
	  .decode = wan22_decode,
	  .encode = wan22_encode,
	  .dtypes = BF16_F16_F32,
	  .latent_channels = 48,
	  .latent_rank = 3 },
	{ .name = "Oobleck",
	  .decode = oobleck_decode,
	  .encode = oobleck_encode,
	  .dtypes = F16_BF16_F32,
	  .stays_whole = true,
	  .latent_channels = 64,
	  .latent_rank = 1 },
	{ .name = "ACE",
	  .decode = ace_decode,
	  .encode = ace_encode,
	  .dtypes = BF16_F16_F32,
	  .stays_whole = true,
	  .latent_channels = 8,
	  .latent_rank = 2 },
	{ .name = "MMAudio",
	  .decode = mmaudio_decode,
	  .encode = mmaudio_encode,
	  .dtypes = F32_ALONE,
	  .latent_channels = 20,
	  .latent_rank = 1 },
	{ .name = "Hunyuan3D",
	  .decode = shape_decode,
	  .encode = shape_encode,
	  .dtypes = F16_BF16_F32,
	  .latent_channels = 4,
	  .latent_rank = 1 },
	{ .name = "pixels", .decode = pixels, .encode = pixels, .dtypes = BF16_F32, .latent_channels = 3, .latent_rank = 2 },
	{ .name = NULL },
};

const struct vae_class *memory_vae_class_find(const char *name)
{
	for (const struct vae_class *class = memory_vae_classes; name && class->name; class ++) {
		if (strcmp(class->name, name) == 0)
			return class;
	}
	return NULL;
}

double memory_vae_decode_bytes(const struct vae_class *class, const struct estimate_shape *latent, enum dtype dtype)
{
	return class->decode(latent) * (double)dtype_size_bytes(dtype);
}

double memory_vae_encode_bytes(const struct vae_class *class, const struct estimate_shape *shape, enum dtype dtype)
{
	return class->encode(shape) * (double)dtype_size_bytes(dtype);
}

int64_t memory_vae_batch(double free_bytes, double image_bytes)
{
	double count = free_bytes / fmax(1, image_bytes);

	return count < 1 ? 1 : (int64_t)count;
}
