/* family.h - what kinds of models there are: their configurations and the modules that follow from them.
 *
 * A family is one table, the last definition of its file. Its configuration is a plain struct of the family's own, in the
 * header beside that file, kept in model->config; config.h reads and writes it as JSON, with the member names of upstream's own
 * configurations. describe names the modules that follow from it, their parameters, shapes and order; detect goes the other way,
 * from a file's tensors to the configuration. The forward passes (core/compute) take the configuration from there.
 */
#ifndef RESIDENCY_MODEL_FAMILY_H
#define RESIDENCY_MODEL_FAMILY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/architecture.h"
#include "core/model/families/config.h"
#include "core/model/model.h"
#include "core/model/tensors/tensor_table.h"

/* A published model of a family, or the small one that a processor runs in a moment. */
struct family_variant {
	const char *name; /* "flux1_dev_transformer" */
	const char *config; /* JSON, as config_read takes it */
	enum dtype dtype; /* as it is published */
};

/* What the name of a file that holds this family begins with. */
struct family_file {
	const char *begins;
	bool small; /* the small one; else the first variant */
};

struct layout_rule;

struct family {
	const char *name;
	const char *summary; /* one line */
	enum model_kind kind;
	const char *memory_class; /* whose formulas say what using it takes (memory_estimate.h); NULL: no class's */
	const char *root; /* what upstream's patcher puts before a module's name: "diffusion_model." */
	const char *trunk; /* what modules' names begin with and files' do not: "transformer." */
	uint64_t buffer_bytes; /* of the whole model, in no file: tables of the noise schedule, learned temperatures */
	size_t config_size_bytes;
	const struct config_field *fields;
	/* What the fields cannot say; each may be NULL. */
	bool (*read_more)(void *config, const json_t *object, const char *where, struct error *e);
	bool (*write_more)(const void *config, json_t *object);
	bool (*check)(const void *config, const char *where, struct error *e);
	void (*describe)(const void *config, struct architecture *a);
	/* Whether the tensors are this family's, by those that no other has; then what their shapes say. The caller checks every
	 * tensor against describe. NULL: several files make one, so that none is of it. */
	bool (*detect)(const struct tensor_view *view, enum layout layout, void *config);
	const char *(*upstream)(const void *config); /* upstream's name for what it detects */
	const struct layout_rule
		*layout_rules; /* to the own layout from the other (layout_rule.h); NULL: by position, or none */
	const struct family_variant
		*variants; /* ended by one without a name; the first is the one that the family's name means */
	const char *small; /* JSON of a small one; NULL: none */
	/* Names that stand for the family where there is no such file (core/model/synthesis), ended by one without a beginning; the
	 * longest beginning counts. Of a checkpoint, each kind of model in it has a row. NULL: none. */
	const struct family_file *files;
};

/* A family is a file of this folder, ended by its row, and a line here: which one detection asks first. */
#define FAMILIES(X)                                                                                                            \
	X(unet_sd15)                                                                                                           \
	X(unet_sdxl)                                                                                                           \
	X(flux2)                                                                                                               \
	X(chroma)                                                                                                              \
	X(flux)                                                                                                                \
	X(sd3)                                                                                                                 \
	X(z_image)                                                                                                             \
	X(lumina2)                                                                                                             \
	X(qwen_image)                                                                                                          \
	X(wan_vace)                                                                                                            \
	X(wan)                                                                                                                 \
	X(hunyuan_video15)                                                                                                     \
	X(hunyuan_video)                                                                                                       \
	X(ltxav)                                                                                                               \
	X(ltxv)                                                                                                                \
	X(mochi)                                                                                                               \
	X(clip_l)                                                                                                              \
	X(clip_g)                                                                                                              \
	X(t5)                                                                                                                  \
	X(umt5)                                                                                                                \
	X(qwen3)                                                                                                               \
	X(gemma2)                                                                                                              \
	X(gemma3)                                                                                                              \
	X(mistral3)                                                                                                            \
	X(llama3)                                                                                                              \
	X(qwen25_vl)                                                                                                           \
	X(flux_text)                                                                                                           \
	X(sdxl_text)                                                                                                           \
	X(hunyuan_text)                                                                                                        \
	X(sd_vae)                                                                                                              \
	X(flux_ae)                                                                                                             \
	X(hunyuan_vae)                                                                                                         \
	X(wan_vae)                                                                                                             \
	X(wan22_vae)                                                                                                           \
	X(ltxv_vae)                                                                                                            \
	X(ltxv095_vae)                                                                                                         \
	X(mochi_vae)                                                                                                           \
	X(sized_diffusion)                                                                                                     \
	X(sized_text)                                                                                                          \
	X(sized_vae)

#define FAMILY_DECLARE(name) extern const struct family family_##name;
FAMILIES(FAMILY_DECLARE)
#undef FAMILY_DECLARE

/* NULL-terminated. */
extern const struct family *const families[];
const struct family *family_find(const char *name);

/* A family or one of its variants by name: "wan" is its first, "wan2.2_ti2v_5b" that one. NULL for neither. */
const struct family *family_find_variant(const char *name, const struct family_variant **variant);

/* The family of two text encoders under one patcher, in either order; NULL: upstream makes no such pair. */
const struct family *family_pair(const struct family *first, const struct family *second);
/* The two of such a pair, in its own order. False for anything else. */
bool family_pair_parts(const struct family *pair, const struct family *parts[2]);
/* Puts the configuration of one of the two into the pair's. */
void family_pair_put(const struct family *pair, void *config, const struct family *part, const void *part_config);

/* Reads and checks a configuration. */
bool family_read_config(const struct family *family, void *config, const json_t *object, const char *where, struct error *e);

/* The same of a JSON text. The caller frees. */
void *family_config_new(const struct family *family, const char *text, struct error *e);

/* As upstream's detection states it. The caller owns the result (json_decref). */
json_t *family_write_config(const struct family *family, const void *config, struct error *e);

#endif
