/* Tensors are written in the order of the file. One that no LoRA changes is copied, or cast where another type is asked for;
 * one that is a weight is patched in its own bytes. A weight in several tensors is put together and patched when the first
 * of them is due, kept until the last is written, and then freed.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/patch/file/patch_file_state.h"
#include "core/patch/apply/stored.h"
#include "core/tensor/convert/convert.h"

/* The tensor's bytes in the new type, before patches; NULL on failure. The caller frees. */
static void *cast(const struct weights_tensor *tensor, enum dtype dtype, struct error *e)
{
	float *values = array_new(tensor->element_count, sizeof(*values), e);
	void *bytes = array_new(tensor->element_count, dtype_size_bytes(dtype), e);

	if (!values || !bytes || !convert_to_f32(tensor->type.dtype, tensor->bytes, values, tensor->element_count, e) ||
	    !convert_from_f32(dtype, values, bytes, tensor->element_count, e)) {
		free(bytes);
		bytes = NULL;
	}
	free(values);
	return bytes;
}

/* A weight that is a tensor, and may get another shape. */
static bool put_patched(struct patch_file *file, size_t index, const struct safetensors_entry *entry, const void *bytes,
			struct safetensors_writer *writer, struct error *e)
{
	const struct key_target *target = &file->units.targets[index];
	struct stored stored = {
		.key = target->key, .dtype = entry->dtype, .rank = target->rank, .shape = target->shape, .bytes = bytes
	};
	uint64_t size_bytes = dtype_size_bytes(entry->dtype);
	void *rounded;
	float *rows;
	bool fine;

	for (size_t i = 0; i < entry->rank; i++) {
		if (__builtin_mul_overflow(size_bytes, (uint64_t)entry->shape[i], &size_bytes))
			return error_set(e, ERROR_FORMAT, "it would be too large to exist");
	}
	if (!patch_file_scales(file, file->units.units[index].pieces[0].tensor, &stored.scale, &rows, e))
		return false;
	stored.row_scales = rows;
	rounded = array_new(size_bytes, 1, e);
	fine = rounded && stored_patch_round(&stored, &file->list, index, rounded, e) &&
	       safetensors_writer_put(writer, rounded, size_bytes, e);
	free(rounded);
	free(rows);
	return fine;
}

static bool add_piece(const struct patch_file *file, const struct file_unit *unit, size_t piece, enum dtype dtype, void *whole,
		      struct error *e)
{
	const struct weights_tensor *tensor = patch_file_part(file, unit, piece);
	void *converted = dtype == tensor->type.dtype ? NULL : cast(tensor, dtype, e);

	if (!converted && dtype != tensor->type.dtype)
		return false;
	file_unit_put_together(unit, piece, dtype_size_bytes(dtype), converted ? converted : tensor->bytes, whole);
	free(converted);
	return true;
}

/* Put together and patched when the first of its tensors is written. */
static bool make_whole(struct patch_file *file, size_t index, struct error *e)
{
	const struct file_unit *unit = &file->units.units[index];
	struct whole *whole = &file->wholes[index];
	struct stored stored = { .key = unit->key,
				 .dtype = patch_file_dtype(file, patch_file_part(file, unit, 0)),
				 .rank = unit->rank,
				 .shape = unit->shape };

	if (whole->bytes)
		return true;
	whole->bytes = array_new(stored_count(&stored), dtype_size_bytes(stored.dtype), e);
	if (!whole->bytes)
		return false;
	for (size_t i = 0; i < unit->piece_count; i++) {
		if (!add_piece(file, unit, i, stored.dtype, whole->bytes, e))
			return false;
	}
	stored.bytes = whole->bytes;
	return stored_patch_round(&stored, &file->list, index, whole->bytes, e);
}

/* A tensor that is a part of weights, or has parts that are. */
static bool put_parts(struct patch_file *file, size_t tensor, enum dtype dtype, const void *bytes,
		      struct safetensors_writer *writer, struct error *e)
{
	const struct tensor_uses *uses = &file->units.uses[tensor];
	uint64_t size_bytes = file->weights.tensors[tensor].element_count * dtype_size_bytes(dtype);
	unsigned char *patched = array_new(size_bytes, 1, e);
	bool fine = patched != NULL;

	if (fine)
		memcpy(patched, bytes, size_bytes);
	for (size_t i = 0; fine && i < uses->count; i++) {
		const struct tensor_use *use = &uses->items[i];
		const struct file_unit *unit = &file->units.units[use->unit];
		struct whole *whole = &file->wholes[use->unit];

		if (!patch_covers(&file->list, use->unit))
			continue;
		fine = make_whole(file, use->unit, e);
		if (!fine)
			break;
		file_unit_take_apart(unit, use->piece, dtype_size_bytes(dtype), whole->bytes, patched);
		if (++whole->written < unit->piece_count)
			continue;
		free(whole->bytes);
		whole->bytes = NULL;
	}
	fine = fine && safetensors_writer_put(writer, patched, size_bytes, e);
	free(patched);
	return fine;
}

static bool put_tensor(struct patch_file *file, size_t position, struct safetensors_writer *writer, struct error *e)
{
	const struct safetensors_entry *entry = &file->entries[position];
	size_t at = file->units.order[position];
	const struct weights_tensor *tensor = &file->weights.tensors[at];
	const struct file_unit *unit = patch_file_unit(file, at);
	void *converted = entry->dtype == tensor->type.dtype ? NULL : cast(tensor, entry->dtype, e);
	const void *bytes = converted ? converted : tensor->bytes;
	bool fine = converted || entry->dtype == tensor->type.dtype;

	if (fine && unit && patch_file_covers(file, at))
		fine = put_patched(file, (size_t)(unit - file->units.units), entry, bytes, writer, e);
	else if (fine && patch_file_covers(file, at))
		fine = put_parts(file, at, entry->dtype, bytes, writer, e);
	else if (fine && converted)
		fine = safetensors_writer_put(writer, bytes, tensor->element_count * dtype_size_bytes(entry->dtype), e);
	else if (fine)
		fine = safetensors_writer_put(writer, bytes, tensor->size_bytes, e);
	free(converted);
	return fine || error_context(e, "%s", tensor->name);
}

bool patch_file_write(struct patch_file *file, struct error *e)
{
	const struct patch_file_request *request = &file->request;
	struct safetensors_writer *writer = safetensors_writer_open(request->out, file->entries, file->weights.count,
								    (const char *const *)file->texts.pairs, e);
	bool fine = writer != NULL;

	for (size_t i = 0; fine && i < file->weights.count; i++) {
		fine = put_tensor(file, i, writer, e);
		if (fine && request->told && !request->told(request->context, i + 1, file->weights.count))
			fine = error_set(e, ERROR_INTERRUPTED, "interrupted");
	}
	if (fine)
		return safetensors_writer_finish(writer, e);
	safetensors_writer_abandon(writer);
	return false;
}
