/* file_keys.h - upstream's full names of the tensors in a weights file. Private to this room.
 *
 * Where a family is recognised (core/model/detect.h) its tensors' full names are its own: the root, then the parameter. Names of
 * other tensors are brought to full ones by what stands before them.
 */
#ifndef RESIDENCY_PATCH_FILE_KEYS_H
#define RESIDENCY_PATCH_FILE_KEYS_H

#include "core/model/tensor_table.h"
#include "core/patch/key_rules.h"

/* A tensor's name in the file and its full one; one text each, owned. */
struct file_name {
	char *name, *key;
};

struct file_naming {
	struct file_name *known; /* of recognised models, sorted by name */
	size_t count, capacity;
	const char *prefix; /* for names that no rule takes apart; "" in a checkpoint. Static text */
};

/* Of a file's tensors; metadata is the text under FAMILY_METADATA, or NULL; `where` names the file. The caller ends it, also on
 * failure. */
bool file_naming_make(struct file_naming *naming, const struct tensor_table *table, const char *metadata, const char *where,
		      struct error *e);
void file_naming_end(struct file_naming *naming);

/* The full name of a tensor. */
void file_key(const struct file_naming *naming, const char *name, char key[KEY_MAX_BYTES]);

#endif
