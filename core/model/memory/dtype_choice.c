/* Upstream's choices, in its order of questions: a flag that names a type outright, then the file's own type where the card
 * computes in it or nothing larger would fit, then the first of the family's list that the card is good at, else float32.
 * What a card is good at follows from its vendor, its generation and, for the few that work badly, its name.
 */
#include "core/model/memory/dtype_choice.h"

#include <ctype.h>
#include <string.h>

#include "core/base/array.h"

#define PARAMETERS_UNKNOWN 1e21 /* more than fit anywhere */
#define NAME_MAX_BYTES 128

/* Cards on which fp16 works and is slow, as parts of their names in small letters. */
static const char *const pascal_names[] = { "1080",  "1070", "titan x", "p3000", "p3200", "p4000", "p4200", "p5000", "p5200",
					    "p6000", "1060", "1050",	"p40",	 "p100",  "p6",	   "p4",    NULL };
/* Cards on which fp16 gives wrong numbers. */
static const char *const broken_names[] = { "1660",  "1650",	 "1630",  "T500",  "T550",  "T600", "MX550",
					    "MX450", "CMP 30HX", "T2000", "T1000", "T1200", NULL };

static bool name_has(const char *name, const char *const *parts)
{
	while (*parts && !strstr(name, *parts))
		parts++;
	return *parts != NULL;
}

static bool is_pascal(const struct platform *platform)
{
	char small[NAME_MAX_BYTES];
	size_t i;

	for (i = 0; i + 1 < sizeof(small) && platform->gpu_name[i]; i++)
		small[i] = (char)tolower((unsigned char)platform->gpu_name[i]);
	small[i] = '\0';
	return name_has(small, pascal_names);
}

/* Weights of four bytes would not fit: slow arithmetic on half of them is the better choice. */
static bool is_too_large(const struct settings *s, double parameter_count)
{
	return parameter_count * 4 > settings_weights_most_bytes(s);
}

bool dtype_should_use_fp16(const struct settings *s, enum settings_place place, double parameter_count, bool for_speed,
			   bool cast)
{
	const struct platform *platform = &s->platform;

	if (place == PLACE_CPU)
		return false;
	if (settings_have(s, START(FORCE_FP16)))
		return true;
	if (settings_have(s, START(FORCE_FP32)))
		return false;
	if (s->cpu_state != CPU_STATE_GPU)
		return s->cpu_state == CPU_STATE_MPS;
	if (platform->vendor == VENDOR_AMD || platform->major >= 8)
		return true;
	if (platform->major < 6)
		return false;
	if (is_pascal(platform))
		return platform->is_windows || cast;
	if (cast && (!for_speed || is_too_large(s, parameter_count)))
		return true;
	return platform->major >= 7 && !name_has(platform->gpu_name, broken_names);
}

#define MACOS_WITH_BF16 14

bool dtype_should_use_bf16(const struct settings *s, enum settings_place place, double parameter_count, bool for_speed,
			   bool cast)
{
	if (place == PLACE_CPU || settings_have(s, START(FORCE_FP32)))
		return false;
	if (s->cpu_state == CPU_STATE_MPS)
		return s->platform.major >= MACOS_WITH_BF16;
	if (s->cpu_state == CPU_STATE_CPU)
		return false;
	if (s->platform.vendor == VENDOR_NVIDIA && s->platform.major >= 8)
		return true;
	return s->platform.has_bf16 && cast && (!for_speed || is_too_large(s, parameter_count));
}

bool dtype_has_fp8_compute(const struct settings *s, enum settings_place place)
{
	const struct platform *platform = &s->platform;

	if (s->fp8_compute)
		return true;
	if (place == PLACE_CPU || platform->vendor != VENDOR_NVIDIA)
		return false;
	return platform->major >= 9 || (platform->major == 8 && platform->minor >= 9);
}

static bool is_fp8(enum dtype dtype)
{
	return dtype == DTYPE_F8_E4M3 || dtype == DTYPE_F8_E5M2 || dtype == DTYPE_F8_E8M0;
}

bool dtype_is_supported(const struct settings *s, enum settings_place place, enum dtype dtype)
{
	(void)s;
	if (dtype == DTYPE_F32)
		return true;
	return place != PLACE_CPU && (dtype == DTYPE_F16 || dtype == DTYPE_BF16);
}

bool dtype_can_be_cast(const struct settings *s, enum settings_place place, enum dtype dtype)
{
	if (dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16)
		return true;
	if (place != PLACE_CPU && s->cpu_state == CPU_STATE_MPS)
		return false;
	return dtype == DTYPE_F8_E4M3 || dtype == DTYPE_F8_E5M2;
}

enum dtype dtype_pick(const struct settings *s, enum settings_place place, enum dtype wanted, enum dtype fallback)
{
	if (wanted == DTYPE_NONE || dtype_size_bytes(wanted) > dtype_size_bytes(fallback) ||
	    !dtype_can_be_cast(s, place, wanted))
		return fallback;
	return wanted;
}

/* A flag that names a type outright. */
struct dtype_flag {
	uint32_t flag;
	enum dtype dtype;
};

static enum dtype by_flag(const struct settings *s, const struct dtype_flag *flags, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (settings_have(s, flags[i].flag))
			return flags[i].dtype;
	}
	return DTYPE_NONE;
}

static bool list_has(const struct dtype_list *list, enum dtype dtype)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->dtypes[i] == dtype)
			return true;
	}
	return false;
}

/* The first of a list that is worth computing in. */
static enum dtype first_usable(const struct settings *s, enum settings_place place, double parameter_count,
			       const struct dtype_list *list, bool cast)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->dtypes[i] == DTYPE_F16 && dtype_should_use_fp16(s, place, parameter_count, true, cast))
			return DTYPE_F16;
		if (list->dtypes[i] == DTYPE_BF16 && dtype_should_use_bf16(s, place, parameter_count, true, cast))
			return DTYPE_BF16;
	}
	return DTYPE_NONE;
}

enum dtype dtype_of_unet(const struct settings *s, enum settings_place place, double parameter_count,
			 const struct dtype_list *family, enum dtype file_dtype)
{
	static const struct dtype_flag flags[] = {
		{ .flag = START(FP32_UNET), .dtype = DTYPE_F32 },
		{ .flag = START(FP64_UNET), .dtype = DTYPE_F64 },
		{ .flag = START(BF16_UNET), .dtype = DTYPE_BF16 },
		{ .flag = START(FP16_UNET), .dtype = DTYPE_F16 },
		{ .flag = START(FP8_E4M3FN_UNET), .dtype = DTYPE_F8_E4M3 },
		{ .flag = START(FP8_E5M2_UNET), .dtype = DTYPE_F8_E5M2 },
		{ .flag = START(FP8_E8M0FNU_UNET), .dtype = DTYPE_F8_E8M0 },
	};
	double count = parameter_count < 0 ? PARAMETERS_UNKNOWN : parameter_count;
	enum dtype chosen = by_flag(s, flags, ARRAY_SIZE(flags));

	if (chosen != DTYPE_NONE)
		return chosen;
	if (is_fp8(file_dtype) && (dtype_has_fp8_compute(s, place) || count * 2 > settings_weights_most_bytes(s)))
		return file_dtype;
	if ((s->prefers_fp16 || file_dtype == DTYPE_F16) && list_has(family, DTYPE_F16) &&
	    dtype_should_use_fp16(s, place, count, true, false))
		return DTYPE_F16;
	chosen = first_usable(s, place, count, family, false);
	if (chosen == DTYPE_NONE)
		chosen = first_usable(s, place, count, family, true);
	return chosen == DTYPE_NONE ? DTYPE_F32 : chosen;
}

enum dtype dtype_cast_of_unet(const struct settings *s, enum settings_place place, enum dtype weights,
			      const struct dtype_list *family)
{
	enum dtype chosen;

	if (weights == DTYPE_F32 || weights == DTYPE_F64)
		return DTYPE_NONE;
	if (weights == DTYPE_F16 && dtype_should_use_fp16(s, place, 0, false, false))
		return DTYPE_NONE;
	if (weights == DTYPE_BF16 && dtype_should_use_bf16(s, place, 0, true, false))
		return DTYPE_NONE;
	if (s->prefers_fp16 && list_has(family, DTYPE_F16) && dtype_should_use_fp16(s, place, 0, true, false))
		return DTYPE_F16;
	chosen = first_usable(s, place, 0, family, false);
	return chosen == DTYPE_NONE ? DTYPE_F32 : chosen;
}

enum dtype dtype_of_vae(const struct settings *s, enum settings_place place, const struct dtype_list *allowed)
{
	static const struct dtype_flag flags[] = {
		{ .flag = START(FP16_VAE), .dtype = DTYPE_F16 },
		{ .flag = START(BF16_VAE), .dtype = DTYPE_BF16 },
		{ .flag = START(FP32_VAE), .dtype = DTYPE_F32 },
	};
	enum dtype chosen = by_flag(s, flags, ARRAY_SIZE(flags));

	if (chosen == DTYPE_NONE)
		chosen = first_usable(s, place, 0, allowed, false);
	return chosen == DTYPE_NONE ? DTYPE_F32 : chosen;
}

enum dtype dtype_of_text_encoder(const struct settings *s)
{
	static const struct dtype_flag flags[] = {
		{ .flag = START(FP8_E4M3FN_TEXT_ENC), .dtype = DTYPE_F8_E4M3 },
		{ .flag = START(FP8_E5M2_TEXT_ENC), .dtype = DTYPE_F8_E5M2 },
		{ .flag = START(FP16_TEXT_ENC), .dtype = DTYPE_F16 },
		{ .flag = START(BF16_TEXT_ENC), .dtype = DTYPE_BF16 },
		{ .flag = START(FP32_TEXT_ENC), .dtype = DTYPE_F32 },
	};
	enum dtype chosen = by_flag(s, flags, ARRAY_SIZE(flags));

	return chosen == DTYPE_NONE ? DTYPE_F16 : chosen;
}
