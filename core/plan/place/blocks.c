/* A table is read whole, unpacked, and cut into lines and cells in place; its columns are found by their names in the first
 * line. JSON rows give the same blocks. Layer types become small numbers in the order of their first mention, since the
 * planner only compares them.
 */
#include "core/plan/place/blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/string.h"

#define TABLE_BYTES_MAX (64u << 20) /* unpacked; the largest model has 1050 lines of 100 bytes */

static bool add_block(struct block_list *list, const struct plan_block *block, struct span name, struct error *e)
{
	struct plan_block *added;

	if (!array_reserve(&list->blocks, &list->capacity, list->count + 1, sizeof(*list->blocks), e))
		return false;
	added = &list->blocks[list->count];
	*added = *block;
	added->name = span_copy(name, e);
	if (!added->name)
		return false;
	list->count++;
	return true;
}

static bool find_type(struct block_list *list, struct span name, size_t *type, struct error *e)
{
	for (*type = 0; *type < list->type_count; (*type)++) {
		if (span_is(name, list->types[*type]))
			return true;
	}
	if (!array_reserve(&list->types, &list->type_capacity, list->type_count + 1, sizeof(*list->types), e))
		return false;
	list->types[list->type_count] = span_copy(name, e);
	return list->types[list->type_count] && ++list->type_count;
}

bool block_list_add(struct block_list *list, const struct plan_block *block, struct span name, const char *type,
		    struct error *e)
{
	struct plan_block typed = *block;

	return find_type(list, span_of(type), &typed.type, e) && add_block(list, &typed, name, e);
}

/* ---- tables ---- */

enum column { COLUMN_MODULE, COLUMN_TYPE, COLUMN_BYTES, COLUMN_HAS_BIAS, COLUMN_PARAMS, COLUMN_COUNT };

static const char *const column_names[COLUMN_COUNT] = { "module", "type", "bytes", "has_bias", "params" };

static char *read_unpacked(const char *path, size_t *length, struct error *e)
{
	gzFile file = gzopen(path, "rbe");
	char *text = NULL;
	size_t capacity = 0;
	int got = 1;

	*length = 0;
	if (!file) {
		error_set(e, ERROR_MISSING, "cannot open %s: %s", path, strerror(errno ? errno : ENOMEM));
		return NULL;
	}
	while (got > 0) {
		if (*length > TABLE_BYTES_MAX) {
			error_set(e, ERROR_FORMAT, "%s: larger than %u bytes unpacked: this is no load list", path,
				  TABLE_BYTES_MAX);
			goto fail;
		}
		if (!array_reserve(&text, &capacity, *length + 65536, 1, e))
			goto fail;
		got = gzread(file, text + *length, 65536);
		if (got < 0) {
			int code;

			error_set(e, ERROR_FORMAT, "cannot read %s: %s", path, gzerror(file, &code));
			goto fail;
		}
		*length += (size_t)got;
	}
	if (gzclose(file) == Z_OK)
		return text;
	error_set(e, ERROR_FORMAT, "%s: its packed data ends too early: was the download cut off?", path);
	free(text);
	return NULL;
fail:
	gzclose(file);
	free(text);
	return NULL;
}

static bool find_columns(struct span line, size_t columns[COLUMN_COUNT], const char *path, struct error *e)
{
	struct span cell;
	size_t index = 0;

	for (size_t c = 0; c < COLUMN_COUNT; c++)
		columns[c] = SIZE_MAX;
	for (; span_next(&line, '\t', &cell); index++) {
		for (size_t c = 0; c < COLUMN_COUNT; c++) {
			if (span_is(cell, column_names[c]))
				columns[c] = index;
		}
	}
	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		if (columns[c] == SIZE_MAX)
			return error_set(e, ERROR_FORMAT, "%s: line 1: there is no column \"%s\"", path, column_names[c]);
	}
	return true;
}

static bool read_size(struct span cell, uint64_t *size)
{
	*size = 0;
	for (size_t i = 0; i < cell.length; i++) {
		if (cell.text[i] < '0' || cell.text[i] > '9' || *size > PLAN_SIZE_MAX)
			return false;
		*size = *size * 10 + (uint64_t)(cell.text[i] - '0');
	}
	return cell.length > 0 && *size <= PLAN_SIZE_MAX;
}

/* Bytes of weight and bias: scales beside them count in the load list only. */
static uint64_t weight_size(struct span params, uint64_t size)
{
	struct span param;
	bool has_weight = false;
	uint64_t scales = 0;

	while (span_next(&params, ',', &param)) {
		has_weight = has_weight || span_is(param, "weight");
		scales += span_is(param, "scale_weight");
	}
	if (!has_weight)
		return PLAN_NO_SIZE;
	return size >= 4 * scales ? size - 4 * scales : 0;
}

static bool read_row(struct block_list *list, struct span line, const size_t columns[COLUMN_COUNT], const char *path,
		     size_t number, struct error *e)
{
	struct span cells[COLUMN_COUNT] = { { .text = NULL } };
	struct plan_block block = { .name = NULL };
	struct span cell;

	for (size_t index = 0; span_next(&line, '\t', &cell); index++) {
		for (size_t c = 0; c < COLUMN_COUNT; c++) {
			if (columns[c] == index)
				cells[c] = cell;
		}
	}
	for (size_t c = 0; c < COLUMN_COUNT; c++) {
		if (!cells[c].text)
			return error_set(e, ERROR_FORMAT, "%s: line %zu: column \"%s\" is missing", path, number,
					 column_names[c]);
	}
	if (!read_size(cells[COLUMN_BYTES], &block.size_bytes))
		return error_set(e, ERROR_FORMAT, "%s: line %zu: \"%.*s\" is no size in bytes", path, number,
				 (int)(cells[COLUMN_BYTES].length < 40 ? cells[COLUMN_BYTES].length : 40),
				 cells[COLUMN_BYTES].text);
	block.weight_size_bytes = weight_size(cells[COLUMN_PARAMS], block.size_bytes);
	block.has_bias = !span_is(cells[COLUMN_HAS_BIAS], "0");
	return find_type(list, cells[COLUMN_TYPE], &block.type, e) && add_block(list, &block, cells[COLUMN_MODULE], e);
}

bool block_list_read(struct block_list *list, const char *path, struct error *e)
{
	size_t columns[COLUMN_COUNT];
	size_t length;
	size_t number = 1;
	char *text = read_unpacked(path, &length, e);
	struct span rest = { text, length };
	struct span line = { NULL, 0 };
	bool fine;

	*list = (struct block_list) { .blocks = NULL };
	if (!text)
		return false;
	span_next(&rest, '\n', &line);
	fine = find_columns(line, columns, path, e);
	while (fine && span_next(&rest, '\n', &line)) {
		number++;
		if (line.length)
			fine = read_row(list, line, columns, path, number, e);
	}
	free(text);
	if (!fine)
		block_list_free(list);
	return fine;
}

/* ---- JSON ---- */

static bool size_from_json(const json_t *value, uint64_t *size)
{
	*size = PLAN_NO_SIZE;
	if (json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > (json_int_t)PLAN_SIZE_MAX)
		return false;
	*size = (uint64_t)json_integer_value(value);
	return true;
}

static bool row_from_json(struct block_list *list, const json_t *row, size_t index, const char *where, struct error *e)
{
	const json_t *name = json_array_get(row, 0);
	const json_t *type = json_array_get(row, 1);
	struct plan_block block = { .has_bias = json_integer_value(json_array_get(row, 4)) != 0 };

	if (json_array_size(row) != 5 || !json_is_string(name) || !json_is_integer(json_array_get(row, 4)) ||
	    !json_is_integer(type) || json_integer_value(type) < 0 || (uint64_t)json_integer_value(type) >= list->type_count ||
	    !size_from_json(json_array_get(row, 2), &block.size_bytes) ||
	    !size_from_json(json_array_get(row, 3), &block.weight_size_bytes))
		return error_set(e, ERROR_FORMAT,
				 "%s: block %zu is not [name, index into types, bytes or null, weight bytes or null, 0 or 1]",
				 where, index);
	block.type = (size_t)json_integer_value(type);
	return add_block(list, &block, span_of(json_string_value(name)), e);
}

static bool types_from_json(struct block_list *list, const json_t *types, const char *where, struct error *e)
{
	for (size_t i = 0; i < json_array_size(types); i++) {
		const char *name = json_string_value(json_array_get(types, i));

		if (!name)
			return error_set(e, ERROR_FORMAT, "%s: type %zu is not a string", where, i);
		if (!array_reserve(&list->types, &list->type_capacity, list->type_count + 1, sizeof(*list->types), e))
			return false;
		list->types[list->type_count] = string_copy(name, e);
		if (!list->types[list->type_count])
			return false;
		list->type_count++;
	}
	return true;
}

bool block_list_from_json(struct block_list *list, const json_t *model, const char *where, struct error *e)
{
	json_t *types;
	json_t *blocks;
	bool fine;

	*list = (struct block_list) { .blocks = NULL };
	fine = json_get_array(model, "types", where, &types, e) && json_get_array(model, "blocks", where, &blocks, e) &&
	       types_from_json(list, types, where, e);
	for (size_t i = 0; fine && i < json_array_size(blocks); i++)
		fine = row_from_json(list, json_array_get(blocks, i), i, where, e);
	if (!fine)
		block_list_free(list);
	return fine;
}

void block_list_free(struct block_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free((char *)(uintptr_t)list->blocks[i].name);
	for (size_t i = 0; i < list->type_count; i++)
		free(list->types[i]);
	free(list->blocks);
	free(list->types);
	*list = (struct block_list) { .blocks = NULL };
}
