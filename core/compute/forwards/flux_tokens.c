/* flux_tokens.c - images as FLUX's tokens, and where tokens lie.
 *
 * Four pixels of a latent, 2 x 2, are a token. A token has three coordinates: which image, row, column. Text lies at 0, 0, 0;
 * the image's tokens follow in rows, then each reference's. A head's dimensions are dealt out to the coordinates
 * (config->axes); pair j of an axis turns by coordinate * theta^(-2j / axis), computed in double and kept as float32 cosine and
 * sine.
 */
#include "core/compute/forwards/flux_tokens.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/array.h"
#include "core/model/families/family_flux.h"

/* ---- tokens ---- */

/* Height and width made even by repeating from the other side. */
static struct tensor *pad_to_even(struct compute *c, struct tensor *x)
{
	for (unsigned dimension = 2; dimension < 4; dimension++) {
		if (tensor_size(x, dimension) % 2) {
			struct tensor *first = compute_slice(c, compute_keep(x), dimension, 0, 1);

			x = compute_concatenate(c, x, first, dimension);
		}
	}
	return x;
}

/* [b, c, h, w] to tokens [b, h/2 * w/2, c * 4], channel slowest, then row and column in the 2 x 2 patch. */
static struct tensor *patches_of(struct compute *c, struct tensor *x)
{
	int64_t batch = tensor_size(x, 0);
	int64_t channels = tensor_size(x, 1);
	int64_t height = tensor_size(x, 2);
	int64_t width = tensor_size(x, 3);
	struct view view = { .rank = 6,
			     .shape = { batch, height / 2, width / 2, channels, 2, 2 },
			     .stride = { channels * height * width, 2 * width, 2, height * width, width, 1 } };

	x = compute_gather(c, x, &view);
	return compute_reshape(c, x, 3, (int64_t[]) { batch, height / 2 * (width / 2), channels * 4 });
}

struct tensor *flux_image(struct compute *c, struct tensor *x, int64_t channels, int64_t height, int64_t width)
{
	int64_t batch = tensor_size(x, 0);
	int64_t rows = (height + 1) / 2;
	int64_t columns = (width + 1) / 2;
	struct view view = { .rank = 6,
			     .shape = { batch, channels, rows, 2, columns, 2 },
			     .stride = { rows * columns * channels * 4, 4, columns * channels * 4, 2, channels * 4, 1 } };

	x = compute_gather(c, x, &view);
	x = compute_reshape(c, x, 4, (int64_t[]) { batch, channels, 2 * rows, 2 * columns });
	if (height % 2)
		x = compute_slice(c, x, 2, 0, height);
	if (width % 2)
		x = compute_slice(c, x, 3, 0, width);
	return x;
}

struct tensor *flux_tokens(struct compute *c, const float *values, int64_t batch, int64_t height, int64_t width)
{
	const struct flux_config *config = c->model->config;
	struct tensor *x = compute_upload(c, values, 4, (int64_t[]) { batch, config->in_channels, height, width });

	return patches_of(c, pad_to_even(c, x));
}

/* ---- positions ---- */

struct positions {
	double (*ids)[3];
	size_t count;
};

static void add_grid(struct positions *positions, int64_t rows, int64_t columns, double index, int64_t row, int64_t column)
{
	for (int64_t y = 0; y < rows; y++) {
		for (int64_t x = 0; x < columns; x++) {
			double *id = positions->ids[positions->count++];

			id[0] = index;
			id[1] = (double)(y + row);
			id[2] = (double)(x + column);
		}
	}
}

/* References lie below or to the right of the earlier ones, whichever keeps the whole squarer. Offsets in latent pixels. */
static void add_references(struct positions *positions, const struct denoise_request *request)
{
	int64_t height = 0;
	int64_t width = 0;

	for (size_t i = 0; i < request->reference_count; i++) {
		const struct reference_latent *reference = &request->references[i];
		int64_t down = 0;
		int64_t right = 0;

		if (!request->references_by_index) {
			if (reference->height + height > reference->width + width)
				right = width;
			else
				down = height;
			height = height > reference->height + down ? height : reference->height + down;
			width = width > reference->width + right ? width : reference->width + right;
		}
		add_grid(positions, (reference->height + 1) / 2, (reference->width + 1) / 2,
			 request->references_by_index ? (double)(i + 1) : 1.0, (down + 1) / 2, (right + 1) / 2);
	}
}

/* Cosine and sine of every token's angles, [tokens, d / 2, 2], computed in double. */
static void fill_angles(const struct positions *positions, const struct flux_config *config, float *angles)
{
	for (size_t t = 0; t < positions->count; t++) {
		for (unsigned axis = 0; axis < 3; axis++) {
			for (int64_t j = 0; j < config->axes[axis] / 2; j++) {
				double angle = positions->ids[t][axis] *
					       pow(config->theta, -2.0 * (double)j / (double)config->axes[axis]);

				*angles++ = (float)cos(angle);
				*angles++ = (float)sin(angle);
			}
		}
	}
}

/* The table as upstream has it, for the tap: [batch, 1, tokens, d / 2, 2, 2] of rotation matrices. */
static void tell_angles(struct compute *c, const float *angles, int64_t batch, int64_t tokens, int64_t pairs)
{
	size_t count = (size_t)(tokens * pairs);
	float *matrices = array_new((size_t)batch * count * 4, sizeof(*matrices), NULL);

	for (size_t i = 0; matrices && i < (size_t)batch * count; i++) {
		const float *turn = angles + i % count * 2;

		matrices[4 * i] = turn[0];
		matrices[4 * i + 1] = -turn[1];
		matrices[4 * i + 2] = turn[1];
		matrices[4 * i + 3] = turn[0];
	}
	if (matrices) {
		struct tensor *told = compute_upload_f32(c, matrices, 5, (int64_t[]) { batch, tokens, pairs, 2, 2 });

		compute_tell(c, told, TAP_WHOLE, "pe_embedder");
		compute_drop(c, told);
	}
	free(matrices);
}

struct tensor *flux_angles(struct compute *c, const struct denoise_request *request, int64_t tokens)
{
	const struct flux_config *config = c->model->config;
	int64_t pairs = config->hidden / config->heads / 2;
	struct positions positions = { .count = (size_t)request->tokens }; /* text: all zero */
	struct tensor *out = NULL;
	float *angles;

	if (!c->bytes_exist)
		return compute_upload_f32(c, NULL, 3, (int64_t[]) { tokens, pairs, 2 });
	positions.ids = compute_array(c, (size_t)tokens, sizeof(*positions.ids));
	angles = compute_array(c, (size_t)(tokens * pairs), 2 * sizeof(*angles));
	if (!c->failed) {
		add_grid(&positions, (request->height + 1) / 2, (request->width + 1) / 2, 0, 0, 0);
		add_references(&positions, request);
		fill_angles(&positions, config, angles);
		out = compute_upload_f32(c, angles, 3, (int64_t[]) { tokens, pairs, 2 });
		if (c->tap)
			tell_angles(c, angles, request->batch, tokens, pairs);
	}
	free(angles);
	free(positions.ids);
	return out;
}
