/* Public model files: what the words of a name stand for.
 *
 * A row is a family's variant where residency knows its shapes, and else a number of elements, which ComfyUI's own modules have for
 * that configuration or which follows from the size of the public file. Rows of one kind stand together; within a kind the order does
 * not matter, since the longest match counts.
 */
#include "core/model/known/known_table.h"

#define DIFFUSION(pattern, name, variant)                                                                                      \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_DIFFUSION, .published = DTYPE_BF16, .model = (variant)      \
	}
#define DIFFUSION_SIZED(pattern, name, elements)                                                                               \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_DIFFUSION, .published = DTYPE_BF16, .millions = (elements)  \
	}
#define SIZED(which, pattern, name, elements)                                                                                  \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_##which, .published = DTYPE_F16, .millions = (elements)     \
	}
#define TEXT(pattern, name, variant)                                                                                           \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_TEXT_ENCODER, .published = DTYPE_BF16, .model = (variant)   \
	}
#define TEXT_KEPT(pattern, name, variant, kept)                                                                                \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_TEXT_ENCODER, .published = DTYPE_BF16, .model = (variant),  \
		.kept_millions = (kept)                                                                                        \
	}
#define TEXT_SIZED(pattern, name, elements, kept)                                                                              \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_TEXT_ENCODER, .published = DTYPE_BF16,                      \
		.millions = (elements), .kept_millions = (kept)                                                                \
	}
#define VAE(pattern, name, variant, type)                                                                                      \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_VAE, .published = DTYPE_##type, .model = (variant)          \
	}
#define VAE_SIZED(pattern, name, elements, type)                                                                               \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_VAE, .published = DTYPE_##type, .millions = (elements)      \
	}

#define SD15_CHECKPOINT(pattern, name)                                                                                         \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_CHECKPOINT, .published = DTYPE_F16, .model = "sd15_unet",   \
		.text = { "clip_l" }, .autoencoder = "sd15_vae"                                                                \
	}
#define SDXL_CHECKPOINT(pattern, name)                                                                                         \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_CHECKPOINT, .published = DTYPE_F16,                         \
		.model = "sdxl_base_unet", .text = { "clip_l", "clip_g" }, .autoencoder = "sdxl_vae"                           \
	}
#define CHECKPOINT_SIZED(pattern, name, type, elements, others)                                                                \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_CHECKPOINT, .published = DTYPE_##type,                      \
		.millions = (elements), .other_millions = (others)                                                             \
	}
#define SD3_CHECKPOINT(pattern, name, variant)                                                                                 \
	{                                                                                                                      \
		.words = (pattern), .title = (name), .kind = KNOWN_CHECKPOINT, .published = DTYPE_F16, .model = (variant),     \
		.text = { "clip_l", "clip_g", "t5xxl_encoder" }, .autoencoder = "flux_ae_vae"                                  \
	}

const struct known_row known_rows[] = {
	/* ---- diffusion models ---- */
	DIFFUSION("flux1|flux_1|flux_dev|flux_schnell", "FLUX.1", "flux1_dev_transformer"),
	DIFFUSION("flux1|flux_1 kontext", "FLUX.1 Kontext", "flux1_kontext_dev_transformer"),
	DIFFUSION("flux1|flux_1 schnell", "FLUX.1 schnell", "flux1_schnell_transformer"),
	DIFFUSION("flux1|flux_1 fill", "FLUX.1 Fill", "flux1_fill_transformer"),
	DIFFUSION("flux2|flux_2", "FLUX.2", "flux2_dev_transformer"),
	DIFFUSION("flux2|flux_2 klein", "FLUX.2 Klein", "flux2_klein_4b_transformer"),
	DIFFUSION("flux2|flux_2 klein 9b", "FLUX.2 Klein 9B", "flux2_klein_9b_transformer"),
	DIFFUSION_SIZED("flux3 klein", "FLUX.3 Klein", 9100),
	DIFFUSION("chroma|chroma1", "Chroma", "chroma1_hd_transformer"),
	DIFFUSION_SIZED("chroma radiance", "Chroma Radiance", 8900),
	DIFFUSION_SIZED("chroma1 radiance", "Chroma Radiance", 8900),
	DIFFUSION("z_image|zimage|zit", "Z-Image", "z_image_transformer"),
	DIFFUSION("z_image turbo", "Z-Image Turbo", "z_image_turbo_transformer"),
	DIFFUSION("lumina_2|lumina2", "Lumina 2", "lumina2_transformer"),
	DIFFUSION_SIZED("newbie image", "NewBie Image", 3500),
	DIFFUSION("qwen_image|qwenimage", "Qwen-Image", "qwen_image_transformer"),
	DIFFUSION("qwen_image edit", "Qwen-Image-Edit", "qwen_image_transformer"),
	DIFFUSION("qwen_image layered", "Qwen-Image Layered", "qwen_image_transformer"),
	DIFFUSION("firered_image_edit", "FireRed Image Edit", "qwen_image_transformer"),
	DIFFUSION("sd3_5_large", "Stable Diffusion 3.5 Large", "sd3.5_large_transformer"),
	DIFFUSION("sd3_5_medium", "Stable Diffusion 3.5 Medium", "sd3.5_medium_transformer"),
	DIFFUSION("sd3_medium", "Stable Diffusion 3 Medium", "sd3_medium_transformer"),
	DIFFUSION("sd_xl|sdxl", "SDXL", "sdxl_base_unet"),
	DIFFUSION("hunyuan_video|hunyuanvideo|hyvideo", "HunyuanVideo", "hunyuan_video_transformer"),
	DIFFUSION("skyreels hunyuan", "SkyReels", "hunyuan_video_transformer"),
	DIFFUSION("fast hunyuan video", "FastHunyuan", "hunyuan_video_transformer"),
	DIFFUSION("hunyuanvideo1_5|hunyuan_video_1_5", "HunyuanVideo 1.5", "hunyuan_video15_transformer"),
	DIFFUSION("hunyuanvideo1_5 sr", "HunyuanVideo 1.5 SR", "hunyuan_video15_sr_transformer"),
	DIFFUSION("mochi", "Mochi", "mochi_transformer"),
	DIFFUSION("ltxv|ltx_video", "LTX-Video", "ltxv_2b_transformer"),
	DIFFUSION_SIZED("ltxv|ltx_video 13b", "LTX-Video 13B", 13000),
	DIFFUSION("ltx_2|ltx2", "LTX-2", "ltx2_19b_transformer"),
	DIFFUSION_SIZED("ltx_2_3|ltx2_3|ltx23", "LTX-2.3", 22000),
	DIFFUSION_SIZED("ltx_2_5", "LTX-2.5", 22000),
	/* Wan: 14B unless the name says otherwise. */
	DIFFUSION("wan|wan2_1|wan21|wan_2_1|wan2", "Wan 2.1", "wan2.1_t2v_14b"),
	DIFFUSION("wan2_1|wan21|wan_2_1 t2v 1_3b", "Wan 2.1 T2V 1.3B", "wan2.1_t2v_1.3b"),
	DIFFUSION("wan2_1|wan21|wan_2_1 1_3b", "Wan 2.1 1.3B", "wan2.1_t2v_1.3b"),
	DIFFUSION("wan2_1|wan21|wan_2_1 i2v", "Wan 2.1 I2V 14B", "wan2.1_i2v_14b"),
	DIFFUSION("wan2_1|wan21|wan_2_1 flf2v", "Wan 2.1 FLF2V 14B", "wan2.1_i2v_14b"),
	DIFFUSION("wan2_1|wan21|wan_2_1 vace", "Wan 2.1 VACE 14B", "wan2.1_vace_14b"),
	DIFFUSION("wan2_1|wan21|wan_2_1 vace 1_3b", "Wan 2.1 VACE 1.3B", "wan2.1_vace_1.3b"),
	DIFFUSION("wan2_1 v2 vace 14b", "Wan 2.1 VACE 14B", "wan2.1_vace_14b"),
	DIFFUSION("wan2_2|wan22|wan_2_2", "Wan 2.2", "wan2.2_t2v_high_noise_14b"),
	DIFFUSION("wan2_2|wan22|wan_2_2 t2v high", "Wan 2.2 T2V 14B, high noise", "wan2.2_t2v_high_noise_14b"),
	DIFFUSION("wan2_2|wan22|wan_2_2 t2v low", "Wan 2.2 T2V 14B, low noise", "wan2.2_t2v_low_noise_14b"),
	DIFFUSION("wan2_2|wan22|wan_2_2 i2v", "Wan 2.2 I2V 14B", "wan2.2_i2v_14b"),
	DIFFUSION("wan2_2|wan22|wan_2_2 fun|bernini|dancer", "Wan 2.2 14B, a variant", "wan2.2_i2v_14b"),
	DIFFUSION("wan2_2|wan22|wan_2_2 ti2v|5b", "Wan 2.2 TI2V 5B", "wan2.2_ti2v_5b"),
	DIFFUSION("wan2_2|wan22|wan_2_2 fun 5b", "Wan 2.2 Fun 5B", "wan2.2_ti2v_5b"),
	DIFFUSION_SIZED("wan2_2|wan22|wan_2_2 s2v", "Wan 2.2 S2V 14B", 16296),
	DIFFUSION_SIZED("wan2_2|wan22|wan_2_2 animate", "Wan 2.2 Animate 14B", 17275),
	DIFFUSION_SIZED("wan_animate", "Wan Animate 14B", 17275),
	DIFFUSION_SIZED("wan2_1|wan21 camera 14b", "Wan 2.1 Fun Camera 14B", 16898),
	DIFFUSION_SIZED("wan2_1|wan21 camera 1_3b", "Wan 2.1 Fun Camera 1.3B", 1600),
	DIFFUSION_SIZED("wan2_2_fun_vace_module", "Wan 2.2 Fun VACE module", 3000),
	DIFFUSION_SIZED("humo 17b", "HuMo 17B", 17000),
	DIFFUSION("chrono_edit", "ChronoEdit 14B", "wan2.1_i2v_14b"),
	DIFFUSION("causal_forcing|void_pass1|void_pass2", "Wan 2.1, a variant", "wan2.1_t2v_1.3b"),
	DIFFUSION_SIZED("cosmos_1_0_diffusion_7b", "Cosmos 7B", 7250),
	DIFFUSION_SIZED("cosmos_1_0_diffusion_14b", "Cosmos 14B", 14250),
	DIFFUSION_SIZED("cosmos_predict2", "Cosmos Predict2 2B", 1956),
	DIFFUSION_SIZED("cosmos_predict2 14b", "Cosmos Predict2 14B", 14300),
	DIFFUSION_SIZED("anima", "Anima 2B", 2090),
	DIFFUSION_SIZED("hidream_i1|hidream_e1", "HiDream 17B", 17106),
	DIFFUSION_SIZED("omnigen2", "OmniGen2", 3967),
	DIFFUSION_SIZED("ovis_image", "Ovis-Image 7B", 7370),
	DIFFUSION_SIZED("longcat_image", "LongCat-Image 6B", 6270),
	DIFFUSION_SIZED("kandinsky5lite|kandinsky5_lite", "Kandinsky 5 Lite 2B", 2000),
	DIFFUSION_SIZED("kandinsky5lite t2i", "Kandinsky 5 Lite T2I 6B", 6000),
	DIFFUSION_SIZED("kandinsky5pro|kandinsky5_pro", "Kandinsky 5 Pro 19B", 19000),
	DIFFUSION_SIZED("ernie_image", "ERNIE-Image 8B", 8030),
	DIFFUSION_SIZED("acestep_v1_5", "ACE-Step 1.5", 2400),
	DIFFUSION_SIZED("acestep_v1_5_xl", "ACE-Step 1.5 XL", 4800),
	DIFFUSION_SIZED("minimax_music3_dit", "MiniMax Music 3", 2457),
	DIFFUSION_SIZED("minimax_h3|fasth3|fastvideo_fasth3", "MiniMax H3", 15000),
	DIFFUSION_SIZED("ideogram4", "Ideogram 4", 12000),
	DIFFUSION_SIZED("krea2", "Krea 2", 12000),
	DIFFUSION_SIZED("fibo2", "FIBO 2", 8000),
	DIFFUSION_SIZED("boogu_image", "Boogu Image", 10000),
	DIFFUSION_SIZED("joyai_image", "JoyAI Image", 16000),
	DIFFUSION_SIZED("mage_flow", "MageFlow", 4000),
	DIFFUSION_SIZED("ming_image", "Ming Image", 4000),
	DIFFUSION_SIZED("moss_image", "MOSS Image", 12000),
	DIFFUSION_SIZED("lens", "Lens", 8000),
	DIFFUSION_SIZED("capybara", "Capybara", 8300),
	DIFFUSION_SIZED("seedvr2 3b", "SeedVR2 3B", 3390),
	DIFFUSION_SIZED("seedvr2 7b", "SeedVR2 7B", 8240),
	DIFFUSION_SIZED("pixeldit 1300m", "PixelDiT 1.3B", 1300),
	DIFFUSION_SIZED("pid_flux1", "PiD", 1360),
	DIFFUSION_SIZED("trellis_2", "TRELLIS 2", 4000),
	DIFFUSION_SIZED("pixal3d", "Pixal3D", 4000),
	DIFFUSION_SIZED("triposplat", "TripoSplat", 1000),
	DIFFUSION_SIZED("lotus_depth", "Lotus", 866),
	DIFFUSION_SIZED("sdxs", "SDXS", 320),
	DIFFUSION_SIZED("cogvideox", "CogVideoX", 5570),
	DIFFUSION_SIZED("rt_detr_v4", "RT-DETR v4", 62),

	/* ---- checkpoints ---- */
	SD15_CHECKPOINT("v1_5|sd1_5|sd15|sd_v1_5", "Stable Diffusion 1.5"),
	SD15_CHECKPOINT(
		"dreamshaper_8|absolutereality|realisticvision|realistic_vision|majicmix|revanimated|anythingv5|anything",
		"a Stable Diffusion 1.5 model"),
	SDXL_CHECKPOINT("sd_xl|sdxl|juggernaut_xl|juggernautxl|realvisxl|albedobasexl|playground|illustrious|pony|noobai|cosxl",
			"SDXL"),
	{ .words = "sd_xl_refiner",
	  .title = "SDXL Refiner",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_F16,
	  .millions = 2235,
	  .other_millions = 778 },
	{ .words = "v2_1|768_v_ema|512_inpainting|512_base|wd_1_5|wd_illusion|sd21",
	  .title = "Stable Diffusion 2.1",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_F16,
	  .millions = 866,
	  .other_millions = 424 },
	{ .words = "flux1|flux_1",
	  .title = "FLUX.1",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_F16,
	  .model = "flux1_dev_transformer",
	  .text = { "clip_l", "t5xxl_encoder" },
	  .autoencoder = "flux_ae_vae",
	  .kept_millions = 200 },
	{ .words = "flux1|flux_1 schnell",
	  .title = "FLUX.1 schnell",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_F16,
	  .model = "flux1_schnell_transformer",
	  .text = { "clip_l", "t5xxl_encoder" },
	  .autoencoder = "flux_ae_vae",
	  .kept_millions = 200 },
	SD3_CHECKPOINT("sd3_5_large", "Stable Diffusion 3.5 Large", "sd3.5_large_transformer"),
	SD3_CHECKPOINT("sd3_5_medium", "Stable Diffusion 3.5 Medium", "sd3.5_medium_transformer"),
	SD3_CHECKPOINT("sd3_medium", "Stable Diffusion 3 Medium", "sd3_medium_transformer"),
	{ .words = "lumina_2|netayume|netayumev35|neta",
	  .title = "Lumina 2",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_BF16,
	  .model = "lumina2_transformer",
	  .text = { "gemma2_2b" },
	  .autoencoder = "flux_ae_vae" },
	{ .words = "mochi_preview",
	  .title = "Mochi",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_BF16,
	  .model = "mochi_transformer",
	  .text = { "t5xxl_encoder" },
	  .autoencoder = "mochi_vae" },
	{ .words = "ltx_video|ltxv",
	  .title = "LTX-Video",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_BF16,
	  .model = "ltxv_2b_transformer",
	  .autoencoder = "ltxv_0.9.5_vae" },
	{ .words = "ltxv|ltx_video 13b",
	  .title = "LTX-Video 13B",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_BF16,
	  .millions = 13040,
	  .other_millions = 1250 },
	{ .words = "ltx_2",
	  .title = "LTX-2",
	  .kind = KNOWN_CHECKPOINT,
	  .published = DTYPE_BF16,
	  .model = "ltx2_19b_transformer",
	  .other_millions = 2000,
	  .kept_millions = 2400 },
	CHECKPOINT_SIZED("ltx_2_3", "LTX-2.3", BF16, 22000, 1200),
	CHECKPOINT_SIZED("ace_step_v1_3_5b", "ACE-Step 3.5B", BF16, 3310, 540),
	CHECKPOINT_SIZED("ace_step_1_5", "ACE-Step 1.5", BF16, 2400, 2970),
	CHECKPOINT_SIZED("aura_flow", "AuraFlow", F16, 6850, 1300),
	CHECKPOINT_SIZED("hunyuan_dit", "Hunyuan-DiT", F16, 1500, 2000),
	CHECKPOINT_SIZED("hidream_o1", "HiDream O1", BF16, 8210, 0),
	CHECKPOINT_SIZED("hunyuan3d|hunyuan_3d", "Hunyuan3D 2", F16, 1960, 505),
	CHECKPOINT_SIZED("svd|stable_video", "Stable Video Diffusion", F32, 1525, 850),
	CHECKPOINT_SIZED("stable_zero123", "Stable Zero123", F32, 860, 390),
	CHECKPOINT_SIZED("stable_cascade_stage_c", "Stable Cascade, stage C", BF16, 3600, 1000),
	CHECKPOINT_SIZED("stable_cascade_stage_b", "Stable Cascade, stage B", BF16, 1560, 720),
	CHECKPOINT_SIZED("stable_audio_open", "Stable Audio Open", F32, 1060, 160),
	CHECKPOINT_SIZED("stable_audio_3", "Stable Audio 3", BF16, 2000, 400),
	CHECKPOINT_SIZED("sam3|sam3_1", "SAM 3", F16, 859, 0),
	CHECKPOINT_SIZED("sdpose_wholebody", "SDPose", F16, 870, 96),
	CHECKPOINT_SIZED("yue2_3b", "YuE 2", BF16, 3000, 900),

	/* ---- text encoders ---- */
	TEXT("clip_l|vit_l_14|clip_vit_large", "CLIP-L", "clip_l"),
	TEXT("clip_g", "CLIP-G", "clip_g"),
	TEXT_SIZED("cliph|clip_vit_h_14", "CLIP-H", 354, 0),
	TEXT("t5xxl|t5_xxl|t5_v1_1_xxl|oldt5_xxl|google_t5", "T5 XXL", "t5xxl_encoder"),
	TEXT_KEPT("umt5", "UMT5 XXL", "umt5xxl_encoder", 1050),
	TEXT_SIZED("t5_base", "T5 Base", 110, 0),
	TEXT_SIZED("t5gemma", "T5Gemma", 590, 0),
	TEXT_SIZED("byt5", "ByT5 small", 217, 0),
	TEXT_SIZED("jina_clip", "Jina CLIP v2", 865, 0),
	TEXT_KEPT("llava_llama3|llava_llama_3|llama_3_1|llama3", "Llama 3 8B", "llava_llama3_8b", 525),
	TEXT_KEPT("qwen_2_5_vl|qwen2_5_vl|qwen25_vl", "Qwen2.5-VL 7B", "qwen2.5_vl_7b", 1220),
	TEXT_SIZED("qwen_2_5_vl|qwen2_5_vl 3b", "Qwen2.5-VL 3B", 3750, 980),
	TEXT_SIZED("qwen_2_5_vl_fp16", "Qwen2.5-VL 3B", 3090, 311),
	TEXT_SIZED("ovis_2_5", "Ovis 2.5", 1721, 311),
	TEXT_KEPT("qwen_3_4b|qwen3_4b|qwen_4b", "Qwen3 4B", "qwen3_4b", 389),
	TEXT_KEPT("qwen_3_8b|qwen3_8b", "Qwen3 8B", "qwen3_8b", 1245),
	TEXT_KEPT("qwen_3_06b|qwen3_06b|qwen_0_6b|qwen3_0_6b", "Qwen3 0.6B", "qwen3_0.6b", 156),
	TEXT_SIZED("qwen_1_7b", "Qwen3 1.7B", 1854, 445),
	TEXT_SIZED("qwen3vl_4b|qwen3_vl_4b|qwen3vl4b|huihui_qwen3_vl_4b", "Qwen3-VL 4B", 4438, 800),
	TEXT_SIZED("qwen3vl_8b|qwen3_vl_8b", "Qwen3-VL 8B", 8767, 1820),
	TEXT_SIZED("qwen3vl_32b", "Qwen3-VL 32B", 26000, 1300),
	TEXT_SIZED("qwen3_5_2b", "Qwen3.5 2B", 2270, 500),
	TEXT_SIZED("qwen3_5_4b", "Qwen3.5 4B", 4670, 640),
	TEXT_SIZED("qwen3_5_9b", "Qwen3.5 9B", 9650, 1020),
	TEXT_SIZED("qwen3_8_27b", "Qwen3.8 27B", 27000, 1270),
	TEXT("gemma_2_2b|gemma2_2b", "Gemma 2 2B", "gemma2_2b"),
	TEXT_KEPT("gemma_3_12b|gemma3_12b|comfy_gemma_3_12b", "Gemma 3 12B", "gemma3_12b", 1420),
	TEXT_KEPT("gemma_3_4b|gemma3_4b", "Gemma 3 4B", "gemma3_4b", 671),
	TEXT_SIZED("gemma4_e2b|gemma_4_e2b", "Gemma 4 E2B", 5100, 500),
	TEXT_SIZED("gemma4_e4b|gemma_4_e4b", "Gemma 4 E4B", 8000, 1000),
	TEXT_SIZED("gemma4_12b|gemma_4_12b", "Gemma 4 12B", 12000, 1000),
	TEXT_KEPT("mistral_3_small_flux2|mistral3", "Mistral Small 3 for FLUX.2", "mistral3_24b_flux2", 671),
	TEXT_KEPT("ministral_3", "Ministral 3 3B", "ministral3_3b", 403),
	TEXT_SIZED("gpt_oss_20b", "gpt-oss 20B", 20900, 1160),
	TEXT_SIZED("ernie_image_prompt_enhancer", "ERNIE-Image's prompt enhancer", 3800, 400),
	TEXT_SIZED("ltx_2_3_text_projection", "LTX-2.3's text projection", 640, 0),
	TEXT_SIZED("minimax_music3_text_encoder", "MiniMax Music 3's text encoder", 4000, 400),
	TEXT_SIZED("ming_image ling", "Ling Mini 2", 16000, 640),
	TEXT_SIZED("chatglm3", "ChatGLM3", 6240, 270),
	TEXT_SIZED("ip_adapter|ipadapter image_encoder|sdxl_pytorch_model", "CLIP-H vision", 632, 0),

	/* ---- autoencoders ---- */
	VAE("ae|flux_ae|ultraflux|flux_vae|vae_z_image|clearvae|full_encoder_small_decoder", "FLUX.1's autoencoder",
	    "flux_ae_vae", F32),
	VAE("sdxl_vae|sdxl|xl_vae", "SDXL's autoencoder", "sdxl_vae", F16),
	VAE("vae_ft_mse|kl_f8|sd15|anything|orangemixs|blessed2", "Stable Diffusion 1.5's autoencoder", "sd15_vae", F32),
	VAE("wan_2_1|wan2_1|wan21", "Wan 2.1's autoencoder", "wan2.1_vae", BF16),
	VAE("wan_alpha_2_1", "Wan 2.1's autoencoder", "wan2.1_vae", BF16),
	VAE("wan2_2|wan_2_2", "Wan 2.2's autoencoder", "wan2.2_vae", F16),
	VAE("qwen_image", "Qwen-Image's autoencoder", "qwen_image_vae", BF16),
	VAE("hunyuan_video|hunyuanvideo", "HunyuanVideo's autoencoder", "hunyuan_video_vae", BF16),
	VAE_SIZED("hunyuanvideo15|hunyuan_video_1_5", "HunyuanVideo 1.5's autoencoder", 1240, F16),
	VAE("mochi", "Mochi's autoencoder", "mochi_vae", BF16),
	VAE("ltx_video|ltxv", "LTX-Video's autoencoder", "ltxv_0.9.5_vae", BF16),
	VAE_SIZED("ltx23_video|ltx_2_5_video|ltx2_video", "LTX-2's video autoencoder", 1220, BF16),
	VAE_SIZED("ltx23_audio|ltx_2_5_audio|ltx2_audio", "LTX-2's audio autoencoder", 180, BF16),
	VAE_SIZED("taeltx2_3|taeltx2|taew2_1|tae", "a tiny autoencoder", 11, F16),
	VAE_SIZED("flux2_vae|flux2", "FLUX.2's autoencoder", 84, F32),
	VAE_SIZED("ace_1_5", "ACE-Step 1.5's autoencoder", 169, BF16),
	VAE_SIZED("cogvideox", "CogVideoX's autoencoder", 216, BF16),
	VAE_SIZED("cosmos_cv8x8x8", "Cosmos' autoencoder", 105, BF16),
	VAE_SIZED("seedvr2|ema_vae", "SeedVR2's autoencoder", 251, F16),
	VAE_SIZED("minimax_h3_video", "MiniMax H3's video autoencoder", 700, F16),
	VAE_SIZED("minimax_h3_audio", "MiniMax H3's audio autoencoder", 200, F32),
	VAE_SIZED("minimax_music3_dav", "MiniMax Music 3's autoencoder", 54, F32),
	VAE_SIZED("trellis_2", "TRELLIS 2's autoencoder", 430, BF16),
	VAE_SIZED("marigold_v2", "Marigold's autoencoder", 84, F32),

	/* ---- beside the model ---- */
	SIZED(CONTROLNET, "sd15|control_v11|diff_control|control_openpose|control_scribble",
	      "ControlNet for Stable Diffusion 1.5", 361),
	SIZED(CONTROLNET, "sdxl|xl", "ControlNet for SDXL", 1251),
	SIZED(CONTROLNET, "t2iadapter|t2i_adapter|controlnett2iadapter", "T2I-Adapter", 77),
	SIZED(CONTROLNET, "sd3_5_large_controlnet", "ControlNet for Stable Diffusion 3.5 Large", 4320),
	SIZED(CONTROLNET, "sd3_controlnet", "ControlNet for Stable Diffusion 3", 1200),
	SIZED(CONTROLNET, "instantx_flux|flux", "ControlNet for FLUX.1", 1790),
	SIZED(CONTROLNET, "qwen_image", "ControlNet for Qwen-Image", 1770),
	SIZED(CONTROLNET, "stable_cascade", "ControlNet for Stable Cascade", 180),
	SIZED(MODEL_PATCH, "z_image_turbo_fun_controlnet", "Z-Image's ControlNet", 1530),
	SIZED(MODEL_PATCH, "qwen_image", "Qwen-Image's control patch", 1180),
	SIZED(MODEL_PATCH, "minimax_h3", "MiniMax H3's ControlNet", 2250),
	SIZED(MODEL_PATCH, "anima_lllite", "Anima's LLLite", 30),
	SIZED(MODEL_PATCH, "uso", "USO's projector", 15),
	SIZED(MODEL_PATCH, "infinitetalk", "InfiniteTalk", 2500),
	SIZED(CLIP_VISION, "clip_vision_g", "CLIP-G vision", 1845),
	SIZED(CLIP_VISION, "clip_vision_h|clip_vit_h", "CLIP-H vision", 632),
	SIZED(CLIP_VISION, "sigclip|siglip", "SigLIP", 428),
	SIZED(CLIP_VISION, "clip_vit_large|clip_vision_l|clip_vision_vit_l", "CLIP-L vision", 304),
	SIZED(CLIP_VISION, "llava_llama3_vision", "CLIP-L vision", 324),
	SIZED(CLIP_VISION, "dino_v3_vit_h", "DINOv3 H", 840),
	SIZED(CLIP_VISION, "dino_v3", "DINOv3 L", 304),
	SIZED(STYLE, "flux1_redux|redux", "FLUX.1 Redux", 64),
	SIZED(STYLE, "coadapter_style", "T2I style adapter", 154),
	SIZED(AUDIO_ENCODER, "wav2vec2", "wav2vec2 large", 317),
	SIZED(AUDIO_ENCODER, "wav2vec2_chinese_base", "wav2vec2 base", 95),
	SIZED(AUDIO_ENCODER, "whisper_large", "Whisper large", 637),
	SIZED(AUDIO_ENCODER, "sheetsage2", "SheetSage 2", 698),
	SIZED(HELPER, "birefnet", "BiRefNet", 220),
	SIZED(HELPER, "depth_anything_3_mono_large", "Depth Anything 3 L", 644),
	SIZED(HELPER, "depth_anything_v2_vitl", "Depth Anything v2 L", 335),
	SIZED(HELPER, "moge_2_vitl", "MoGe 2 L", 326),
	SIZED(HELPER, "moge_3_vitg", "MoGe 3 G", 1235),
	SIZED(HELPER, "film_net", "FILM", 48),
	SIZED(HELPER, "sam2_1|sam2", "SAM 2", 200),
	SIZED(HELPER, "rife", "RIFE", 11),
	SIZED(HELPER, "raft", "RAFT", 5),
	{ .words = NULL },
};
