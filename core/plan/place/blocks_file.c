/* Blocks of a weights file. A known family's load list follows from its configuration. Of any other file, tensors that share a
 * module path are one block: the file does not say in which order its modules were registered, nor what they are, so names are
 * ordered as people count (block 2 before block 10), and a module's type is guessed from the shape of its weight. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/model/detect/detect.h"
#include "core/plan/place/blocks.h"
#include "core/plan/string/text.h"

struct file_block {
	struct span module;
	const struct tensor_row **tensors;
	size_t count;
};

static struct span module_of(const struct tensor_row *tensor)
{
	const char *dot = strrchr(tensor->name, '.');

	return (struct span) { tensor->name, dot ? (size_t)(dot - tensor->name) : 0 };
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at the front, without leading zeros. */
static struct span number_at(struct span text)
{
	struct span number = { text.text, 0 };

	while (number.length < text.length && is_digit(text.text[number.length]))
		number.length++;
	return number;
}

static int compare_numbers(struct span a, struct span b)
{
	if (a.length != b.length)
		return a.length < b.length ? -1 : 1;
	return memcmp(a.text, b.text, a.length);
}

/* Runs of digits by value, all else by bytes. */
static int compare_as_counted(struct span a, struct span b)
{
	while (a.length && b.length) {
		size_t step = 1;
		int order = (unsigned char)*a.text - (unsigned char)*b.text;

		if (is_digit(*a.text) && is_digit(*b.text)) {
			struct span x = number_at(a);

			order = compare_numbers(x, number_at(b));
			step = x.length;
		}
		if (order)
			return order;
		a.text += step;
		a.length -= step;
		b.text += step;
		b.length -= step;
	}
	return (a.length > b.length) - (a.length < b.length);
}

static int compare_tensors(const void *a, const void *b)
{
	const struct tensor_row *x = *(const struct tensor_row *const *)a;
	const struct tensor_row *y = *(const struct tensor_row *const *)b;
	int order = compare_as_counted(module_of(x), module_of(y));

	return order ? order : strcmp(x->name, y->name);
}

static const char *type_of_rank(size_t rank)
{
	static const char *const types[] = { "Parameter", "Norm", "Linear", "Conv1d", "Conv2d", "Conv3d" };

	return types[rank < ARRAY_SIZE(types) ? rank : 0];
}

static const char *last_name(const struct tensor_row *tensor, struct span module)
{
	return tensor->name + module.length + (module.length ? 1 : 0);
}

/* A matrix or a kernel has a bias attribute even where the bias is None; a vector has one only where it is there. */
static bool add_file_block(struct block_list *list, const struct file_block *from, struct error *e)
{
	struct plan_block block = { .size_bytes = 0 };
	uint64_t weight_bytes = 0;
	bool has_weight = false;
	const char *type = "Parameter";

	for (size_t i = 0; i < from->count; i++) {
		const struct tensor_row *tensor = from->tensors[i];
		const char *name = last_name(tensor, from->module);
		bool is_weight = strcmp(name, "weight") == 0;
		bool is_bias = strcmp(name, "bias") == 0;

		block.size_bytes += tensor->size_bytes;
		weight_bytes += is_weight || is_bias ? tensor->size_bytes : 0;
		block.has_bias = block.has_bias || is_bias || (is_weight && tensor->rank >= 2);
		has_weight = has_weight || is_weight;
		if (is_weight)
			type = type_of_rank(tensor->rank);
	}
	block.weight_size_bytes = has_weight ? weight_bytes : PLAN_NO_SIZE;
	return block_list_add(list, &block, from->module, type, e);
}

static bool add_all(struct block_list *list, const struct tensor_row **sorted, size_t count, struct error *e)
{
	for (size_t i = 0; i < count;) {
		struct file_block block = { module_of(sorted[i]), &sorted[i], 0 };

		while (i < count && span_equal(module_of(sorted[i]), block.module)) {
			block.count++;
			i++;
		}
		if (!add_file_block(list, &block, e))
			return false;
	}
	return true;
}

static bool guess(struct block_list *list, const struct tensor_table *table, struct error *e)
{
	const struct tensor_row **sorted = array_new(table->count ? table->count : 1, sizeof(const struct tensor_row *), e);
	bool fine;

	if (!sorted)
		return false;
	for (size_t i = 0; i < table->count; i++)
		sorted[i] = &table->rows[i];
	if (table->count)
		qsort(sorted, table->count, sizeof(const struct tensor_row *), compare_tensors);
	fine = add_all(list, sorted, table->count, e);
	free(sorted);
	return fine;
}

/* ---- of a known family ---- */

static bool add_detected(struct block_list *list, const struct detected *part, const struct tensor_table *table,
			 struct block_source *source, struct error *e)
{
	struct detected_match match;

	if (!detect_check(part, table, &match, e))
		return false;
	source->family = part->family;
	snprintf(source->note, sizeof(source->note), "%s", part->family->name);
	if (match.missing)
		snprintf(source->note, sizeof(source->note), "%s; %zu of its %zu tensors are missing, the first is %.200s",
			 part->family->name, match.missing, match.wanted, match.first_missing);
	return block_list_from_detected(list, part, table, e);
}

static bool add_table(struct block_list *list, const struct tensor_table *table, const char *metadata, const char *path,
		      struct block_source *source, struct error *e)
{
	struct detection found = { .count = 0 };
	bool fine = detect_file(&found, table, metadata, path, e);

	if (fine && found.count && found.parts[0].config)
		fine = add_detected(list, &found.parts[0], table, source, e);
	else if (fine)
		fine = guess(list, table, e);
	detect_free(&found);
	return fine;
}

static bool add_file(struct block_list *list, const struct weights *weights, struct block_source *source, struct error *e)
{
	struct tensor_table table = { .rows = NULL };
	char *word = detect_word(weights, e);
	bool fine = !error_is_set(e) && tensor_table_of_weights(&table, weights, e) &&
		    add_table(list, &table, word, weights->path, source, e);

	free(word);
	tensor_table_free(&table);
	return fine;
}

bool block_list_from_weights(struct block_list *list, const char *path, struct block_source *source, struct error *e)
{
	struct block_source unread;
	struct weights weights;
	bool fine;

	*list = (struct block_list) { .blocks = NULL };
	source = source ? source : &unread;
	*source = (struct block_source) { .note = "no known family: blocks by name" };
	fine = weights_open_head(&weights, path, e) && add_file(list, &weights, source, e);
	weights_close(&weights);
	if (!fine)
		block_list_free(list);
	return fine;
}
