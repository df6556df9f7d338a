/* Any bytes: safetensors_parse refuses them or every tensor it shows lies inside them. */
#include <stdint.h>
#include <stdlib.h>

#include "core/tensor/safetensors/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct safetensors *file = safetensors_parse(data, size, "input", &e);
	volatile uint8_t sum = 0;

	if (!file) {
		if (e.kind == ERROR_NONE)
			abort();
		return 0;
	}
	for (size_t i = 0; i < safetensors_count(file); i++) {
		const struct safetensors_tensor *t = safetensors_tensor(file, i);

		for (uint64_t j = 0; j < t->size_bytes; j++)
			sum ^= t->bytes[j];
		if (!safetensors_find(file, t->name) && t->name[t->name_length] != '\0')
			abort();
	}
	safetensors_close(file);
	return 0;
}
