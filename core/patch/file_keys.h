/* file_keys.h - upstream's full names of the tensors in a weights file. Private to this room. */
#ifndef RESIDENCY_PATCH_FILE_KEYS_H
#define RESIDENCY_PATCH_FILE_KEYS_H

#include "core/patch/key_rules.h"
#include "core/tensor/safetensors.h"

/* How a file's names are brought to full ones. */
struct file_naming {
	const char *prefix; /* for names that no rule takes apart; "" in a checkpoint */
};

/* What kind of file it is, by the names in it. */
struct file_naming file_naming_of(const struct safetensors *file);

/* The full name of a tensor. */
void file_key(const struct file_naming *naming, const char *name, char key[KEY_MAX_BYTES]);

#endif
