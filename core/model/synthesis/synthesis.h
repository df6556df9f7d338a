/* synthesis.h - synthetic models by name: real architectures, real shapes, weights seeded by name.
 *
 * A file name that begins like a published one stands for that architecture at its full size ("flux1-dev..."), or for a small one
 * that a processor runs in a moment ("flux1-small..."): each family's row says which beginnings are its own (family.h, files). A
 * name with "fp8" in it has 8-bit weights, one that ends in ".gguf" blocks of the type it names ("flux1-dev-Q4_K_S.gguf"). The same
 * name gives the same bytes everywhere; another name, other bytes.
 */
#ifndef RESIDENCY_MODEL_SYNTHESIS_H
#define RESIDENCY_MODEL_SYNTHESIS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/model/architecture.h"
#include "core/model/families/family.h"

/* What a name stands for as a model of a kind. `config` is the family's, owned by the caller (free). False without an error when
 * the name stands for nothing; false with e set when there was no memory. second_file may be NULL; a FLUX text encoder takes two
 * files in either order. */
struct synthesis {
	const struct family *family;
	void *config;
	enum dtype dtype;
	bool as_module; /* types as upstream has them once loaded (architecture.h) */
	bool keeps_embeddings; /* they have two bytes an element, whatever dtype is */
	struct synthesis_quant {
		bool wanted;
		enum quant type;
		const char *root; /* what the file's parameters begin with */
	} quants[2]; /* of the first file and the second */
};
bool synthesis_find(enum model_kind kind, const char *file, const char *second_file, struct synthesis *found, struct error *e);

/* Whether the name stands for a model of any kind. */
bool synthesis_names(const char *file);

/* The described parameters' types as a GGUF file has them, where the names want that: matrices whose rows are whole blocks are
 * quantised, all else is float32. */
void synthesis_quantise(const struct synthesis *found, struct architecture *a);

/* Describes what was found, quantised where the names want that. The caller has begun a with found->dtype. */
void synthesis_describe(const struct synthesis *found, struct architecture *a);

/* Generates the bytes of every parameter of a described model; parameter->bytes are owned by the caller afterwards. */
bool synthesis_fill(struct architecture *a, const char *name, struct error *e);

/* `count` values of a parameter from the first-th on, of the block's type; the same whichever way they are cut. */
void synthesis_values(const struct parameter_description *parameter, const char *type, uint64_t seed, uint64_t first,
		      size_t count, float *values);

/* The beginnings of names that stand for something, for messages: "flux1-small*, flux1-dev*". Cut where they do not fit. */
void synthesis_known(enum model_kind kind, char *text, size_t size_bytes);

#endif
