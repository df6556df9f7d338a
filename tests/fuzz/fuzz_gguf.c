/* Any bytes: gguf_parse refuses them, and says why, or every tensor and value that it shows lies inside them, and what the tensors
 * are to a loader follows. */
#include <stdint.h>
#include <stdlib.h>

#include "core/model/detect/detect.h"
#include "core/tensor/gguf/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_value(const struct gguf_value *value, const uint8_t *data, size_t size)
{
	int64_t whole;
	double number;
	size_t length;

	if ((const uint8_t *)value->key < data || value->raw + value->raw_size_bytes > data + size)
		abort();
	for (uint64_t i = 0; i < value->count && i < 64; i++) {
		gguf_value_integer(value, i, &whole);
		gguf_value_number(value, i, &number);
	}
	gguf_value_number(value, value->count, &number);
	if (gguf_value_text(value, &length) && length > size)
		abort();
}

static void look_at_table(const struct gguf *file)
{
	struct error e = ERROR_INIT;
	struct detection found = { .count = 0 };
	struct tensor_table table;
	char *word = detect_word_of_gguf(file, &e);

	if (!tensor_table_of_gguf(&table, file, &e) || !tensor_table_add_vision(&table, file, "input", &e))
		abort();
	for (size_t i = 0; i < table.count; i++) {
		const struct tensor_row *row = &table.rows[i];

		if (row->in_blocks && row->loads_converted)
			abort();
		for (size_t j = 0; j < row->part_count; j++) {
			if (row->parts[j].size_bytes && !row->parts[j].bytes)
				abort();
		}
		tensor_row_loaded_bytes(row);
	}
	if (detect_file(&found, &table, word, "input", &e))
		detect_free(&found);
	free(word);
	tensor_table_free(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct gguf *file = gguf_parse(data, size, "input", &e);
	volatile uint8_t sum = 0;

	if (!file) {
		if (e.kind == ERROR_NONE)
			abort();
		return 0;
	}
	for (size_t i = 0; i < gguf_value_count(file); i++) {
		struct gguf_value value = gguf_value_at(file, i);

		look_at_value(&value, data, size);
	}
	for (size_t i = 0; i < gguf_count(file); i++) {
		const struct gguf_tensor *t = gguf_tensor(file, i);
		uint64_t shape[GGUF_RANK_MAX];
		unsigned rank;

		for (uint64_t j = 0; j < t->size_bytes; j++)
			sum ^= t->bytes[j];
		gguf_original_shape(file, t, shape, &rank);
		if (!gguf_find(file, t->name) && t->name[t->name_length] != '\0')
			abort();
	}
	look_at_table(file);
	gguf_close(file);
	return 0;
}
