/* Latents, images, and what becomes of them. */
#include <stdio.h>
#include <string.h>

#include "core/base/strbuf.h"
#include "core/workflow/nodes/need.h"
#include "core/workflow/nodes/nodes.h"

static bool empty_latent(struct call *call, int64_t channels, struct error *e)
{
	struct values values;
	struct data *data;
	int64_t shape[] = { node_call_integer(call, "batch_size"), channels, node_call_integer(call, "height") / 8,
			    node_call_integer(call, "width") / 8 };

	if (!values_new(&values, manager_machine(call->services->manager), 4, shape, e))
		return false;
	data = value_data_tensor(&values, e);
	if (!data)
		return false;
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

static bool run_empty(struct call *call, struct error *e)
{
	return empty_latent(call, 4, e);
}

static bool run_empty_sd3(struct call *call, struct error *e)
{
	return empty_latent(call, 16, e);
}

static bool run_decode(struct call *call, struct error *e)
{
	struct patcher *patcher = node_call_patcher(call, "vae", MODEL_VAE, e);
	struct data *latent = node_call_data(call, "samples", DATA_TENSOR, e);
	struct load_request request;
	struct values image = { .rank = 0 };
	struct data *data;

	if (!patcher || !latent)
		return false;
	request = need_of_decoding(patcher, &latent->tensor);
	if (!manager_load(call->services->manager, &patcher, 1, &request, e))
		return false;
	if (patcher_model(patcher)->family && !inference_decode(&call->services->inference, patcher_model(patcher),
								patcher_device(patcher), &latent->tensor, &image, e))
		return false;
	data = value_data_tensor(&image, e);
	if (!data)
		return false;
	value_outputs_set_data(call->outputs, 0, data);
	return true;
}

/* FOLDER/PREFIX_00001.png, the first number that is free; slashes of a prefix become underscores. */
static bool write_image(const struct call *call, const struct values *image, struct strbuf *path, struct error *e)
{
	char prefix[128];

	snprintf(prefix, sizeof(prefix), "%s", node_call_text(call, "filename_prefix"));
	for (char *c = prefix; *c; c++)
		*c = *c == '/' || *c == '\\' ? '_' : *c;
	for (unsigned i = 1; i < 100000; i++) {
		FILE *there;

		strbuf_clear(path);
		strbuf_printf(path, "%s/%s_%05u.png", call->services->output_folder, prefix, i);
		if (!strbuf_ok(path))
			return error_no_memory(e);
		there = fopen(strbuf_text(path), "rb");
		if (!there)
			return values_write_png(image, strbuf_text(path), e);
		fclose(there);
	}
	return error_set(e, ERROR_IO, "%s is full of images called %s", call->services->output_folder, prefix);
}

static bool run_save(struct call *call, struct error *e)
{
	struct data *image = node_call_data(call, "images", DATA_TENSOR, e);
	const struct observer *observer = call->services->observer;
	struct strbuf path = STRBUF_INIT;
	char hash[VALUES_HASH_MAX];
	bool fine = true;

	if (!image)
		return false;
	values_hash(&image->tensor, hash);
	if (call->services->output_folder && image->tensor.values)
		fine = write_image(call, &image->tensor, &path, e);
	if (fine && observer && observer->image)
		observer->image(observer->context, &(struct image_event) { .node = call->node_id,
									   .prefix = node_call_text(call, "filename_prefix"),
									   .pixels = image->tensor.values,
									   .count = image->tensor.shape[0],
									   .height = image->tensor.shape[1],
									   .width = image->tensor.shape[2],
									   .hash = hash,
									   .path = strbuf_text(&path) });
	strbuf_free(&path);
	return fine;
}

/* An output that takes anything and does nothing with it. */
static bool run_preview(struct call *call, struct error *e)
{
	(void)call;
	(void)e;
	return true;
}

#define SIZE(input)                                                                                                            \
	{                                                                                                                      \
		.name = (input), .kind = INPUT_INTEGER, .least = 16, .most = 16384                                             \
	}
static const struct input_type empty_inputs[] = { SIZE("width"),
						  SIZE("height"),
						  { .name = "batch_size", .kind = INPUT_INTEGER, .least = 1, .most = 4096 },
						  { .name = NULL } };
static const struct input_type decode_inputs[] = { { .name = "samples", .kind = INPUT_LINK, .type = "LATENT" },
						   { .name = "vae", .kind = INPUT_LINK, .type = "VAE" },
						   { .name = NULL } };
static const struct input_type save_inputs[] = { { .name = "images", .kind = INPUT_LINK, .type = "IMAGE" },
						 { .name = "filename_prefix",
						   .kind = INPUT_TEXT,
						   .optional = true,
						   .fallback = { .kind = VALUE_TEXT, .text = "ComfyUI" } },
						 { .name = NULL } };
static const struct input_type preview_inputs[] = { { .name = "images", .kind = INPUT_LINK, .type = "IMAGE" },
						    { .name = NULL } };
static const struct input_type any_inputs[] = { { .name = "source", .kind = INPUT_LINK, .type = "*" }, { .name = NULL } };

const struct node_type nodes_latent[] = {
	{ .name = "EmptyLatentImage", .inputs = empty_inputs, .outputs = { "LATENT" }, .run = run_empty },
	{ .name = "EmptySD3LatentImage", .inputs = empty_inputs, .outputs = { "LATENT" }, .run = run_empty_sd3 },
	{ .name = "VAEDecode", .inputs = decode_inputs, .outputs = { "IMAGE" }, .run = run_decode },
	{ .name = "SaveImage", .inputs = save_inputs, .outputs = { NULL }, .is_output = true, .run = run_save },
	{ .name = "PreviewImage", .inputs = preview_inputs, .outputs = { NULL }, .is_output = true, .run = run_preview },
	{ .name = "PreviewAny", .inputs = any_inputs, .outputs = { NULL }, .is_output = true, .run = run_preview },
	{ .name = NULL },
};
