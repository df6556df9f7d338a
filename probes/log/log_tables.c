/* Allocation tables: which devices there are, and where the blocks of the model being loaded go. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/units.h"
#include "probes/log/log_line.h"
#include "probes/log/log_state.h"

static bool is_device(const char *word, size_t length)
{
	static const char *const alone[] = { "cpu", "mps" };
	size_t letters = 0;

	for (size_t i = 0; i < ARRAY_SIZE(alone); i++) {
		if (length == strlen(alone[i]) && memcmp(word, alone[i], length) == 0)
			return true;
	}
	while (letters < length && islower((unsigned char)word[letters]))
		letters++;
	if (letters == 0 || length > 16 || letters + 1 >= length || word[letters] != ':')
		return false;
	for (size_t i = letters + 1; i < length; i++) {
		if (!isdigit((unsigned char)word[i]))
			return false;
	}
	return true;
}

int32_t log_device_index(struct log_import *import, const char *word, size_t length)
{
	struct log_device *device = &import->devices[import->device_count];

	if (!is_device(word, length))
		return -1;
	for (size_t i = 0; i < import->device_count; i++) {
		if (strlen(import->devices[i].name) == length && memcmp(import->devices[i].name, word, length) == 0)
			return (int32_t)i;
	}
	if (import->device_count == LOG_DEVICES_MAX)
		return -1;
	*device = (struct log_device) { .capacity_bytes = UNKNOWN_U64 };
	memcpy(device->name, word, length);
	import->memory_bytes[import->device_count] = UNKNOWN_U64;
	return (int32_t)import->device_count++;
}

static uint64_t bytes_of(double value, uint64_t unit_bytes)
{
	double size_bytes = value * (double)unit_bytes;

	return size_bytes < 0 || size_bytes > 1e18 ? 0 : (uint64_t)llround(size_bytes);
}

void log_table_begin(struct log_import *import, const char *title, const char *text)
{
	static const struct {
		const char *title;
		enum log_table table;
	} tables[] = {
		{ .title = "Virtual VRAM Analysis", .table = TABLE_VIRTUAL },
		{ .title = "Device Allocations", .table = TABLE_DEVICES },
		{ .title = "Layer Distribution", .table = TABLE_LAYERS },
		{ .title = "Final Device/Layer Assignments", .table = TABLE_PLACES },
	};

	log_table_end(import);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		if (strcmp(title, tables[i].title) == 0)
			import->table = tables[i].table;
	}
	if (import->table == TABLE_NONE)
		log_complain(import, "a table with an unknown title", text);
	else
		import->summary.tables++;
}

void log_table_header(struct log_import *import, const char *text)
{
	if (import->table == TABLE_DEVICES && strstr(text, "Alloc %"))
		import->table = TABLE_DEVICES_V1;
}

/* "cuda:0   recip  23.56GB  23.58GB  +0.02GB", and the model's own row. */
static bool take_virtual(struct log_import *import, const char *word, size_t length, const char *rest)
{
	size_t role_length;
	double original;
	int32_t device;

	rest += strspn(rest, " ");
	role_length = strcspn(rest, " ");
	if (!log_line_number(rest + role_length, &original))
		return false;
	if (length == 5 && memcmp(word, "model", 5) == 0)
		return true; /* its bytes stand exactly in the last table */
	device = log_device_index(import, word, length);
	if (device >= 0)
		import->devices[device].capacity_bytes = bytes_of(original, GIB);
	return device >= 0;
}

/* "cuda:0  23.56  0.2%  0.04  69.3%"; of the older engine "cuda:0  0%  23.56  0.04". */
static bool take_device(struct log_import *import, const char *word, size_t length, const char *rest)
{
	double numbers[2];
	int32_t device;

	rest = log_line_number(rest, &numbers[0]);
	if (!rest || !log_line_number(rest, &numbers[1]))
		return false;
	device = log_device_index(import, word, length);
	if (device >= 0)
		import->devices[device].capacity_bytes = bytes_of(numbers[import->table == TABLE_DEVICES_V1], GIB);
	return device >= 0;
}

/* "cuda:0 (<0.01%)  13  0.05  0.1%" and "cuda:0  20  46.99  73.3%": the tiny blocks of the first row are not in the second. */
static bool take_place(struct log_import *import, const char *word, size_t length, const char *rest)
{
	double blocks;
	double size;
	double percent;
	int32_t device;

	rest += strspn(rest, " ");
	if (*rest == '(')
		rest += strcspn(rest, ")") + (strchr(rest, ')') != NULL);
	if (!(rest = log_line_number(rest, &blocks)) || !(rest = log_line_number(rest, &size)) ||
	    !log_line_number(rest, &percent))
		return false;
	device = log_device_index(import, word, length);
	if (device < 0 || blocks < 0 || blocks > 1e6 || import->row_count == LOG_ROWS_MAX)
		return false;
	for (size_t i = 0; i < import->row_count; i++) {
		if (import->rows[i].device == (uint32_t)device) {
			import->rows[i].blocks += (uint32_t)blocks;
			import->rows[i].size_bytes += bytes_of(size, MIB);
			return true;
		}
	}
	import->rows[import->row_count++] = (struct placed_row) { .device = (uint32_t)device,
								  .blocks = (uint32_t)blocks,
								  .size_bytes = bytes_of(size, MIB) };
	return true;
}

static bool take_row(struct log_import *import, const char *word, size_t length, const char *rest)
{
	switch (import->table) {
	case TABLE_VIRTUAL:
		return take_virtual(import, word, length, rest);
	case TABLE_DEVICES:
	case TABLE_DEVICES_V1:
		return take_device(import, word, length, rest);
	case TABLE_PLACES:
		return take_place(import, word, length, rest);
	default:
		return false;
	}
}

/* A kind of layer, its count and bytes: known, and not recorded. */
static bool is_layer_row(const char *rest)
{
	double number;

	for (unsigned i = 0; i < 3; i++) {
		rest = log_line_number(rest, &number);
		if (!rest)
			return false;
	}
	return true;
}

bool log_table_row(struct log_import *import, const char *text)
{
	size_t length;

	text += strspn(text, " ");
	length = strcspn(text, " ");
	if (import->table == TABLE_NONE || length == 0)
		return false;
	if (import->table == TABLE_LAYERS)
		return is_layer_row(text + length);
	if (take_row(import, text, length, text + length))
		return true;
	if (!is_device(text, length))
		return false; /* another line: tables have no end of their own */
	log_complain(import, "a row of an allocation table that does not fit its columns", text);
	return true;
}

/* The last table of a load says where its blocks are. */
void log_table_end(struct log_import *import)
{
	struct log_model *model;

	if (import->table != TABLE_PLACES || import->row_count == 0) {
		import->table = TABLE_NONE;
		return;
	}
	import->table = TABLE_NONE;
	log_cell_prompt(import);
	model = log_cell_loading(import);
	if (model) {
		memcpy(model->rows, import->rows, sizeof(model->rows));
		model->row_count = import->row_count;
		memcpy(model->allocation, import->allocation, sizeof(model->allocation));
		model->is_placed_again = model->is_distributed = true;
		model->size_bytes = 0;
		for (size_t i = 0; i < model->row_count; i++)
			model->size_bytes += model->rows[i].size_bytes;
		if (!import->loading[0]) { /* with a hash, the point after the load says it */
			log_cell_loaded(import, model);
			import->requested[0] = '\0';
		}
	}
	import->row_count = 0;
	import->allocation[0] = '\0';
}
