/* models.h - what the parts manifests and loadlists share: tables of tab-separated text, and models by their data's names. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_MODELS_H
#define RESIDENCY_TESTS_CONFORMANCE_MODELS_H

#include "core/model/detect/detect.h"
#include "core/model/tensors/tensor_table.h"

/* Names of a folder's files that end so, sorted. The caller frees with models_names_free(). */
struct models_names {
	char **names;
	size_t count, capacity;
};
bool models_list(const char *folder, const char *ending, struct models_names *names, struct error *e);
void models_names_free(struct models_names *names);

/* A manifest: its rows in the file's order and its text, which the names point into. */
struct manifest {
	char *text;
	struct tensor_row *rows;
	size_t count, capacity;
	struct tensor_table table;
};
bool manifest_read(struct manifest *manifest, const char *folder, const char *file, struct error *e);
void manifest_free(struct manifest *manifest);

/* INDEX.csv as a JSON object of objects by name; NULL where there is none. Quoted cells are understood. */
json_t *models_index(const char *folder, struct error *e);

/* Equal as data: 4 is 4.0, order of members does not count. */
bool models_equal(const json_t *a, const json_t *b);

#endif
