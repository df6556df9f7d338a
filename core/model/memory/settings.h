/* settings.h - what a platform and the user's start-up flags decide before any model is read.
 *
 * The flags are ComfyUI's, by their names without dashes; what follows from them is what ComfyUI a125cd84 makes of them.
 *
 *	struct settings settings;
 *	uint32_t flags = 0;
 *
 *	if (!settings_add_start_flag("lowvram", &flags)) ...
 *	settings_make(&settings, &platform, flags, NAN);
 */
#ifndef RESIDENCY_MODEL_SETTINGS_H
#define RESIDENCY_MODEL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/units.h"

#define INFERENCE_LEAST_BYTES (0.8 * (double)GIB) /* that inference is thought to take in any case */

/* How freely a GPU's memory is used; the texts are upstream's. */
#define VRAM_STATES(X)                                                                                                         \
	X(DISABLED, "DISABLED") /* no GPU */                                                                                   \
	X(NO, "NO_VRAM") /* next to no weights on it */                                                                        \
	X(LOW, "LOW_VRAM") /* as many as fit */                                                                                \
	X(NORMAL, "NORMAL_VRAM") /* the same, since upstream's budgets are for both */                                         \
	X(HIGH, "HIGH_VRAM") /* weights stay there */                                                                          \
	X(SHARED, "SHARED") /* it is the host's memory */

enum vram_state {
#define VRAM_ENUM(name, text) VRAM_##name,
	VRAM_STATES(VRAM_ENUM)
#undef VRAM_ENUM
		VRAM_STATE_COUNT
};

const char *settings_vram_state_name(enum vram_state state);
bool settings_vram_state_from_name(const char *name, enum vram_state *state); /* false for NULL, too */

/* Start-up flags that matter here. */
#define START_FLAGS(X)                                                                                                         \
	X(GPU_ONLY, "gpu_only")                                                                                                \
	X(HIGHVRAM, "highvram")                                                                                                \
	X(NORMALVRAM, "normalvram")                                                                                            \
	X(LOWVRAM, "lowvram")                                                                                                  \
	X(NOVRAM, "novram")                                                                                                    \
	X(CPU, "cpu")                                                                                                          \
	X(DISABLE_SMART_MEMORY, "disable_smart_memory")                                                                        \
	X(FORCE_FP32, "force_fp32")                                                                                            \
	X(FORCE_FP16, "force_fp16")                                                                                            \
	X(FAST, "fast")                                                                                                        \
	X(FAST_FP16_ACCUMULATION, "fast_fp16_accumulation")                                                                    \
	X(SUPPORTS_FP8_COMPUTE, "supports_fp8_compute")                                                                        \
	X(SPLIT_ATTENTION, "use_split_cross_attention")                                                                        \
	X(QUAD_ATTENTION, "use_quad_cross_attention")                                                                          \
	X(PYTORCH_ATTENTION, "use_pytorch_cross_attention")                                                                    \
	X(ASYNC_OFFLOAD, "async_offload")                                                                                      \
	X(CPU_VAE, "cpu_vae")                                                                                                  \
	X(FP16_VAE, "fp16_vae")                                                                                                \
	X(BF16_VAE, "bf16_vae")                                                                                                \
	X(FP32_VAE, "fp32_vae")                                                                                                \
	X(FP64_UNET, "fp64_unet")                                                                                              \
	X(FP32_UNET, "fp32_unet")                                                                                              \
	X(BF16_UNET, "bf16_unet")                                                                                              \
	X(FP16_UNET, "fp16_unet")                                                                                              \
	X(FP8_E4M3FN_UNET, "fp8_e4m3fn_unet")                                                                                  \
	X(FP8_E5M2_UNET, "fp8_e5m2_unet")                                                                                      \
	X(FP8_E8M0FNU_UNET, "fp8_e8m0fnu_unet")                                                                                \
	X(FP8_E4M3FN_TEXT_ENC, "fp8_e4m3fn_text_enc")                                                                          \
	X(FP8_E5M2_TEXT_ENC, "fp8_e5m2_text_enc")                                                                              \
	X(FP16_TEXT_ENC, "fp16_text_enc")                                                                                      \
	X(BF16_TEXT_ENC, "bf16_text_enc")                                                                                      \
	X(FP32_TEXT_ENC, "fp32_text_enc")

enum start_flag_index {
#define FLAG_INDEX(name, text) START_INDEX_##name,
	START_FLAGS(FLAG_INDEX)
#undef FLAG_INDEX
		START_FLAG_COUNT
};

/* A flag's bit. */
#define START(name) (UINT32_C(1) << START_INDEX_##name)

/* Adds a flag by name; dashes count as underscores, leading ones do not count. false if there is no such flag. */
bool settings_add_start_flag(const char *name, uint32_t *flags);

enum gpu_vendor { VENDOR_NONE, VENDOR_NVIDIA, VENDOR_AMD, VENDOR_APPLE };

struct platform {
	enum gpu_vendor vendor;
	bool is_windows;
	const char *gpu_name; /* as the driver says; "" where unknown. Borrowed */
	unsigned major, minor; /* compute capability (NVIDIA), version of macOS (Apple) */
	const char *architecture; /* AMD's, "gfx1100"; "" else. Borrowed */
	bool has_bf16; /* PyTorch says that bf16 works on it, emulated or not */
	double total_bytes; /* of the GPU, or the host's without a GPU */
};

struct settings {
	struct platform platform;
	uint32_t flags;
	enum vram_state vram_state;
	enum cpu_state { CPU_STATE_GPU, CPU_STATE_CPU, CPU_STATE_MPS } cpu_state;
	double reserved_bytes; /* of the GPU, left to others */
	double weight_share; /* of what is free, that weights may take whatever inference wants */
	bool pytorch_attention;
	bool fused_attention; /* estimates are those of an attention that stores no scores */
	bool is_smart; /* models stay loaded until room is wanted */
	bool prefers_fp16; /* fast accumulation in fp16 */
	bool fp8_compute; /* said to work, whatever the card */
	unsigned stream_count;
};

/* reserve_gib is what the user asked for, NAN for nothing. */
void settings_make(struct settings *settings, const struct platform *platform, uint32_t flags, double reserve_gib);

static inline bool settings_have(const struct settings *settings, uint32_t flag)
{
	return (settings->flags & flag) != 0;
}

/* What inference is thought to take in any case, with what is left to others; what weights may have of the GPU at most. */
double settings_inference_bytes(const struct settings *settings);
double settings_weights_most_bytes(const struct settings *settings);

/* Where things are by default. */
enum settings_place { PLACE_CPU, PLACE_GPU };
enum settings_place settings_device(const struct settings *settings); /* where models run; CPU where there is no GPU */
enum settings_place settings_unet_offload(const struct settings *settings);
enum settings_place settings_text_offload(const struct settings *settings);
enum settings_place settings_text_device(const struct settings *settings);
enum settings_place settings_vae_device(const struct settings *settings);
enum settings_place settings_vae_offload(const struct settings *settings);
enum settings_place settings_intermediate(const struct settings *settings);

/* Where a diffusion model of weights_bytes is made. */
enum settings_place settings_unet_first(const struct settings *settings, double weights_bytes, double free_gpu_bytes,
					double free_cpu_bytes);

#endif
