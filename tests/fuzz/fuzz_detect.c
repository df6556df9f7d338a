/* Any safetensors header, its tensors' bytes made up to fit: detection names families or none, and what it names can be
 * described, compared, and written as a configuration that is read again; every parameter has its origin. */
#include <stdint.h>
#include <stdlib.h>

#include "core/model/detect/detect.h"
#include "core/model/detect/layout.h"
#include "core/tensor/safetensors/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_origins(const struct detected *part)
{
	struct error e = ERROR_INIT;
	struct layout_map map;
	struct origin origin;
	struct architecture a;

	if (!detect_describe(part, false, &a, &e) || !layout_map_begin(&map, part->family, part->config, part->layout, &e))
		abort();
	for (size_t i = 0; i < a.parameter_count && i < 10000; i++) {
		if ((part->layout == LAYOUT_OWN || !part->scaled) &&
		    (!layout_origin(&map, a.parameters[i].name, &origin, &e) || origin.piece_count == 0))
			abort();
	}
	layout_map_end(&map);
	architecture_end(&a);
}

static void look_at(const struct detected *part, const struct tensor_table *table)
{
	struct error e = ERROR_INIT;
	struct detected_match match;
	json_t *config;
	void *again;

	if (!part->config) {
		if (part->fault.kind == ERROR_NONE)
			abort();
		return;
	}
	if (!detect_check(part, table, &match, &e))
		abort();
	look_at_origins(part);
	config = family_write_config(part->family, part->config, &e);
	again = calloc(1, part->family->config_size_bytes);
	if (!config || !again)
		abort();
	family_read_config(part->family, again, config, "again", &e); /* may refuse, and must say why */
	json_decref(config);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct detection found = { .count = 0 };
	struct tensor_table table;
	struct safetensors *file = safetensors_parse(data, size, "input", &e);
	const char *first;
	size_t unknown;

	if (!file)
		return 0;
	if (!tensor_table_of_safetensors(&table, file, &e))
		abort();
	if (detect_file(&found, &table, safetensors_metadata(file, FAMILY_METADATA), "input", &e)) {
		for (size_t i = 0; i < found.count; i++)
			look_at(&found.parts[i], &table);
		detect_count_unknown(&found, &table, &unknown, &first, &e);
		detect_free(&found);
	}
	tensor_table_free(&table);
	safetensors_close(file);
	return 0;
}
