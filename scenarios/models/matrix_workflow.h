/* matrix_workflow.h - matrices: sets of models with keep flags, and the workflow that runs them.
 *
 * Each model is a subgraph of its own, executed in the order listed (so the loaded list, newest first, is the reverse):
 *	unet	loader -> sampler -> output. LORA_ONLY: loader -> LoRA -> sampler. LORA_BASE_THEN_CLONE: a sampler on the base, then
 *		one on the clone that takes its latent; LORA_CLONE_THEN_BASE: the other way round
 *	clip	loader -> text encode -> output
 *	vae	loader -> decode -> output
 *	preview	loader -> output: read, never loaded
 * Loaders of models with a keep flag are the DisTorch2 ones (virtual VRAM 1 GB, donor cpu); the others are stock. Conditioning and
 * latents come from constants that hold no model.
 */
#ifndef RESIDENCY_SCENARIOS_MATRIX_WORKFLOW_H
#define RESIDENCY_SCENARIOS_MATRIX_WORKFLOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/event.h"
#include "core/model/model.h"

enum lora_use { LORA_NONE, LORA_ONLY, LORA_BASE_THEN_CLONE, LORA_CLONE_THEN_BASE };

struct matrix_model {
	const char *name;
	enum model_kind kind;
	enum keep_request keep;
	enum lora_use lora;
	double strength; /* of the LoRA; 0 means 1.0 */
	bool preview;
	const char *device; /* of a loader with a keep flag; NULL: the compute device */
	unsigned size_mb; /* what it is to weigh; 0: the subject's own small size */
};

struct matrix {
	const char *name; /* "abc" */
	const char *alias; /* "M1" */
	const char *summary; /* one line */
	const struct matrix_model *models;
	size_t model_count;
};

extern const struct matrix *const matrix_list[]; /* NULL-terminated; the first MATRICES_DEFAULT run by default */
#define MATRICES_DEFAULT 4
const struct matrix *matrix_find(const char *name_or_alias);

/* Adds a full cleanup node that is linked to the first loader; `run` tells runs apart, so that none is cached. */
bool matrix_workflow_add_cleanup(json_t *workflow, unsigned run, struct error *e);

/* The workflow in API format; a changed seed is a changed input of every consumer. The caller owns it. */
json_t *matrix_workflow(const struct matrix_model *models, size_t count, const char *compute_device, uint64_t seed,
			struct error *e);

#endif
