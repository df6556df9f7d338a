/* tokenizer.h - `residency-words-1`: a deterministic tokenizer of ours, for small synthesised models.
 *
 * A text is cut into words (runs of letters and digits, lower-cased for ASCII) and single other characters that are not blank.
 * A word's id is its FNV-1a hash, modulo the ids that are free for words. Real vocabularies are read from the user's files;
 * this one needs none and gives the same ids everywhere.
 */
#ifndef RESIDENCY_COMPUTE_TOKENIZER_H
#define RESIDENCY_COMPUTE_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

/* At most `most` ids, each first <= id < first + range, into ids. Returns how many there are. */
size_t tokenizer_split(const char *text, int64_t first, int64_t range, int64_t *ids, size_t most);

#endif
