/* model_names.h - models that are simulated from their files' names, where the files are not on this disk. Private to
 * core/workflow/library. */
#ifndef RESIDENCY_WORKFLOW_MODEL_NAMES_H
#define RESIDENCY_WORKFLOW_MODEL_NAMES_H

#include "core/model/known/known.h"
#include "core/model/synthesis/synthesis.h"
#include "core/workflow/library/catalog.h"

/* What the names of a loader's files stand for (core/model/known/known.h), as one model: a published one, a pair of published text
 * encoders, or one of the right size. files[i] says how the i-th was known. found->config is the caller's (free). False where the
 * files hold no such model, without an error, or with one. */
bool model_names_find(const struct model_source *source, struct known_file files[MODEL_FILES_MAX], struct synthesis *found,
		      struct error *e);

#endif
