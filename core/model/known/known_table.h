/* known_table.h - the rows of public files. Private to core/model/known. */
#ifndef RESIDENCY_MODEL_KNOWN_TABLE_H
#define RESIDENCY_MODEL_KNOWN_TABLE_H

#include "core/model/known/known.h"

/* What holds for every file whose name has the words. */
struct known_row {
	/* Lower case, '_' for any separator; each must begin a word of the name. "a|b": either. The row of the longest match counts. */
	const char *words;
	const char *title;
	enum known_kind kind;
	enum dtype published;
	const char *model; /* a variant of a family (recipe.h); NULL: only its size is known */
	const char *text[3]; /* variants of the text encoders in a checkpoint, ended by NULL */
	const char *autoencoder; /* that variant in a checkpoint */
	double millions; /* elements where `model` is NULL, in millions */
	double kept_millions; /* that keep two bytes where the name states eight bits or fewer: embeddings, towers */
	double other_millions; /* of a checkpoint's other models that `text` and `autoencoder` do not name */
};

/* Ended by a row without words. */
extern const struct known_row known_rows[];

#endif
