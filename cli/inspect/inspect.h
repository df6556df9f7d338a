/* inspect.h - what a file is and holds, for people and as JSON, or what is wrong with it.
 *
 * A report is built once: members for machines, and beside each a line for people. inspect_print shows the lines, 80 columns wide
 * and within a screen; inspect_print_json the members.
 */
#ifndef RESIDENCY_CLI_INSPECT_H
#define RESIDENCY_CLI_INSPECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/error.h"
#include "core/model/tensors/tensor_table.h"

struct report {
	json_t *members; /* owned */
	json_t *lines; /* owned: [label, text] */
	size_t wrong; /* how many of the lines say what is wrong */
	bool failed; /* out of memory */
};

bool inspect_begin(struct report *report, const char *file, const char *kind, uint64_t size_bytes, struct error *e);
void inspect_end(struct report *report);

/* Takes over the value. */
void inspect_set(struct report *report, const char *member, json_t *value);
/* A line; an empty label goes on with the one before. */
__attribute__((format(printf, 3, 4))) void inspect_say(struct report *report, const char *label, const char *format, ...);
/* A line that begins with "wrong", and an item of the member of that name. */
__attribute__((format(printf, 2, 3))) void inspect_wrong(struct report *report, const char *format, ...);

void inspect_print(const struct report *report, FILE *out);
bool inspect_print_json(const struct report *report, FILE *out, struct error *e);

/* Fills a report about a file of any kind; false where it cannot be read at all, with what is wrong and where. The caller ends
 * the report in both cases. */
bool inspect_file(struct report *report, const char *path, struct error *e);

/* ---- the kinds ---- */

bool inspect_safetensors(struct report *report, const char *path, uint64_t size_bytes, struct error *e);
bool inspect_gguf(struct report *report, const char *path, uint64_t size_bytes, struct error *e);
/* A sharded model's index: shards are looked for beside it. */
bool inspect_index(struct report *report, const char *path, uint64_t size_bytes, const json_t *index, struct error *e);
bool inspect_workflow(struct report *report, const char *path, uint64_t size_bytes, const json_t *workflow, struct error *e);
bool inspect_topology(struct report *report, const char *path, uint64_t size_bytes, struct error *e);
bool inspect_store(struct report *report, const char *path, uint64_t size_bytes, struct error *e);

/* Models, types, blocks and what DisTorch2 would make of them. `metadata` is the file's own word on its family, or NULL. */
bool inspect_tensors(struct report *report, const struct tensor_table *table, const char *metadata, const char *path,
		     struct error *e);
/* Bytes and tensors by element type. */
void inspect_types(struct report *report, const struct tensor_table *table);

/* Weights that are stored with scales beside them. */
void inspect_scales(struct report *report, const struct tensor_table *table);

/* The same of a LoRA's tensors. */
bool inspect_lora(struct report *report, const struct tensor_table *table, struct error *e);
bool inspect_is_lora(const struct tensor_table *table);

#endif
