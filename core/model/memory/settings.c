/* Flags are bits under their names. Settings are made from them in one pass, in ComfyUI's order, because each choice looks
 * at those before it: processor or card, the state of its memory, the reserve, attention. Where models are loaded and
 * offloaded is then asked of the settings, and follows from the state alone.
 */
#include "core/model/memory/settings.h"

#include <math.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "core/model/memory/dtype_choice.h"

#define FLAG_NAME_MAX 40

#define RESERVED_BYTES (400.0 * (double)MIB)
#define RESERVED_WINDOWS_BYTES (600.0 * (double)MIB) /* its own desktop takes part of the card */
#define RESERVED_WINDOWS_MORE_BYTES (100.0 * (double)MIB)
#define WINDOWS_LARGE_MIB (15.0 * 1024.0)
#define WEIGHTS_SHARE 0.88

static const char *const state_names[] = {
#define VRAM_NAME(name, text) [VRAM_##name] = text,
	VRAM_STATES(VRAM_NAME)
#undef VRAM_NAME
};

static const char *const flag_names[] = {
#define FLAG_NAME(name, text) [START_INDEX_##name] = text,
	START_FLAGS(FLAG_NAME)
#undef FLAG_NAME
};

/* AMD's architectures on which PyTorch's attention is taken by default. */
static const char *const attention_architectures[] = { "gfx90a", "gfx942", "gfx1100", "gfx1101", "gfx1151", NULL };
/* And those whose fp8 products are trusted. */
static const char *const fp8_architectures[] = { "gfx1200", "gfx1201", "gfx942", "gfx950", NULL };

const char *settings_vram_state_name(enum vram_state state)
{
	return state_names[state];
}

bool settings_vram_state_from_name(const char *name, enum vram_state *state)
{
	for (unsigned i = 0; name && i < VRAM_STATE_COUNT; i++) {
		if (strcmp(state_names[i], name) == 0) {
			*state = (enum vram_state)i;
			return true;
		}
	}
	return false;
}

bool settings_add_start_flag(const char *name, uint32_t *flags)
{
	char canonical[FLAG_NAME_MAX];
	size_t length;

	name += strspn(name, "-");
	length = strlen(name);
	if (length >= sizeof(canonical))
		return false;
	for (size_t i = 0; i <= length; i++)
		canonical[i] = name[i] == '-' ? '_' : name[i];
	for (unsigned i = 0; i < START_FLAG_COUNT; i++) {
		if (strcmp(flag_names[i], canonical) == 0) {
			*flags |= UINT32_C(1) << i;
			return true;
		}
	}
	return false;
}

/* lowvram wins over novram, that over the request to stay; no GPU, or one that is the host's memory, over all. */
static enum vram_state choose_state(const struct settings *settings)
{
	if (settings->cpu_state == CPU_STATE_CPU)
		return VRAM_DISABLED;
	if (settings->cpu_state == CPU_STATE_MPS)
		return VRAM_SHARED;
	if (settings_have(settings, START(LOWVRAM)))
		return VRAM_LOW;
	if (settings_have(settings, START(NOVRAM)))
		return VRAM_NO;
	return settings_have(settings, START(HIGHVRAM) | START(GPU_ONLY)) ? VRAM_HIGH : VRAM_NORMAL;
}

static double choose_reserved(const struct platform *platform, double reserve_gib)
{
	double bytes = RESERVED_WINDOWS_BYTES;

	if (!isnan(reserve_gib))
		return reserve_gib * (double)GIB;
	if (!platform->is_windows)
		return RESERVED_BYTES;
	if (platform->total_bytes / (double)MIB > WINDOWS_LARGE_MIB)
		bytes += RESERVED_WINDOWS_MORE_BYTES;
	return bytes;
}

static bool is_among(const char *architecture, const char *const *known)
{
	while (*known && !strstr(architecture, *known))
		known++;
	return *known != NULL;
}

static bool choose_attention(const struct settings *settings)
{
	const struct platform *platform = &settings->platform;

	if (settings->cpu_state == CPU_STATE_CPU)
		return false;
	if (settings_have(settings, START(PYTORCH_ATTENTION)))
		return true;
	if (settings_have(settings, START(SPLIT_ATTENTION) | START(QUAD_ATTENTION)))
		return false;
	return platform->vendor == VENDOR_NVIDIA ||
	       (platform->vendor == VENDOR_AMD && is_among(platform->architecture, attention_architectures));
}

static enum cpu_state choose_cpu_state(const struct settings *settings)
{
	if (settings_have(settings, START(CPU)) || settings->platform.vendor == VENDOR_NONE)
		return CPU_STATE_CPU;
	return settings->platform.vendor == VENDOR_APPLE ? CPU_STATE_MPS : CPU_STATE_GPU;
}

void settings_make(struct settings *settings, const struct platform *platform, uint32_t flags, double reserve_gib)
{
	bool is_nvidia = platform->vendor == VENDOR_NVIDIA && !(flags & START(CPU));

	*settings = (struct settings) { .platform = *platform, .flags = flags };
	if (settings_have(settings, START(FORCE_FP16)))
		settings->flags |= START(FP16_UNET);
	settings->cpu_state = choose_cpu_state(settings);
	settings->vram_state = choose_state(settings);
	settings->reserved_bytes = choose_reserved(platform, reserve_gib);
	settings->weight_share = is_nvidia ? 0.0 : 0.4;
	settings->pytorch_attention = choose_attention(settings);
	settings->fused_attention = settings->pytorch_attention && platform->vendor != VENDOR_NONE;
	settings->is_smart = !settings_have(settings, START(DISABLE_SMART_MEMORY));
	settings->prefers_fp16 = settings_have(settings, START(FAST) | START(FAST_FP16_ACCUMULATION)) &&
				 (is_nvidia || platform->vendor == VENDOR_AMD);
	settings->fp8_compute = settings_have(settings, START(SUPPORTS_FP8_COMPUTE)) ||
				(platform->vendor == VENDOR_AMD && is_among(platform->architecture, fp8_architectures));
	settings->stream_count = settings_have(settings, START(ASYNC_OFFLOAD)) ? 2 : 1;
}

double settings_inference_bytes(const struct settings *settings)
{
	return INFERENCE_LEAST_BYTES + settings->reserved_bytes;
}

double settings_weights_most_bytes(const struct settings *settings)
{
	return settings->platform.total_bytes * WEIGHTS_SHARE - settings_inference_bytes(settings);
}

/* ---- where things are ---- */

enum settings_place settings_device(const struct settings *settings)
{
	return settings->cpu_state == CPU_STATE_CPU ? PLACE_CPU : PLACE_GPU;
}

static enum settings_place gpu_if(const struct settings *settings, bool wanted)
{
	return wanted ? settings_device(settings) : PLACE_CPU;
}

enum settings_place settings_unet_offload(const struct settings *settings)
{
	return gpu_if(settings, settings->vram_state == VRAM_HIGH);
}

enum settings_place settings_text_offload(const struct settings *settings)
{
	return gpu_if(settings, settings_have(settings, START(GPU_ONLY)));
}

enum settings_place settings_text_device(const struct settings *settings)
{
	if (settings_have(settings, START(GPU_ONLY)))
		return settings_device(settings);
	return gpu_if(settings, (settings->vram_state == VRAM_HIGH || settings->vram_state == VRAM_NORMAL) &&
					dtype_should_use_fp16(settings, PLACE_GPU, 0, false, false));
}

enum settings_place settings_vae_device(const struct settings *settings)
{
	return gpu_if(settings, !settings_have(settings, START(CPU_VAE)));
}

enum settings_place settings_vae_offload(const struct settings *settings)
{
	return gpu_if(settings, settings_have(settings, START(GPU_ONLY)));
}

enum settings_place settings_intermediate(const struct settings *settings)
{
	return gpu_if(settings, settings_have(settings, START(GPU_ONLY)));
}

enum settings_place settings_unet_first(const struct settings *settings, double weights_bytes, double free_gpu_bytes,
					double free_cpu_bytes)
{
	if (settings->vram_state == VRAM_HIGH || settings->vram_state == VRAM_SHARED)
		return settings_device(settings);
	if (!settings->is_smart || settings->vram_state == VRAM_NO)
		return PLACE_CPU;
	return gpu_if(settings, free_gpu_bytes > free_cpu_bytes && weights_bytes < free_gpu_bytes);
}
