#include "tests/conformance/pressure_decisions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/model/memory/dtype_choice.h"
#include "core/model/memory/settings.h"
#include "tests/conformance/retention_table.h"

/* ---- words of the data ---- */

static const struct {
	const char *name;
	enum dtype dtype;
} dtype_words[] = {
	{ "fp16", DTYPE_F16 },		 { "bf16", DTYPE_BF16 },	{ "fp32", DTYPE_F32 }, { "fp64", DTYPE_F64 },
	{ "fp8_e4m3fn", DTYPE_F8_E4M3 }, { "fp8_e5m2", DTYPE_F8_E5M2 }, { "f16", DTYPE_F16 },  { "f32", DTYPE_F32 },
	{ "none", DTYPE_NONE },
};

const char *pressure_dtype_name(enum dtype dtype)
{
	for (size_t i = 0; i < ARRAY_SIZE(dtype_words); i++) {
		if (dtype_words[i].dtype == dtype)
			return dtype_words[i].name;
	}
	return "?";
}

enum dtype pressure_dtype(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(dtype_words); i++) {
		if (strlen(dtype_words[i].name) == length && strncmp(dtype_words[i].name, name, length) == 0)
			return dtype_words[i].dtype;
	}
	return DTYPE_NONE;
}

/* "f16-bf16-f32"; "empty" is none. */
static struct dtype_list read_list(const char *text)
{
	struct dtype_list list = { .count = 0 };

	while (*text && list.count < DTYPE_LIST_MAX) {
		size_t length = strcspn(text, "-");
		enum dtype dtype = pressure_dtype(text, length);

		if (dtype != DTYPE_NONE)
			list.dtypes[list.count++] = dtype;
		text += length + (text[length] == '-');
	}
	return list;
}

/* "860M", "2.6B", "neg". */
static double read_count(const char *text)
{
	char *end;
	double count = strtod(text, &end);

	if (strcmp(text, "neg") == 0)
		return -1;
	return count * (*end == 'B' ? 1e9 : 1e6);
}

/* ---- dtypes.csv.gz ---- */

enum dtype_column { FUNCTION, KIND, CAPABILITY, NAME, TOTAL_GIB, HAS_BF16, FLAGS, ARGUMENTS, RESULT };

#define CPU_DEVICE "cpu device on a cuda box" /* a name that says which device is asked for */

/* A decision that is asked for, its arguments split at blanks. */
struct question {
	struct settings settings;
	enum settings_place place;
	const char *gpu; /* "cuda", "mps": what a place on the GPU is called */
	char arguments[4][64];
	char answer[64];
};

static void answer_bool(struct question *q, bool yes)
{
	snprintf(q->answer, sizeof(q->answer), "%d", yes);
}

static void answer_place(struct question *q, enum settings_place place)
{
	snprintf(q->answer, sizeof(q->answer), "%s", place == PLACE_GPU ? q->gpu : "cpu");
}

static void answer_dtype(struct question *q, enum dtype dtype)
{
	snprintf(q->answer, sizeof(q->answer), "%s", pressure_dtype_name(dtype));
}

static enum dtype dtype_argument(const struct question *q, size_t index)
{
	return pressure_dtype(q->arguments[index], strlen(q->arguments[index]));
}

/* The number after "name=". */
static double value_argument(const struct question *q, size_t index)
{
	const char *value = strchr(q->arguments[index], '=');

	return value ? strtod(value + 1, NULL) : NAN;
}

static void ask_fp16(struct question *q)
{
	answer_bool(q, dtype_should_use_fp16(&q->settings, q->place, read_count(q->arguments[0]), value_argument(q, 1) != 0,
					     value_argument(q, 2) != 0));
}

static void ask_bf16(struct question *q)
{
	answer_bool(q, dtype_should_use_bf16(&q->settings, q->place, read_count(q->arguments[0]), value_argument(q, 1) != 0,
					     value_argument(q, 2) != 0));
}

static void ask_unet(struct question *q)
{
	struct dtype_list family = read_list(q->arguments[0]);
	enum dtype weights = dtype_of_unet(&q->settings, q->place, read_count(q->arguments[1]), &family, dtype_argument(q, 2));
	enum dtype cast = dtype_cast_of_unet(&q->settings, q->place, weights, &family);

	snprintf(q->answer, sizeof(q->answer), "%s %s", pressure_dtype_name(weights), pressure_dtype_name(cast));
}

static void ask_unet_first(struct question *q)
{
	double bytes = read_count(q->arguments[0]) * (double)dtype_size_bytes(dtype_argument(q, 1));

	answer_place(q, settings_unet_first(&q->settings, bytes, value_argument(q, 2), value_argument(q, 3)));
}

static void ask_vae(struct question *q)
{
	struct dtype_list allowed = read_list(q->arguments[0]);

	answer_dtype(q, dtype_of_vae(&q->settings, q->place, &allowed));
}

static void ask_text_encoder(struct question *q)
{
	answer_dtype(q, dtype_of_text_encoder(&q->settings));
}

static void ask_pick(struct question *q)
{
	answer_dtype(q, dtype_pick(&q->settings, q->place, dtype_argument(q, 0), dtype_argument(q, 1)));
}

static void ask_support(struct question *q)
{
	answer_bool(q, dtype_is_supported(&q->settings, q->place, dtype_argument(q, 0)));
}

static void ask_cast(struct question *q)
{
	answer_bool(q, dtype_can_be_cast(&q->settings, q->place, dtype_argument(q, 0)));
}

static void ask_fp8(struct question *q)
{
	answer_bool(q, dtype_has_fp8_compute(&q->settings, q->place));
}

static void ask_state(struct question *q)
{
	snprintf(q->answer, sizeof(q->answer), "%s", settings_vram_state_name(q->settings.vram_state));
}

static void ask_weights_most(struct question *q)
{
	snprintf(q->answer, sizeof(q->answer), "%.17g", settings_weights_most_bytes(&q->settings));
}

static const struct decision {
	const char *function;
	void (*ask)(struct question *q);
	enum settings_place (*device)(const struct settings *settings); /* where ask is NULL */
} decisions[] = {
	{ "should_use_fp16", ask_fp16, NULL },
	{ "should_use_bf16", ask_bf16, NULL },
	{ "unet_dtype+manual_cast", ask_unet, NULL },
	{ "unet_inital_load_device", ask_unet_first, NULL },
	{ "vae_dtype", ask_vae, NULL },
	{ "text_encoder_dtype", ask_text_encoder, NULL },
	{ "pick_weight_dtype", ask_pick, NULL },
	{ "supports_dtype", ask_support, NULL },
	{ "supports_cast", ask_cast, NULL },
	{ "supports_fp8_compute", ask_fp8, NULL },
	{ "vram_state", ask_state, NULL },
	{ "maximum_vram_for_weights", ask_weights_most, NULL },
	{ "get_torch_device", NULL, settings_device },
	{ "unet_offload_device", NULL, settings_unet_offload },
	{ "text_encoder_offload_device", NULL, settings_text_offload },
	{ "text_encoder_device", NULL, settings_text_device },
	{ "intermediate_device", NULL, settings_intermediate },
	{ "vae_device", NULL, settings_vae_device },
	{ "vae_offload_device", NULL, settings_vae_offload },
};

static const struct decision *find_decision(const char *function)
{
	for (size_t i = 0; i < ARRAY_SIZE(decisions); i++) {
		if (strcmp(decisions[i].function, function) == 0)
			return &decisions[i];
	}
	return NULL;
}

static void read_platform(struct question *q, const struct table_row *row, struct platform *platform)
{
	const char *kind = row->fields[KIND];
	const char *version = row->fields[CAPABILITY];
	bool is_apple = strcmp(kind, "mps") == 0;

	*platform = (struct platform) { .vendor = is_apple		      ? VENDOR_APPLE
						  : strcmp(kind, "cuda") == 0 ? VENDOR_NVIDIA
									      : VENDOR_NONE,
					.gpu_name = row->fields[NAME],
					.architecture = "",
					.has_bf16 = strcmp(row->fields[HAS_BF16], "1") == 0,
					.total_bytes = strtod(row->fields[TOTAL_GIB], NULL) * (double)GIB };
	if (is_apple)
		version = row->fields[NAME] + strcspn(row->fields[NAME], "0123456789");
	sscanf(version, "%u.%u", &platform->major, &platform->minor);
	q->gpu = kind;
	q->place = platform->vendor == VENDOR_NONE || strcmp(row->fields[NAME], CPU_DEVICE) == 0 ? PLACE_CPU : PLACE_GPU;
}

/* A platform's flag "windows" says how fp16 is judged; what is reserved was measured on Linux. */
static bool read_question(struct question *q, const struct table_row *row)
{
	struct platform platform;
	uint32_t flags = 0;
	bool is_windows = strcmp(row->fields[FLAGS], "windows") == 0;

	*q = (struct question) { .gpu = "" };
	read_platform(q, row, &platform);
	if (row->fields[FLAGS][0] && !is_windows && !settings_add_start_flag(row->fields[FLAGS], &flags))
		return false;
	settings_make(&q->settings, &platform, flags, NAN);
	q->settings.platform.is_windows = is_windows;
	sscanf(row->fields[ARGUMENTS], "%63s %63s %63s %63s", q->arguments[0], q->arguments[1], q->arguments[2],
	       q->arguments[3]);
	return true;
}

static bool same_answer(const char *found, const char *wanted)
{
	char *found_end;
	char *wanted_end;
	double a = strtod(found, &found_end);
	double b = strtod(wanted, &wanted_end);

	if (*found && *wanted && !*found_end && !*wanted_end)
		return a == b;
	return strcmp(found, wanted) == 0;
}

static void run_decision(const struct table_row *row, struct tally *tally)
{
	const struct decision *decision = find_decision(row->fields[FUNCTION]);
	struct question q;

	if (!decision || !read_question(&q, row)) {
		tally_fail(tally, row->fields[FUNCTION], "not understood, or its flag %s is not", row->fields[FLAGS]);
		return;
	}
	if (decision->ask)
		decision->ask(&q);
	else
		answer_place(&q, decision->device(&q.settings));
	if (same_answer(q.answer, row->fields[RESULT]))
		tally_pass(tally);
	else
		tally_fail(tally, decision->function, "%s %s %s GiB [%s] %s: %s, not %s", row->fields[CAPABILITY],
			   row->fields[NAME], row->fields[TOTAL_GIB], row->fields[FLAGS], row->fields[ARGUMENTS], q.answer,
			   row->fields[RESULT]);
}

bool pressure_dtypes(const char *folder, struct tally *tally, struct error *e)
{
	struct table table = { .text = NULL };
	bool fine = table_read(&table, folder, "dtypes.csv.gz", RESULT + 1, e);

	for (size_t i = 0; fine && i < table.row_count; i++)
		run_decision(&table.rows[i], tally);
	table_free(&table);
	return fine;
}

/* ---- globals.csv ---- */

enum global_column {
	PLATFORM,
	ARGV,
	TOTAL_BYTES,
	VRAM_STATE,
	CPU_STATE,
	RESERVED,
	INFERENCE,
	SHARE,
	ATTENTION,
	FLASH,
	SMART,
	LOWVRAM_AVAILABLE,
	PREFERS_FP16,
	FP8_OPS,
	FORCE_FP32,
	FP16_UNET,
	STREAMS,
	WEIGHTS_MOST,
	GLOBAL_COLUMNS
};

/* "rocm gfx1100", "nvidia windows just over 15GB"; an AMD card without a name has none that is known. */
static struct platform platform_named(const char *name)
{
	struct platform platform = { .vendor = VENDOR_NVIDIA, .gpu_name = "", .architecture = "" };

	if (strncmp(name, "rocm", 4) == 0) {
		platform.vendor = VENDOR_AMD;
		platform.architecture = strncmp(name, "rocm gfx", 8) == 0 ? name + 5 : "";
	}
	platform.is_windows = strstr(name, "windows") != NULL;
	return platform;
}

/* "--reserve-vram 1.5", "--fast fp16_accumulation": one flag and what it takes. */
static bool read_arguments(const char *text, uint32_t *flags, double *reserve_gib)
{
	char flag[64] = "";
	char value[64] = "";
	char both[160];

	*flags = 0;
	*reserve_gib = NAN;
	sscanf(text, "%63s %63s", flag, value);
	if (!flag[0])
		return true;
	if (strcmp(flag, "--reserve-vram") == 0) {
		*reserve_gib = strtod(value, NULL);
		return true;
	}
	snprintf(both, sizeof(both), "%s%s%s", flag, value[0] ? "_" : "", value);
	return settings_add_start_flag(both, flags);
}

static void put_bool(char text[64], bool yes)
{
	snprintf(text, 64, "%s", yes ? "True" : "False");
}

static void tell_globals(const struct settings *s, char found[GLOBAL_COLUMNS][64])
{
	static const char *const cpu_states[] = { "GPU", "CPU", "MPS" };

	snprintf(found[VRAM_STATE], 64, "%s", settings_vram_state_name(s->vram_state));
	snprintf(found[CPU_STATE], 64, "%s", cpu_states[s->cpu_state]);
	snprintf(found[RESERVED], 64, "%.17g", s->reserved_bytes);
	snprintf(found[INFERENCE], 64, "%.17g", settings_inference_bytes(s));
	snprintf(found[SHARE], 64, "%.17g", s->weight_share);
	put_bool(found[ATTENTION], s->pytorch_attention);
	put_bool(found[FLASH], s->fused_attention);
	put_bool(found[SMART], s->is_smart);
	put_bool(found[LOWVRAM_AVAILABLE], true);
	put_bool(found[PREFERS_FP16], s->prefers_fp16);
	put_bool(found[FP8_OPS], s->fp8_compute);
	put_bool(found[FORCE_FP32], settings_have(s, START(FORCE_FP32)));
	put_bool(found[FP16_UNET], settings_have(s, START(FP16_UNET)));
	snprintf(found[STREAMS], 64, "%u", s->stream_count);
	if (s->cpu_state == CPU_STATE_GPU)
		snprintf(found[WEIGHTS_MOST], 64, "%.17g", settings_weights_most_bytes(s));
}

static void run_global(const struct table_row *row, struct tally *tally)
{
	static const char *const names[] = {
		[VRAM_STATE] = "vram_state",	    [CPU_STATE] = "cpu_state", [RESERVED] = "extra_reserved",
		[INFERENCE] = "min_inference",	    [SHARE] = "ratio",	       [ATTENTION] = "pytorch_attention",
		[FLASH] = "flash_formula",	    [SMART] = "smart",	       [LOWVRAM_AVAILABLE] = "lowvram_available",
		[PREFERS_FP16] = "prioritize_fp16", [FP8_OPS] = "fp8_ops",     [FORCE_FP32] = "force_fp32",
		[FP16_UNET] = "fp16_unet",	    [STREAMS] = "streams",     [WEIGHTS_MOST] = "max_weights"
	};
	struct platform platform = platform_named(row->fields[PLATFORM]);
	char found[GLOBAL_COLUMNS][64] = { "" };
	struct settings settings;
	double reserve_gib;
	uint32_t flags;

	platform.total_bytes = strtod(row->fields[TOTAL_BYTES], NULL);
	if (!read_arguments(row->fields[ARGV], &flags, &reserve_gib)) {
		tally_fail(tally, row->fields[PLATFORM], "flags %s are not understood", row->fields[ARGV]);
		return;
	}
	settings_make(&settings, &platform, flags, reserve_gib);
	tell_globals(&settings, found);
	for (size_t i = VRAM_STATE; i < GLOBAL_COLUMNS; i++) {
		if (!same_answer(found[i], row->fields[i])) {
			tally_fail(tally, row->fields[PLATFORM], "[%s] %s: %s, not %s", row->fields[ARGV], names[i], found[i],
				   row->fields[i]);
			return;
		}
	}
	tally_pass(tally);
}

bool pressure_globals(const char *folder, struct tally *tally, struct error *e)
{
	struct table table = { .text = NULL };
	bool fine = table_read(&table, folder, "globals.csv", GLOBAL_COLUMNS, e);

	for (size_t i = 0; fine && i < table.row_count; i++)
		run_global(&table.rows[i], tally);
	table_free(&table);
	return fine;
}
