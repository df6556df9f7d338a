#include "core/base/array.h"

#include <stdlib.h>
#include <string.h>

bool array_reserve(void *pointer, size_t *capacity, size_t needed, size_t item_size_bytes, struct error *e)
{
	size_t wanted;
	size_t size_bytes;
	void *old;
	void *grown;

	if (needed <= *capacity)
		return true;
	wanted = *capacity ? *capacity : 8;
	while (wanted < needed)
		wanted = wanted > SIZE_MAX / 2 ? needed : wanted * 2;
	if (__builtin_mul_overflow(wanted, item_size_bytes, &size_bytes))
		return error_no_memory(e);
	memcpy(&old, pointer, sizeof(old));
	grown = realloc(old, size_bytes);
	if (!grown)
		return error_no_memory(e);
	memcpy(pointer, &grown, sizeof(grown));
	*capacity = wanted;
	return true;
}

void *array_new(size_t count, size_t item_size_bytes, struct error *e)
{
	void *memory = calloc(count ? count : 1, item_size_bytes);

	if (!memory)
		error_no_memory(e);
	return memory;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *array_repeated_text(const char **texts, size_t count)
{
	if (count)
		qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(texts[i - 1], texts[i]) == 0)
			return texts[i];
	}
	return NULL;
}
