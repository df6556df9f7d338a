/* memory_estimate.h - how much memory a use of a model is thought to take, before it is loaded for it.
 *
 * Upstream's formulas, in upstream's order of operations, so that results are the same to the last bit. They follow the shape
 * of the latent or the pixels and a factor of the model's class; channels never matter. Results are bytes, and not rounded.
 */
#ifndef RESIDENCY_MODEL_MEMORY_ESTIMATE_H
#define RESIDENCY_MODEL_MEMORY_ESTIMATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/memory/dtype_choice.h"
#include "core/tensor/dtype/dtype.h"

#define SHAPE_RANK_MAX 6

struct estimate_shape {
	unsigned rank;
	double sizes[SHAPE_RANK_MAX]; /* not always whole: motion counts for a frame and a half */
};

/* ---- diffusion models ---- */

/* What a class of diffusion models takes; one row each, in memory_diffusion_classes[]. */
struct diffusion_class {
	const char *name; /* upstream's */
	double factor; /* where a parameter matters: for one that is `parameter_of` */
	const char *parameter; /* of the model's configuration: the factor grows with it; NULL: none */
	double parameter_of;
	double parameter_default;
	struct dtype_list dtypes; /* that it can compute in, best first */
};

/* A row without a name ends them. */
extern const struct diffusion_class memory_diffusion_classes[];
const struct diffusion_class *memory_diffusion_class_find(const char *name); /* NULL if not found */

/* The class's factor; value is its parameter's, NAN where the configuration does not say. */
double memory_diffusion_factor(const struct diffusion_class *class, double value);

/* Which conditioning takes memory beside the latent. */
enum extra_kind {
	EXTRA_NONE, /* none does */
	EXTRA_REFERENCES, /* reference latents: of each conditioning, all together as one flat latent */
	EXTRA_MOTION, /* a reference latent, flat, and motion, whose frames do not count as such */
};
enum extra_kind memory_diffusion_extras(const char *class_name);

/* The flat latent that stands for a conditioning's reference latents. */
struct estimate_shape memory_shape_of_references(const struct estimate_shape *references, size_t count);

/* What stands for a latent of motion. */
struct estimate_shape memory_shape_of_motion(const struct estimate_shape *motion);

/* Shapes under one key of a conditioning's extras. */
struct extra_shapes {
	const struct estimate_shape *shapes;
	size_t count;
};

struct diffusion_use {
	double factor;
	bool fused_attention; /* stores no scores: memory goes with the latent's bytes */
	enum dtype compute_dtype; /* to which weights are cast; theirs where they are not */
	struct estimate_shape latent; /* batch first, then channels */
	const struct extra_shapes *extras;
	size_t extra_count;
};

/* For one run of the model over exactly these shapes. */
double memory_diffusion_bytes(const struct diffusion_use *use);

/* Before sampling: two batches with everything; and the least, one batch with the largest extra of each key. */
double memory_diffusion_sampling_bytes(const struct diffusion_use *use);
double memory_diffusion_sampling_least_bytes(const struct diffusion_use *use);

/* ---- autoencoders ---- */

struct vae_class {
	const char *name;
	double (*decode)(const struct estimate_shape *latent); /* bytes for a type of one byte */
	double (*encode)(const struct estimate_shape *pixels);
	struct dtype_list dtypes;
	bool stays_whole; /* loaded without a budget */
	unsigned latent_channels, latent_rank; /* dimensions besides batch and channels */
};

extern const struct vae_class memory_vae_classes[];
const struct vae_class *memory_vae_class_find(const char *name);

double memory_vae_decode_bytes(const struct vae_class *class, const struct estimate_shape *latent, enum dtype dtype);
double memory_vae_encode_bytes(const struct vae_class *class, const struct estimate_shape *pixels, enum dtype dtype);

/* How many images go through at once in free_bytes: at least one. */
int64_t memory_vae_batch(double free_bytes, double image_bytes);

/* ---- loading ---- */

/* Room that is made for weights and what inference takes. */
double memory_load_room_bytes(double weight_bytes, double inference_bytes);

/* Whether a text encoder is made on the device where it runs, and loaded there at once. */
bool memory_text_encoder_starts_loaded(double weight_bytes, double free_load_bytes, double free_offload_bytes,
				       bool same_device);

#endif
