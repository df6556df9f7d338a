#include "tests/conformance/pressure_estimates.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/units.h"
#include "core/model/memory/memory_estimate.h"
#include "core/model/memory/settings.h"
#include "tests/conformance/pressure_decisions.h"
#include "tests/conformance/retention_table.h"

#define SHAPES_MAX 8
#define KEYS_MAX 4

static bool same_number(double found, const char *wanted)
{
	char *end;
	double value = strtod(wanted, &end);

	return end != wanted && !*end && value == found;
}

static void judge(struct tally *tally, const char *name, const struct table_row *row, double found, const char *wanted)
{
	if (same_number(found, wanted))
		tally_pass(tally);
	else
		tally_fail(tally, name, "%s %s %s %s: %.17g, not %s", row->fields[0], row->fields[1], row->fields[2],
			   row->fields[3] ? row->fields[3] : "", found, wanted);
}

/* "bf16/fp16/fp32". */
static bool same_dtypes(const struct dtype_list *list, const char *text)
{
	char found[64] = "";
	size_t length = 0;

	for (size_t i = 0; i < list->count; i++)
		length += (size_t)snprintf(found + length, sizeof(found) - length, "%s%s", i ? "/" : "",
					   pressure_dtype_name(list->dtypes[i]));
	return strcmp(found, text) == 0;
}

/* ---- shapes ---- */

static struct estimate_shape read_shape(const json_t *list)
{
	struct estimate_shape shape = { .rank = 0 };

	for (size_t i = 0; i < json_array_size(list) && i < SHAPE_RANK_MAX; i++)
		shape.sizes[shape.rank++] = json_number_value(json_array_get(list, i));
	return shape;
}

static size_t read_shapes(const json_t *lists, struct estimate_shape shapes[SHAPES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(lists) && count < SHAPES_MAX; i++)
		shapes[count++] = read_shape(json_array_get(lists, i));
	return count;
}

static struct estimate_shape parse_shape(const char *text)
{
	json_t *list = json_loads(text, 0, NULL);
	struct estimate_shape shape = read_shape(list);

	json_decref(list);
	return shape;
}

/* ---- factors.csv: class, rule, factor, dtypes ---- */

static void run_factor(const struct table_row *row, struct tally *tally)
{
	const struct diffusion_class *class = memory_diffusion_class_find(row->fields[0]);
	const char *value = strchr(row->fields[1], '=');

	if (!class)
		tally_fail(tally, row->fields[0], "no such class");
	else if (!same_dtypes(&class->dtypes, row->fields[3]))
		tally_fail(tally, row->fields[0], "types are not %s", row->fields[3]);
	else
		judge(tally, "factors.csv", row, memory_diffusion_factor(class, value ? strtod(value + 1, NULL) : NAN),
		      row->fields[2]);
}

/* ---- estimates.csv.gz ---- */

enum estimate_column {
	ESTIMATE_KIND,
	ESTIMATE_MODEL,
	ESTIMATE_CLASS,
	ESTIMATE_FACTOR,
	ESTIMATE_WEIGHTS,
	ESTIMATE_CAST,
	ESTIMATE_ATTENTION,
	ESTIMATE_SHAPE,
	ESTIMATE_COND,
	ESTIMATE_RESULT,
	ESTIMATE_RESULT_LEAST,
};

/* What conditioning brings, as keys of shapes. */
struct extras {
	struct estimate_shape shapes[KEYS_MAX][SHAPES_MAX];
	struct extra_shapes keys[KEYS_MAX];
	size_t count;
};

/* Reference latents of the positive and the negative conditioning: one flat latent each, under one key. */
static void add_references(struct extras *extras, const json_t *cond)
{
	static const char *const sides[] = { "pos", "neg" };
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		struct estimate_shape references[SHAPES_MAX];
		size_t reference_count = read_shapes(json_object_get(cond, sides[i]), references);

		if (reference_count)
			extras->shapes[0][count++] = memory_shape_of_references(references, reference_count);
	}
	extras->keys[0] = (struct extra_shapes) { extras->shapes[0], count };
	extras->count = 1;
}

/* A reference latent and motion, by key. */
static void add_keys(struct extras *extras, const json_t *cond)
{
	const char *key;
	const json_t *lists;

	json_object_foreach((json_t *)(uintptr_t)cond, key, lists)
	{
		struct estimate_shape *shapes = extras->shapes[extras->count];
		size_t count;

		if (extras->count == KEYS_MAX)
			return;
		count = read_shapes(lists, shapes);
		for (size_t i = 0; i < count; i++)
			shapes[i] = strcmp(key, "reference_motion") == 0 ? memory_shape_of_motion(&shapes[i])
									 : memory_shape_of_references(&shapes[i], 1);
		extras->keys[extras->count++] = (struct extra_shapes) { shapes, count };
	}
}

static void read_extras(struct extras *extras, const struct table_row *row)
{
	json_t *cond = row->fields[ESTIMATE_COND][0] ? json_loads(row->fields[ESTIMATE_COND], 0, NULL) : NULL;

	extras->count = 0;
	switch (memory_diffusion_extras(row->fields[ESTIMATE_CLASS])) {
	case EXTRA_REFERENCES:
		add_references(extras, cond);
		break;
	case EXTRA_MOTION:
		add_keys(extras, cond);
		break;
	case EXTRA_NONE:
		break;
	}
	json_decref(cond);
}

static void run_estimate(const struct table_row *row, struct tally *tally)
{
	const char *cast = row->fields[ESTIMATE_CAST];
	const char *dtype = cast[0] ? cast : row->fields[ESTIMATE_WEIGHTS];
	struct diffusion_use use = { .factor = strtod(row->fields[ESTIMATE_FACTOR], NULL),
				     .fused_attention = strcmp(row->fields[ESTIMATE_ATTENTION], "pytorch") == 0,
				     .compute_dtype = pressure_dtype(dtype, strlen(dtype)),
				     .latent = parse_shape(row->fields[ESTIMATE_SHAPE]) };
	struct extras extras;

	read_extras(&extras, row);
	use.extras = extras.keys;
	use.extra_count = extras.count;
	if (strcmp(row->fields[ESTIMATE_KIND], "estimate") != 0)
		judge(tally, "estimates.csv.gz", row, memory_diffusion_bytes(&use), row->fields[ESTIMATE_RESULT]);
	else if (!same_number(memory_diffusion_sampling_least_bytes(&use), row->fields[ESTIMATE_RESULT_LEAST]))
		tally_fail(tally, "estimates.csv.gz", "%s %s: the least is %.17g, not %s", row->fields[ESTIMATE_MODEL],
			   row->fields[ESTIMATE_SHAPE], memory_diffusion_sampling_least_bytes(&use),
			   row->fields[ESTIMATE_RESULT_LEAST]);
	else
		judge(tally, "estimates.csv.gz", row, memory_diffusion_sampling_bytes(&use), row->fields[ESTIMATE_RESULT]);
}

/* ---- vae_estimates.csv ---- */

enum vae_column { VAE_NAME, VAE_CLASS, VAE_OP, VAE_SHAPE, VAE_DTYPE, VAE_BYTES, VAE_DTYPES, VAE_WHOLE, VAE_CHANNELS, VAE_RANK };

/* Files of the data, and what is known of them by their weights. */
static const struct {
	const char *name, *class_name;
} vae_files[] = {
	{ "flux_ae_vae", "AutoencoderKL 16 channels" },
	{ "stage_c_effnet", "AutoencoderKL 16 channels" },
	{ "stage_c_previewer", "AutoencoderKL 16 channels" },
	{ "hunyuan_image_64", "Hunyuan image" },
	{ "hunyuan_refiner_32_2d", "Hunyuan refiner" },
	{ "hunyuan_refiner_32_conv", "Hunyuan refiner, convolution" },
	{ "mochi_vae", "Mochi" },
	{ "ltxv_0.9_vae", "LTXV" },
	{ "ltxv_0.9.5_vae", "LTXV" },
	{ "hunyuan_video_vae", "Hunyuan video" },
	{ "cosmos", "Cosmos" },
	{ "wan2.1_vae", "WAN 2.1" },
	{ "qwen_image_vae", "WAN 2.1" },
	{ "wan2.2_vae", "WAN 2.2" },
	{ "audio_oobleck", "Oobleck" },
	{ "ace_step", "ACE" },
	{ "mmaudio_16k", "MMAudio" },
	{ "hunyuan3d", "Hunyuan3D" },
	{ "pixel_space", "pixels" },
};

static const struct vae_class *vae_of_file(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(vae_files); i++) {
		if (strcmp(vae_files[i].name, name) == 0)
			return memory_vae_class_find(vae_files[i].class_name);
	}
	return memory_vae_class_find("AutoencoderKL");
}

static void run_vae(const struct table_row *row, struct tally *tally)
{
	const struct vae_class *class = vae_of_file(row->fields[VAE_NAME]);
	struct estimate_shape shape = parse_shape(row->fields[VAE_SHAPE]);
	enum dtype dtype = pressure_dtype(row->fields[VAE_DTYPE], strlen(row->fields[VAE_DTYPE]));
	bool is_decode = strcmp(row->fields[VAE_OP], "decode") == 0;

	if (!same_dtypes(&class->dtypes, row->fields[VAE_DTYPES]) ||
	    class->stays_whole != (strcmp(row->fields[VAE_WHOLE], "True") == 0) ||
	    !same_number(class->latent_channels, row->fields[VAE_CHANNELS]) ||
	    !same_number(class->latent_rank, row->fields[VAE_RANK]))
		tally_fail(tally, row->fields[VAE_NAME], "%s has other types, offloading or latents", class->name);
	else
		judge(tally, "vae_estimates.csv", row,
		      is_decode ? memory_vae_decode_bytes(class, &shape, dtype) : memory_vae_encode_bytes(class, &shape, dtype),
		      row->fields[VAE_BYTES]);
}

/* ---- te_estimates.csv, te_initial_device.csv ---- */

static void run_text(const struct table_row *row, struct tally *tally)
{
	struct platform platform = { .vendor = VENDOR_NVIDIA, .gpu_name = "", .architecture = "" };
	struct settings settings;

	settings_make(&settings, &platform, 0, NAN);
	judge(tally, "te_estimates.csv", row,
	      memory_load_room_bytes(strtod(row->fields[2], NULL), settings_inference_bytes(&settings)), row->fields[4]);
}

static void run_text_device(const struct table_row *row, struct tally *tally)
{
	bool loaded = memory_text_encoder_starts_loaded(strtod(row->fields[0], NULL), strtod(row->fields[1], NULL),
							strtod(row->fields[2], NULL), strcmp(row->fields[3], "1") == 0);

	if (strcmp(loaded ? "load" : "offload", row->fields[4]) == 0)
		tally_pass(tally);
	else
		tally_fail(tally, "te_initial_device.csv", "%s bytes, %s and %s free: not %s", row->fields[0], row->fields[1],
			   row->fields[2], row->fields[4]);
}

/* ---- files ---- */

static bool run_rows(const char *folder, const char *name, size_t columns,
		     void (*run)(const struct table_row *row, struct tally *tally), struct tally *tally, struct error *e)
{
	struct table table = { .text = NULL };
	bool fine = table_read(&table, folder, name, columns, e);

	for (size_t i = 0; fine && i < table.row_count; i++)
		run(&table.rows[i], tally);
	table_free(&table);
	return fine;
}

bool pressure_factors(const char *folder, struct tally *tally, struct error *e)
{
	return run_rows(folder, "factors.csv", 4, run_factor, tally, e);
}

bool pressure_estimates(const char *folder, struct tally *tally, struct error *e)
{
	return run_rows(folder, "estimates.csv.gz", ESTIMATE_RESULT_LEAST + 1, run_estimate, tally, e);
}

bool pressure_vae_estimates(const char *folder, struct tally *tally, struct error *e)
{
	return run_rows(folder, "vae_estimates.csv", VAE_RANK + 1, run_vae, tally, e);
}

bool pressure_text_estimates(const char *folder, struct tally *tally, struct error *e)
{
	return run_rows(folder, "te_estimates.csv", 5, run_text, tally, e);
}

bool pressure_text_devices(const char *folder, struct tally *tally, struct error *e)
{
	return run_rows(folder, "te_initial_device.csv", 5, run_text_device, tally, e);
}
