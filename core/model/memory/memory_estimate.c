/* A diffusion model's memory is its area (batch times all but the channels, conditions included) times a factor of its
 * class. The classes and their factors are a table; what a condition adds to the area depends on the kind of extra that the
 * class knows. The order of additions and products is upstream's, since they are of floating point numbers.
 */
#include "core/model/memory/memory_estimate.h"

#include <math.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"

#define MIB_BYTES ((double)MIB)
#define FUSED_SHARE 0.01
#define SCORES_SHARE 0.15
#define REFERENCE_CHANNELS 16
#define MOTION_FRAMES 1.5
#define ROOM_SHARE 1.1
#define SMALL_TEXT_ENCODER_BYTES ((double)GIB)

/* ---- classes of diffusion models ---- */

#define DTYPES_F16_FIRST                                                                                                       \
	{                                                                                                                      \
		.dtypes = { DTYPE_F16, DTYPE_BF16, DTYPE_F32 }, .count = 3                                                     \
	}
#define DTYPES_BF16_FIRST                                                                                                      \
	{                                                                                                                      \
		.dtypes = { DTYPE_BF16, DTYPE_F16, DTYPE_F32 }, .count = 3                                                     \
	}
#define DTYPES_NO_F16                                                                                                          \
	{                                                                                                                      \
		.dtypes = { DTYPE_BF16, DTYPE_F32 }, .count = 2                                                                \
	}
#define PLAIN(class, value, list)                                                                                              \
	{                                                                                                                      \
		.name = (class), .factor = (value), .dtypes = list                                                             \
	}
#define WAN(class, value)                                                                                                      \
	{                                                                                                                      \
		.name = (class), .factor = (value), .parameter = "dim", .parameter_of = 2222, .parameter_default = 2000,       \
		.dtypes = DTYPES_F16_FIRST                                                                                     \
	}
#define COSMOS_PREDICT(class)                                                                                                  \
	{                                                                                                                      \
		.name = (class), .factor = 0.9, .parameter = "model_channels", .parameter_of = 2048,                           \
		.parameter_default = 2048, .dtypes = DTYPES_NO_F16                                                             \
	}

const struct diffusion_class memory_diffusion_classes[] = {
	PLAIN("LotusD", 1.0, DTYPES_F16_FIRST),
	PLAIN("Stable_Zero123", 2.0, DTYPES_F16_FIRST),
	PLAIN("SD15_instructpix2pix", 1.0, DTYPES_F16_FIRST),
	PLAIN("SD15", 1.0, DTYPES_F16_FIRST),
	PLAIN("SD20", 1.0, DTYPES_F16_FIRST),
	PLAIN("SD21UnclipL", 1.0, DTYPES_F16_FIRST),
	PLAIN("SD21UnclipH", 1.0, DTYPES_F16_FIRST),
	PLAIN("SDXL_instructpix2pix", 0.8, DTYPES_F16_FIRST),
	PLAIN("SDXLRefiner", 1.0, DTYPES_F16_FIRST),
	PLAIN("SDXL", 0.8, DTYPES_F16_FIRST),
	PLAIN("SSD1B", 0.8, DTYPES_F16_FIRST),
	PLAIN("KOALA_700M", 0.8, DTYPES_F16_FIRST),
	PLAIN("KOALA_1B", 0.8, DTYPES_F16_FIRST),
	PLAIN("Segmind_Vega", 0.8, DTYPES_F16_FIRST),
	PLAIN("SD_X4Upscaler", 1.0, DTYPES_F16_FIRST),
	PLAIN("Stable_Cascade_C", 2.0, DTYPES_NO_F16),
	PLAIN("Stable_Cascade_B", 2.0, DTYPES_F16_FIRST),
	PLAIN("SV3D_u", 2.0, DTYPES_F16_FIRST),
	PLAIN("SV3D_p", 2.0, DTYPES_F16_FIRST),
	PLAIN("SVD_img2vid", 2.0, DTYPES_F16_FIRST),
	PLAIN("SD3", 1.2, DTYPES_F16_FIRST),
	PLAIN("StableAudio", 2.0, DTYPES_F16_FIRST),
	PLAIN("AuraFlow", 2.0, DTYPES_F16_FIRST),
	PLAIN("PixArtAlpha", 0.5, DTYPES_F16_FIRST),
	PLAIN("PixArtSigma", 0.5, DTYPES_F16_FIRST),
	PLAIN("HunyuanDiT", 1.3, DTYPES_F16_FIRST),
	PLAIN("HunyuanDiT1", 1.3, DTYPES_F16_FIRST),
	PLAIN("FluxInpaint", 3.1, DTYPES_NO_F16),
	PLAIN("Flux", 3.1, DTYPES_BF16_FIRST),
	PLAIN("FluxSchnell", 3.1, DTYPES_BF16_FIRST),
	PLAIN("GenmoMochi", 2.0, DTYPES_NO_F16),
	{ .name = "LTXV",
	  .factor = 5.5,
	  .parameter = "cross_attention_dim",
	  .parameter_of = 2048,
	  .parameter_default = 2048,
	  .dtypes = DTYPES_NO_F16 },
	PLAIN("HunyuanImage21Refiner", 1.8, DTYPES_NO_F16),
	PLAIN("HunyuanImage21", 7.7, DTYPES_NO_F16),
	PLAIN("HunyuanVideoSkyreelsI2V", 1.8, DTYPES_NO_F16),
	PLAIN("HunyuanVideoI2V", 1.8, DTYPES_NO_F16),
	PLAIN("HunyuanVideo", 1.8, DTYPES_NO_F16),
	PLAIN("CosmosT2V", 1.6, DTYPES_BF16_FIRST),
	PLAIN("CosmosI2V", 1.6, DTYPES_BF16_FIRST),
	COSMOS_PREDICT("CosmosT2IPredict2"),
	COSMOS_PREDICT("CosmosI2VPredict2"),
	PLAIN("Lumina2", 1.2, DTYPES_NO_F16),
	WAN("WAN22_T2V", 1.0),
	WAN("WAN21_T2V", 1.0),
	WAN("WAN21_I2V", 1.0),
	WAN("WAN21_FunControl2V", 1.0),
	WAN("WAN21_Vace", 1.2),
	WAN("WAN21_Camera", 1.0),
	WAN("WAN22_Camera", 1.0),
	WAN("WAN22_S2V", 1.0),
	WAN("WAN21_HuMo", 1.0),
	WAN("WAN22_Animate", 1.0),
	PLAIN("Hunyuan3Dv2mini", 3.5, DTYPES_F16_FIRST),
	PLAIN("Hunyuan3Dv2", 3.5, DTYPES_F16_FIRST),
	PLAIN("Hunyuan3Dv2_1", 3.5, DTYPES_F16_FIRST),
	PLAIN("HiDream", 2.0, DTYPES_NO_F16),
	PLAIN("Chroma", 3.2, DTYPES_BF16_FIRST),
	PLAIN("ChromaRadiance", 0.038, DTYPES_BF16_FIRST),
	PLAIN("ACEStep", 0.5, DTYPES_NO_F16),
	PLAIN("Omnigen2", 1.65, DTYPES_F16_FIRST),
	PLAIN("QwenImage", 1.8, DTYPES_NO_F16),
	/* Classes that came after October 2025. */
	{ .name = "Flux2",
	  .factor = 12.4,
	  .parameter = "hidden_size",
	  .parameter_of = 2604,
	  .parameter_default = 6144,
	  .dtypes = DTYPES_BF16_FIRST },
	PLAIN("ZImage", 2.8, DTYPES_NO_F16),
	PLAIN("HunyuanVideo15", 4.0, DTYPES_F16_FIRST),
	PLAIN("HunyuanVideo15_SR_Distilled", 4.0, DTYPES_F16_FIRST),
	PLAIN("LTXAV", 0.077, DTYPES_NO_F16),
	{ .name = NULL },
};

const struct diffusion_class *memory_diffusion_class_find(const char *name)
{
	for (const struct diffusion_class *class = memory_diffusion_classes; name && class->name; class ++) {
		if (strcmp(class->name, name) == 0)
			return class;
	}
	return NULL;
}

double memory_diffusion_factor(const struct diffusion_class *class, double value)
{
	if (!class->parameter)
		return class->factor;
	return class->factor * ((isnan(value) ? class->parameter_default : value) / class->parameter_of);
}

enum extra_kind memory_diffusion_extras(const char *class_name)
{
	static const struct {
		const char *class_name;
		enum extra_kind kind;
	} kinds[] = {
		{ .class_name = "Flux", .kind = EXTRA_REFERENCES },
		{ .class_name = "FluxSchnell", .kind = EXTRA_REFERENCES },
		{ .class_name = "QwenImage", .kind = EXTRA_REFERENCES },
		{ .class_name = "Omnigen2", .kind = EXTRA_REFERENCES },
		{ .class_name = "WAN22_S2V", .kind = EXTRA_MOTION },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].class_name, class_name) == 0)
			return kinds[i].kind;
	}
	return EXTRA_NONE;
}

/* ---- shapes ---- */

static double product(const struct estimate_shape *shape, unsigned first)
{
	double result = 1;

	for (unsigned i = first; i < shape->rank; i++)
		result *= shape->sizes[i];
	return result;
}

/* Batch times everything but the channels. */
static double area(const struct estimate_shape *shape)
{
	return shape->rank ? shape->sizes[0] * product(shape, 2) : 0;
}

struct estimate_shape memory_shape_of_references(const struct estimate_shape *references, size_t count)
{
	double elements = 0;

	for (size_t i = 0; i < count; i++)
		elements += product(&references[i], 0);
	return (struct estimate_shape) { .rank = 3, .sizes = { 1, REFERENCE_CHANNELS, floor(elements / REFERENCE_CHANNELS) } };
}

struct estimate_shape memory_shape_of_motion(const struct estimate_shape *motion)
{
	struct estimate_shape shape = *motion;

	shape.sizes[2] = MOTION_FRAMES;
	return shape;
}

/* ---- diffusion ---- */

static double bytes_of_area(const struct diffusion_use *use, double total_area)
{
	if (use->fused_attention)
		return total_area * (double)dtype_size_bytes(use->compute_dtype) * FUSED_SHARE * use->factor * MIB_BYTES;
	return total_area * SCORES_SHARE * use->factor * MIB_BYTES;
}

static double area_of_all(const struct diffusion_use *use)
{
	double total = 0;

	for (size_t i = 0; i < use->extra_count; i++) {
		for (size_t j = 0; j < use->extras[i].count; j++)
			total += area(&use->extras[i].shapes[j]);
	}
	return total;
}

/* Of each key the shape of the largest product, channels and all; the first of equals. */
static double area_of_largest(const struct diffusion_use *use)
{
	double total = 0;

	for (size_t i = 0; i < use->extra_count; i++) {
		const struct extra_shapes *extra = &use->extras[i];
		size_t largest = 0;

		for (size_t j = 1; j < extra->count; j++) {
			if (product(&extra->shapes[j], 0) > product(&extra->shapes[largest], 0))
				largest = j;
		}
		total += extra->count ? area(&extra->shapes[largest]) : 0;
	}
	return total;
}

double memory_diffusion_bytes(const struct diffusion_use *use)
{
	return bytes_of_area(use, area(&use->latent) + area_of_all(use));
}

double memory_diffusion_sampling_bytes(const struct diffusion_use *use)
{
	return bytes_of_area(use, area(&use->latent) * 2 + area_of_all(use));
}

double memory_diffusion_sampling_least_bytes(const struct diffusion_use *use)
{
	return bytes_of_area(use, area(&use->latent) + area_of_largest(use));
}

/* ---- loading ---- */

double memory_load_room_bytes(double weight_bytes, double inference_bytes)
{
	return weight_bytes * ROOM_SHARE + inference_bytes;
}

/* A small one is loaded when it is needed; so is one that would not fit well, or better elsewhere. */
bool memory_text_encoder_starts_loaded(double weight_bytes, double free_load_bytes, double free_offload_bytes, bool same_device)
{
	if (same_device || weight_bytes <= SMALL_TEXT_ENCODER_BYTES)
		return false;
	return free_load_bytes > free_offload_bytes * 0.5 && weight_bytes * 1.2 < free_load_bytes;
}
