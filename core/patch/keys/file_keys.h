/* file_keys.h - upstream's full names of tensors in a file whose model is not known: by what stands before their own. Private to
 * this room.
 */
#ifndef RESIDENCY_PATCH_FILE_KEYS_H
#define RESIDENCY_PATCH_FILE_KEYS_H

#include "core/model/tensors/tensor_table.h"
#include "core/patch/keys/key_rules.h"

/* What stands before names that no rule takes apart; "" in a checkpoint. Static text. */
const char *file_key_prefix(const struct tensor_table *table);

/* The full name of a tensor. */
void file_key(const char *prefix, const char *name, char key[KEY_MAX_BYTES]);

#endif
