/* lora.h - a LoRA file, and what it changes in a model.
 *
 * A file names modules, and hangs tensors on them; matching it against a model finds an adapter for each parameter that it changes,
 * and the tensors that mean nothing to this model. Names that begin with "flux-lora-small" are made up: a pair of rank 4 for each
 * product of FLUX's double blocks.
 *
 *	struct lora_file *lora = lora_open(folder, "detail.safetensors", &e);
 *	struct lora_match *match = lora ? lora_match(lora, model, &e) : NULL;
 */
#ifndef RESIDENCY_PATCH_LORA_H
#define RESIDENCY_PATCH_LORA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/model/model.h"
#include "core/patch/adapter.h"
#include "core/patch/keys/key_map.h"

struct lora_file;

/* From FOLDER/FILE or FOLDER/loras/FILE, else made up by name. folder may be NULL. The caller closes. ERROR_MISSING names what
 * is made up. */
struct lora_file *lora_open(const char *folder, const char *file, struct error *e);

/* From a path, and from bytes in memory, which must live as long. */
struct lora_file *lora_open_path(const char *path, struct error *e);
struct lora_file *lora_parse(const uint8_t *bytes, size_t size_bytes, const char *name, struct error *e);
void lora_close(struct lora_file *lora);

/* One that changes nothing, for models that nobody runs. */
struct lora_file *lora_blank(const char *name, struct error *e);

/* One owner more, who closes, too. Returns the same. Owners are of one thread. */
struct lora_file *lora_share(struct lora_file *lora);

const char *lora_name(const struct lora_file *lora);

/* What a LoRA changes in a model: private but for reading. */
struct lora_match {
	struct lora_file *lora; /* owned */
	struct adapter *adapters; /* by parameter, and in the order in which they are applied */
	size_t count;
	const char **unused; /* tensors of the file that mean nothing here */
	size_t unused_count;
	char *keys; /* the model's full names, one text */
	size_t owner_count;
};

/* The caller ends it. ERROR_FORMAT where an adapter's tensors are not all there. */
struct lora_match *lora_match(struct lora_file *lora, const struct model *model, struct error *e);
struct lora_match *lora_match_share(struct lora_match *match);
void lora_match_end(struct lora_match *match);

/* The same against parameters of any origin. map must outlive the match. */
struct lora_match *lora_match_map(struct lora_file *lora, const struct key_map *map, struct error *e);

/* The adapters of one parameter; NULL where there are none. */
const struct adapter *lora_match_of(const struct lora_match *match, size_t parameter, size_t *count);

#endif
