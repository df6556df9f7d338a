/* formats.c - weights are written as shards, quantised into GGUF, read in bulk, and converted back into safetensors.
 *
 * Every writer replaces its file in one step, so that a failed allocation leaves either the whole file or none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/tensor/transcode/bulk.h"
#include "core/tensor/transcode/transcode.h"
#include "tests/torture/torture.h"

static const float values[64] = { 1, 2, 3 };
static const int64_t shape[2] = { 2, 32 };

static void path_of(char path[256], const char *name)
{
	const char *folder = getenv("TMPDIR");

	snprintf(path, 256, "%s/residency-torture-%ld-%s", folder && folder[0] ? folder : "/tmp", (long)getpid(), name);
}

static bool write_shards(const char *shard, const char *index, struct error *e)
{
	const struct safetensors_entry entries[2] = { { "a", DTYPE_F32, 2, shape, values },
						      { "b", DTYPE_F32, 2, shape, values } };
	static const char *const metadata[] = { "format", "pt", NULL };
	const char *name = strrchr(shard, '/') + 1;
	FILE *stream;

	if (!safetensors_write(shard, entries, 2, metadata, e))
		return false;
	stream = fopen(index, "we");
	if (!stream)
		return error_no_memory(e);
	fprintf(stream, "{\"weight_map\":{\"a\":\"%s\",\"b\":\"%s\"}}", name, name);
	fclose(stream);
	return true;
}

static bool convert(const char *from, const char *to, enum weights_format format, const struct weights_type *type,
		    struct error *e)
{
	const struct transcode_request request = {
		.from = from, .to = to, .format = format, .type = type, .architecture = "flux", .drop_values = true
	};
	struct transcode_result result;

	return transcode(&request, &result, e);
}

static bool read_back(const char *path, struct error *e)
{
	struct gguf *file = gguf_open(path, e);
	float memory[64];
	struct bulk_piece piece = { .size_bytes = 34, .to = memory };
	bool fine = false;

	if (file) {
		piece.file_offset = gguf_file_offset(file, gguf_tensor(file, 0));
		fine = bulk_read(path, &piece, 1, NULL, e);
	}
	gguf_close(file);
	return fine;
}

/* Written, read through an index, quantised into GGUF, read into place, and back into safetensors. */
TORTURE_PIECE(torture_tensor, "formats and conversion")
{
	const struct weights_type q8 = { .is_quantised = true, .quant = QUANT_Q8_0 };
	const struct weights_type f16 = { .dtype = DTYPE_F16 };
	char shard[256];
	char index[256];
	char gguf[256];
	char back[256];
	bool fine;

	path_of(shard, "1.safetensors");
	path_of(index, "x.safetensors.index.json");
	path_of(gguf, "x.gguf");
	path_of(back, "x.safetensors");
	fine = write_shards(shard, index, e) && convert(index, gguf, WEIGHTS_GGUF, &q8, e) && read_back(gguf, e) &&
	       convert(gguf, back, WEIGHTS_SAFETENSORS, &f16, e);
	unlink(shard);
	unlink(index);
	unlink(gguf);
	unlink(back);
	return fine;
}
