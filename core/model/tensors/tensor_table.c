/* Each kind of file gives its rows, which are then sorted by name: a lookup is a binary search, and what begins with a
 * prefix is one run of rows. A view formats the name that is asked for below its prefix and searches in the table itself, so
 * that it costs no memory.
 */
#include "core/model/tensors/tensor_table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/model/architecture.h"

#define NAME_MAX_BYTES 512 /* of names asked for; a file's own may be longer and are never found */

bool tensor_table_add(struct tensor_table *table, const struct tensor_row *row, struct error *e)
{
	if (!array_reserve(&table->rows, &table->capacity, table->count + 1, sizeof(*table->rows), e))
		return false;
	table->rows[table->count++] = *row;
	return true;
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct tensor_row *)a)->name, ((const struct tensor_row *)b)->name);
}

void tensor_table_sort(struct tensor_table *table)
{
	if (table->count)
		qsort(table->rows, table->count, sizeof(*table->rows), compare_rows);
}

void tensor_table_free(struct tensor_table *table)
{
	for (size_t i = 0; i < table->name_count; i++)
		free(table->names[i]);
	free(table->names);
	free(table->parts);
	scaled_map_free(&table->scaled);
	free(table->rows);
	*table = (struct tensor_table) { .rows = NULL };
}

bool tensor_table_find_scales(struct tensor_table *table, const char *const *metadata, size_t count, struct error *e)
{
	struct scaled_tensor *tensors = array_new(table->count + 1, sizeof(*tensors), e);
	bool fine;

	for (size_t i = 0; tensors && i < table->count; i++) {
		const struct tensor_row *row = &table->rows[i];

		tensors[i] = (struct scaled_tensor) { .name = row->name,
						      .dtype = row->dtype,
						      .rank = row->rank,
						      .shape = row->shape,
						      .bytes = row->bytes,
						      .size_bytes = row->size_bytes };
	}
	fine = tensors && scaled_find(&table->scaled, tensors, table->count, metadata, count, e);
	for (size_t i = 0; fine && i < table->count; i++) {
		struct tensor_row *row = &table->rows[i];
		enum scaled_role role = table->scaled.uses[i].role;

		row->scaled = scaled_layer_of(&table->scaled, i);
		row->is_scale = role != SCALED_PLAIN && role != SCALED_WEIGHT;
		if (row->scaled && row->scaled->format == SCALED_NVFP4 && row->rank == 2)
			row->shape[1] *= 2;
	}
	free(tensors);
	return fine;
}

struct tensor_row tensor_row_of_safetensors(const struct safetensors_tensor *tensor)
{
	struct tensor_row row = { .name = tensor->name,
				  .dtype = tensor->dtype,
				  .size_bytes = tensor->size_bytes,
				  .file_offset = tensor->file_offset,
				  .bytes = tensor->bytes };

	row.rank = tensor->rank > TENSOR_RANK_MAX ? TENSOR_RANK_MAX + 1 : (unsigned)tensor->rank;
	for (unsigned i = 0; i < row.rank && i < TENSOR_RANK_MAX; i++)
		row.shape[i] = tensor->shape[i] > DIMENSION_MAX ? DIMENSION_MAX : (int64_t)tensor->shape[i];
	return row;
}

bool tensor_table_of_safetensors(struct tensor_table *table, const struct safetensors *file, struct error *e)
{
	const char *word = safetensors_metadata(file, SCALED_METADATA);

	*table = (struct tensor_table) { .rows = NULL };
	for (size_t i = 0; i < safetensors_count(file); i++) {
		struct tensor_row row = tensor_row_of_safetensors(safetensors_tensor(file, i));

		if (!tensor_table_add(table, &row, e)) {
			tensor_table_free(table);
			return false;
		}
	}
	tensor_table_sort(table);
	if (tensor_table_find_scales(table, &word, word != NULL, e))
		return true;
	tensor_table_free(table);
	return false;
}

/* The paths of the shards, owned by the table. */
static bool name_files(struct tensor_table *table, const struct shards *shards, const char *index, struct error *e)
{
	const char *slash = strrchr(index, '/');
	size_t count = shards_file_count(shards);

	if (!array_reserve(&table->names, &table->name_capacity, count, sizeof(*table->names), e))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct strbuf path = STRBUF_INIT;

		strbuf_append_n(&path, index, slash ? (size_t)(slash - index) + 1 : 0);
		strbuf_append(&path, shards_file_name(shards, i));
		table->names[table->name_count] = strbuf_finish(&path, e);
		if (!table->names[table->name_count])
			return false;
		table->name_count++;
	}
	return true;
}

static bool find_scales_of_shards(struct tensor_table *table, const struct shards *shards, struct error *e)
{
	const char **words = array_new(shards_file_count(shards) + 1, sizeof(const char *), e);
	size_t count = 0;
	bool fine;

	for (size_t i = 0; words && i < shards_file_count(shards); i++) {
		words[count] = safetensors_metadata(shards_file(shards, i), SCALED_METADATA);
		count += words[count] != NULL;
	}
	fine = words && tensor_table_find_scales(table, words, count, e);
	free(words);
	return fine;
}

bool tensor_table_of_shards(struct tensor_table *table, const struct shards *shards, const char *index, struct error *e)
{
	*table = (struct tensor_table) { .rows = NULL };
	if (!name_files(table, shards, index, e)) {
		tensor_table_free(table);
		return false;
	}
	for (size_t i = 0; i < shards_count(shards); i++) {
		size_t file;
		struct tensor_row row = tensor_row_of_safetensors(shards_tensor(shards, i, &file));

		row.path = table->names[file];
		if (!tensor_table_add(table, &row, e)) {
			tensor_table_free(table);
			return false;
		}
	}
	tensor_table_sort(table);
	if (find_scales_of_shards(table, shards, e))
		return true;
	tensor_table_free(table);
	return false;
}

bool tensor_table_of_weights(struct tensor_table *table, const struct weights *weights, struct error *e)
{
	if (weights->gguf)
		return tensor_table_of_gguf(table, weights->gguf, e);
	return weights->shards ? tensor_table_of_shards(table, weights->shards, weights->path, e)
			       : tensor_table_of_safetensors(table, weights->safetensors, e);
}

uint64_t tensor_row_loaded_bytes(const struct tensor_row *row)
{
	uint64_t size_bytes = dtype_size_bytes(row->loads_as);

	if (!row->loads_converted)
		return row->size_bytes;
	for (unsigned i = 0; i < row->rank && i < TENSOR_RANK_MAX; i++) {
		if (__builtin_mul_overflow(size_bytes, (uint64_t)row->shape[i], &size_bytes))
			return row->size_bytes; /* a shape that no file of its size has */
	}
	return size_bytes;
}

bool tensor_table_of_architecture(struct tensor_table *table, const struct architecture *a, struct error *e)
{
	*table = (struct tensor_table) { .rows = NULL };
	for (size_t i = 0; i < a->parameter_count; i++) {
		const struct parameter_description *parameter = &a->parameters[i];
		struct tensor_row row = { .name = parameter->name,
					  .dtype = parameter->dtype,
					  .rank = parameter->rank,
					  .size_bytes = architecture_parameter_size_bytes(parameter),
					  .bytes = parameter->bytes };

		memcpy(row.shape, parameter->shape, sizeof(row.shape));
		if (!tensor_table_add(table, &row, e)) {
			tensor_table_free(table);
			return false;
		}
	}
	tensor_table_sort(table);
	return true;
}

/* ---- views ---- */

/* The first row whose name is not below `name`. */
static size_t lower_bound(const struct tensor_table *table, const char *name)
{
	size_t low = 0;
	size_t high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(table->rows[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* PREFIX + the formatted text; false where that is longer than any name asked for. */
static bool format_name(char name[NAME_MAX_BYTES], const struct tensor_view *view, const char *format, va_list arguments)
{
	int start = snprintf(name, NAME_MAX_BYTES, "%s", view->prefix);
	int length;

	if (start < 0 || start >= NAME_MAX_BYTES)
		return false;
	length = vsnprintf(name + start, NAME_MAX_BYTES - (size_t)start, format, arguments);
	return length >= 0 && length < NAME_MAX_BYTES - start;
}

static const struct tensor_row *find(const struct tensor_view *view, const char *format, va_list arguments)
{
	const struct tensor_table *table = view->table;
	char name[NAME_MAX_BYTES];
	size_t index;

	if (!format_name(name, view, format, arguments))
		return NULL;
	index = lower_bound(table, name);
	return index < table->count && strcmp(table->rows[index].name, name) == 0 ? &table->rows[index] : NULL;
}

const struct tensor_row *tensor_view_find(const struct tensor_view *view, const char *name, ...)
{
	const struct tensor_row *row;
	va_list arguments;

	va_start(arguments, name);
	row = find(view, name, arguments);
	va_end(arguments);
	return row;
}

int64_t tensor_view_dimension(const struct tensor_view *view, unsigned axis, const char *name, ...)
{
	const struct tensor_row *row;
	va_list arguments;

	va_start(arguments, name);
	row = find(view, name, arguments);
	va_end(arguments);
	return row && axis < row->rank && axis < TENSOR_RANK_MAX ? row->shape[axis] : 0;
}

static bool begins_any(const struct tensor_table *table, const char *beginning)
{
	size_t index = lower_bound(table, beginning);

	return index < table->count && strncmp(table->rows[index].name, beginning, strlen(beginning)) == 0;
}

bool tensor_view_has(const struct tensor_view *view, const char *text, ...)
{
	char name[NAME_MAX_BYTES];
	va_list arguments;
	bool fits;

	va_start(arguments, text);
	fits = format_name(name, view, text, arguments);
	va_end(arguments);
	return fits && begins_any(view->table, name);
}

int64_t tensor_view_count(const struct tensor_view *view, const char *beginning, ...)
{
	char name[NAME_MAX_BYTES];
	va_list arguments;
	int64_t count = 0;
	size_t length;
	bool fits;

	va_start(arguments, beginning);
	fits = format_name(name, view, beginning, arguments);
	va_end(arguments);
	if (!fits)
		return 0;
	for (length = strlen(name);; count++) {
		int digits = snprintf(name + length, sizeof(name) - length, "%lld.", (long long)count);

		if (digits < 0 || (size_t)digits >= sizeof(name) - length || !begins_any(view->table, name))
			return count;
	}
}
