#include "tests/conformance/retention_table.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/conformance/part.h"

/* Takes one field out of *at and ends it; returns it. *more says whether another follows on the line. */
static char *take_field(char **at, bool *more)
{
	char *from = *at;
	char *to = from;
	char *start = from;

	if (*from == '"') {
		for (from++; *from; from++) {
			if (*from == '"' && *++from != '"')
				break;
			*to++ = *from;
		}
	} else {
		while (*from && *from != ',' && *from != '\n' && *from != '\r')
			*to++ = *from++;
	}
	*more = *from == ',';
	while (*from == '\r')
		from++;
	if (*from)
		from++;
	*to = '\0';
	*at = from;
	return start;
}

static bool take_row(struct table *table, char **at, bool is_header, struct error *e)
{
	struct table_row row = { .fields = { NULL } };
	size_t count = 0;
	bool more = true;

	while (more) {
		char *field = take_field(at, &more);

		if (count + 1 < COLUMNS_MAX)
			row.fields[count++] = field;
	}
	if (is_header)
		return true;
	if (!array_reserve(&table->rows, &table->row_capacity, table->row_count + 1, sizeof(row), e))
		return false;
	table->rows[table->row_count++] = row;
	return true;
}

bool table_read(struct table *table, const char *folder, const char *name, size_t least_columns, struct error *e)
{
	size_t length;
	char *at;
	bool is_header = true;

	*table = (struct table) { .text = part_read(folder, name, &length, e) };
	if (!table->text)
		return false;
	for (at = table->text; *at; is_header = false) {
		if (!take_row(table, &at, is_header, e))
			return false;
	}
	for (size_t i = 0; i < table->row_count; i++) {
		if (!table->rows[i].fields[least_columns - 1])
			return error_set(e, ERROR_FORMAT, "%s/%s: row %zu has too few fields", folder, name, i + 2);
	}
	return true;
}

void table_free(struct table *table)
{
	free(table->rows);
	free(table->text);
	*table = (struct table) { .text = NULL };
}

bool table_same_run(const struct table_row *a, const struct table_row *b)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (strcmp(a->fields[i], b->fields[i]) != 0)
			return false;
	}
	return true;
}

size_t table_run_length(const struct table *table, size_t first)
{
	size_t count = 1;

	while (first + count < table->row_count && table_same_run(&table->rows[first], &table->rows[first + count]))
		count++;
	return count;
}
