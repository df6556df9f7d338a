/* need.c - estimates, from a model's family and the shape of the work, what a node will need.
 *
 * A family names its memory class, whose formula (core/model/memory) takes the latent's shape and the type that the model
 * computes in. A model without a class, such as a placeholder, asks for nothing: the minimum is NAN, and the manager
 * takes its own.
 */
#include "core/workflow/nodes/need.h"

#include <math.h>

#include "core/compute/compute.h"
#include "core/model/families/family.h"
#include "core/model/memory/memory_estimate.h"

static const struct load_request nothing = { .minimum_bytes = NAN };

static struct estimate_shape shape_of(const struct values *values)
{
	struct estimate_shape shape = { .rank = 0 };

	for (unsigned i = 0; i < values->rank && i < SHAPE_RANK_MAX; i++)
		shape.sizes[shape.rank++] = (double)values->shape[i];
	return shape;
}

/* What the model computes in: its weights' own type, as far as is known before it is loaded. Blocks have none. */
static enum dtype compute_dtype(const struct patcher *patcher)
{
	const struct model *model = patcher_model(patcher);

	return model->quantised ? compute_dtype_of(model) : model->parameters[0].dtype;
}

static const char *class_of(const struct patcher *patcher)
{
	const struct family *family = patcher_model(patcher)->family;

	return family ? family->memory_class : NULL;
}

struct load_request need_of_sampling(const struct patcher *patcher, const struct values *latent)
{
	const struct diffusion_class *class = memory_diffusion_class_find(class_of(patcher));
	struct load_request request = nothing;
	struct diffusion_use use;

	if (!class)
		return request;
	use = (struct diffusion_use) { .factor = memory_diffusion_factor(class, NAN),
				       .fused_attention = manager_rules(patcher_manager(patcher))->fused_attention,
				       .compute_dtype = compute_dtype(patcher),
				       .latent = shape_of(latent) };
	request.memory_required_bytes = memory_diffusion_sampling_bytes(&use);
	request.minimum_bytes = memory_diffusion_sampling_least_bytes(&use);
	return request;
}

struct load_request need_of_decoding(const struct patcher *patcher, const struct values *latent)
{
	const struct vae_class *class = memory_vae_class_find(class_of(patcher));
	struct estimate_shape shape = shape_of(latent);
	struct load_request request = nothing;

	if (!class)
		return request;
	request.memory_required_bytes = memory_vae_decode_bytes(class, &shape, compute_dtype(patcher));
	request.full = class->stays_whole;
	return request;
}

struct load_request need_of_text(void)
{
	return nothing;
}

bool need_to_load_at_once(const struct patcher *patcher)
{
	const struct manager *m = patcher_manager(patcher);
	const struct device *load = patcher_device(patcher);
	const struct device *offload = manager_offload_device(m);

	if (patcher_model(patcher)->kind != MODEL_CLIP)
		return false;
	return load == offload ||
	       memory_text_encoder_starts_loaded((double)patcher_model(patcher)->size_bytes, memory_free_bytes(m, load),
						 memory_free_bytes(m, offload), false);
}
