/* known.h - what a model file is by its name, where there is no file: its kind, its family, its size.
 *
 * A workflow names files that the machine at hand does not have. Public files are known by the words of their names, in any folder and
 * with either separator; the words also state the form of the weights ("fp8", "Q4_K_M"). A name of which no row of the table is
 * reminded is guessed from the kind that its loader wants. Sizes are those of the file in bytes, and not exact: a table of shapes
 * times the bytes of an element; the form's scales and the file's header are not counted.
 *
 * Nothing here reads a disk. Results are static text and plain values; any thread may call.
 */
#ifndef RESIDENCY_MODEL_KNOWN_H
#define RESIDENCY_MODEL_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/families/family.h"
#include "core/tensor/quant/quant.h"

/* Kind, its name for people, the folder of ComfyUI's models that holds it. */
#define KNOWN_KINDS(X)                                                                                                         \
	X(ANY, "model", "")                                                                                                    \
	X(DIFFUSION, "diffusion model", "diffusion_models")                                                                    \
	X(CHECKPOINT, "checkpoint", "checkpoints")                                                                             \
	X(TEXT_ENCODER, "text encoder", "text_encoders")                                                                       \
	X(VAE, "autoencoder", "vae")                                                                                           \
	X(LORA, "LoRA", "loras")                                                                                               \
	X(CONTROLNET, "ControlNet", "controlnet")                                                                              \
	X(MODEL_PATCH, "model patch", "model_patches")                                                                         \
	X(CLIP_VISION, "vision encoder", "clip_vision")                                                                        \
	X(STYLE, "style model", "style_models")                                                                                \
	X(AUDIO_ENCODER, "audio encoder", "audio_encoders")                                                                    \
	X(UPSCALER, "upscaler", "upscale_models")                                                                              \
	X(LATENT_UPSCALER, "latent upscaler", "latent_upscale_models")                                                         \
	X(EMBEDDING, "embedding", "embeddings")                                                                                \
	X(HELPER, "helper model", "")

enum known_kind {
#define KNOWN_ENUM(name, ...) KNOWN_##name,
	KNOWN_KINDS(KNOWN_ENUM)
#undef KNOWN_ENUM
};

const char *known_kind_name(enum known_kind kind);

/* The kind of a folder below ComfyUI's models, "unet" and "clip" among them; KNOWN_HELPER for any other. */
enum known_kind known_kind_of_folder(const char *folder);

/* The kind that an input of a loader takes, "unet_name", by the class where the input is not enough; KNOWN_ANY where neither says. */
enum known_kind known_kind_of_input(const char *class, const char *input);

/* Whether a text of a workflow ends as a model file does. */
bool known_names_file(const char *text);

enum known_source {
	KNOWN_BY_TABLE, /* a public file */
	KNOWN_BY_GUESS /* the kind's commonest, or the size that the name states */
};
const char *known_source_name(enum known_source source);

/* How the elements of the large weights are stored. */
struct known_form {
	const char *name; /* "fp8", "Q4_K"; static */
	double element_bytes;
	enum dtype dtype; /* the nearest that holds single elements */
	bool in_blocks; /* the elements are of blocks of this type */
	enum quant quant;
	bool stated; /* by the name; else as the model is published */
};

/* The form that a file's name states; `published` where it states none. */
struct known_form known_form_of(const char *name, enum dtype published);

struct known_row;

struct known_file {
	const char *title; /* "Wan 2.2 T2V 14B"; of a guess, the kind's name. Static */
	enum known_kind kind;
	enum known_source source;
	struct known_form form;
	uint64_t size_bytes;
	const struct known_row *row; /* NULL: no row is of this name */
};

/* Always finds: what no row knows is guessed. kind may be KNOWN_ANY. False only where memory ran out. */
bool known_find(const char *name, enum known_kind kind, struct known_file *found, struct error *e);

/* Which model of a file a loader asks for, and what simulates it: a published variant's configuration (static JSON), or the family
 * of models of which only the size is known. size_bytes is this model's. False where the file holds no such model. */
struct known_part {
	const struct family *family;
	const char *config; /* NULL: of known size only */
	uint64_t size_bytes;
};
bool known_part_of(const struct known_file *file, enum model_kind kind, struct known_part *part, struct error *e);

/* Whether the file's embeddings have two bytes an element while its other weights have fewer. */
bool known_keeps_embeddings(const struct known_file *file);

#endif
