/* Any bytes as a safetensors file: its layers with scales are found with a fault, or every value of them can be read. */
#include <stdint.h>
#include <stdlib.h>

#include "core/tensor/weights/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_layer(const struct weights *weights, const struct scaled_layer *layer)
{
	const struct scaled_bytes bytes = weights_scaled_bytes(weights, layer);
	uint64_t count = layer->rows * layer->columns;
	struct error e = ERROR_INIT;
	float values[97]; /* ends within rows and blocks */

	for (uint64_t done = 0; done < count;) {
		size_t some = count - done < 97 ? (size_t)(count - done) : 97;

		if (!scaled_decode(layer, &bytes, done, some, values, &e))
			abort();
		done += some;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	struct safetensors *file = safetensors_parse(data, size, "input", &e);
	struct weights weights;
	char *text;

	if (!file)
		return 0;
	if (!weights_of_safetensors(&weights, file, &e))
		abort();
	for (size_t i = 0; i < weights.scaled.count; i++) {
		const struct scaled_layer *layer = &weights.scaled.layers[i];

		if (scaled_layer_of(&weights.scaled, layer->weight) != layer)
			abort();
		if (!layer->fault)
			read_layer(&weights, layer);
	}
	text = weights_scaled_metadata(&weights, NULL, 0, &e);
	free(text);
	weights_close(&weights);
	return 0;
}
