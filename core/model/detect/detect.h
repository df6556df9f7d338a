/* detect.h - which models a file holds, by its tensors' names and shapes alone.
 *
 * A file is one model, or several under prefixes of their own (a checkpoint: UNet, text encoders, autoencoder). Each that is
 * recognised is told with its family, its configuration, its prefix and the layout of its names. Recognised is what holds the
 * tensors that no other family has; whether all the others are there, too, and of the right shapes, detect_check says.
 *
 *	struct detection found;
 *	if (!detect_models(&found, &table, &e))
 *		...
 *	if (found.count == 0)
 *		... no family is known by these tensors
 *	detect_free(&found);
 */
#ifndef RESIDENCY_MODEL_DETECT_H
#define RESIDENCY_MODEL_DETECT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/model/architecture.h"
#include "core/model/families/family.h"
#include "core/model/tensors/tensor_table.h"

#define DETECTED_MAX 8

struct detected {
	const struct family *family;
	void *config; /* owned */
	const char *prefix; /* of its tensors in the file; static text */
	enum layout layout;
	bool scaled; /* some of its weights are stored with scales beside them */
	bool scales_linears; /* by the old form: upstream then has a scale for each Linear, 1 where the file has none */
	bool quantised; /* some of its tensors are GGUF's */
	enum dtype
		dtype; /* of most of its elements (of those that are plain where it is scaled): the type upstream gives it all */
	struct error fault; /* why its tensors make no whole configuration; then config is NULL */
};

struct detection {
	struct detected parts[DETECTED_MAX];
	size_t count;
};

/* False only when out of memory. The caller frees with detect_free(). */
bool detect_models(struct detection *found, const struct tensor_table *table, struct error *e);
void detect_free(struct detection *found);

/* The same, but where the file itself says what it is that is believed: `metadata` is the text under FAMILY_METADATA, or NULL. A
 * word that cannot be understood is ERROR_FORMAT or ERROR_UNSUPPORTED; `where` names the file. */
#define FAMILY_METADATA "residency.model" /* {"family":"flux","config":{...}} */
bool detect_file(struct detection *found, const struct tensor_table *table, const char *metadata, const char *where,
		 struct error *e);

/* What a GGUF file has under FAMILY_METADATA, a copy that the caller frees; NULL where it has nothing, and with e set when there is
 * no memory. */
char *detect_word_of_gguf(const struct gguf *file, struct error *e);
/* The same of any file; of several the first that says it. */
char *detect_word(const struct weights *weights, struct error *e);

/* What the family makes of the configuration, by its own names, with types as the file has them (most of them) or, as_module,
 * as upstream's modules have them once loaded. The caller ends a. */
bool detect_describe(const struct detected *detected, bool as_module, struct architecture *a, struct error *e);

/* The name in the file of a parameter of the family's own layout, into name. */
void detect_file_name(const struct detected *detected, const char *parameter, char name[512]);

/* How the file's tensors compare with the family's. */
struct detected_match {
	size_t wanted, missing, misshapen;
	char first_missing[256], first_misshapen[256]; /* names in the file */
	char shapes[200]; /* of the first misshapen: "4096x64 is 4096x128" */
	uint64_t misshapen_offset; /* where in the file that one begins */
	uint64_t size_bytes; /* of the tensors that are the family's */
	size_t tensor_count;
};
bool detect_check(const struct detected *detected, const struct tensor_table *table, struct detected_match *match,
		  struct error *e);

/* The match as an error that names the first thing wrong; true where nothing is. */
bool detect_match_ok(const struct detected *detected, const struct detected_match *match, const char *where, struct error *e);

/* "3072x64"; "one number" of rank 0. */
const char *detect_shape_text(unsigned rank, const int64_t *shape, char text[80]);

/* A tensor that upstream ignores in published files, or makes part of another: a duplicate of the embedding, a table of
 * positions, the scales of scaled fp8, what training left behind. */
bool detect_is_ignored(const char *name);

/* Tensors that belong to no model found and are not known to be ignored: how many, and the first by name (borrowed). */
bool detect_count_unknown(const struct detection *found, const struct tensor_table *table, size_t *count, const char **first,
			  struct error *e);

const char *detect_layout_name(enum layout layout);

#endif
