/* Any safetensors file as a model that is patched: its tensors are weights, or parts of them; every run of elements is of one weight at
 * most; every tensor is written once; and what is put together and taken apart again is what it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/detect/detect.h"
#include "core/patch/file/file_units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t element_bytes(const struct weights_tensor *tensor)
{
	return tensor->element_count ? (size_t)(tensor->size_bytes / tensor->element_count) : 0;
}

/* All pieces into a weight, and each out of it into zeros: the run that it covers is as it was, the rest zeros still. */
static void there_and_back(const struct file_units *units, size_t index, const struct weights *weights)
{
	const struct file_unit *unit = &units->units[index];
	size_t bytes = element_bytes(&weights->tensors[unit->pieces[0].tensor]);
	const struct unit_piece *last = &unit->pieces[unit->piece_count - 1];
	unsigned char *whole = calloc(last->in_whole + last->count + 1, bytes + 1);

	for (size_t i = 0; i < unit->piece_count; i++) {
		if (element_bytes(&weights->tensors[unit->pieces[i].tensor]) != bytes)
			goto out; /* of different types: refused before it is put together */
	}
	for (size_t i = 0; i < unit->piece_count; i++)
		file_unit_put_together(unit, i, bytes, weights->tensors[unit->pieces[i].tensor].bytes, whole);
	for (size_t i = 0; i < unit->piece_count; i++) {
		const struct weights_tensor *tensor = &weights->tensors[unit->pieces[i].tensor];
		unsigned char *back = calloc(tensor->size_bytes + 1, 1);

		file_unit_take_apart(unit, i, bytes, whole, back);
		if (memcmp(back + unit->pieces[i].in_tensor * bytes, tensor->bytes + unit->pieces[i].in_tensor * bytes,
			   unit->pieces[i].count * bytes) != 0)
			abort();
		free(back);
	}
out:
	free(whole);
}

static void check(const struct file_units *units, const struct weights *weights)
{
	size_t *seen = calloc(weights->count + 1, sizeof(*seen));

	for (size_t i = 0; i < weights->count; i++) {
		if (units->order[i] >= weights->count || seen[units->order[i]]++ || units->uses[i].count == 0 ||
		    units->uses[i].count > TENSOR_USES_MAX)
			abort();
	}
	for (size_t i = 0; i < units->count; i++) {
		if (!units->units[i].is_tensor)
			there_and_back(units, i, weights);
	}
	free(seen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct safetensors *file = safetensors_parse(data, size, "input", &e);
	struct tensor_table table;
	struct file_units units;
	struct weights weights;

	if (!file)
		return 0;
	if (!weights_of_safetensors(&weights, file, &e) || !tensor_table_of_safetensors(&table, file, &e))
		abort();
	if (file_units_make(&units, &weights, &table, safetensors_metadata(file, FAMILY_METADATA), "input", &e))
		check(&units, &weights);
	else if (e.kind == ERROR_NONE || e.kind == ERROR_BUG)
		abort();
	file_units_end(&units);
	tensor_table_free(&table);
	weights_close(&weights);
	return 0;
}
