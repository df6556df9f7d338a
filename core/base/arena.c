/* arena.c - blocks of memory cut into pieces, in a list from the newest to the oldest.
 *
 * A piece is taken from the end of the newest block; where it does not fit, a new block is made, as large as the piece where that is
 * larger than a block. Nothing is freed alone.
 */
#include "core/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE_BYTES 65536 /* a workflow of a hundred nodes takes a few */

struct arena_block {
	struct arena_block *older;
	size_t used, size_bytes;
	_Alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *block_new(struct arena *arena, size_t size_bytes)
{
	struct arena_block *block;

	if (size_bytes < BLOCK_SIZE_BYTES)
		size_bytes = BLOCK_SIZE_BYTES;
	block = size_bytes < SIZE_MAX / 2 ? calloc(1, sizeof(*block) + size_bytes) : NULL;
	if (!block)
		longjmp(arena->escape, 1);
	block->size_bytes = size_bytes;
	block->older = arena->blocks;
	arena->blocks = block;
	return block;
}

void *arena_take(struct arena *arena, size_t size_bytes)
{
	const size_t unit = _Alignof(max_align_t);
	struct arena_block *block = arena->blocks;
	void *piece;

	if (size_bytes > SIZE_MAX / 2)
		longjmp(arena->escape, 1);
	size_bytes = (size_bytes + unit - 1) / unit * unit;
	if (!block || block->size_bytes - block->used < size_bytes)
		block = block_new(arena, size_bytes);
	piece = block->bytes + block->used;
	block->used += size_bytes;
	return piece;
}

void arena_reserve(struct arena *arena, void *pointer, size_t *capacity, size_t needed, size_t item_size_bytes)
{
	size_t wanted = *capacity ? *capacity : 4;
	void *old;
	void *grown;
	size_t size_bytes;

	if (needed <= *capacity)
		return;
	while (wanted < needed)
		wanted *= 2;
	if (__builtin_mul_overflow(wanted, item_size_bytes, &size_bytes))
		longjmp(arena->escape, 1);
	memcpy(&old, pointer, sizeof(old));
	grown = arena_take(arena, size_bytes);
	if (old)
		memcpy(grown, old, *capacity * item_size_bytes);
	memcpy(pointer, &grown, sizeof(grown));
	*capacity = wanted;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_take(arena, length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	va_list again;
	int length;
	char *text;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	text = arena_take(arena, (size_t)(length < 0 ? 0 : length) + 1);
	vsnprintf(text, (size_t)(length < 0 ? 0 : length) + 1, format, again);
	va_end(again);
	return text;
}

void arena_append_n(struct arena_text *out, const char *text, size_t length)
{
	arena_reserve(out->arena, &out->text, &out->capacity, out->length + length + 1, 1);
	memcpy(out->text + out->length, text, length);
	out->length += length;
	out->text[out->length] = '\0';
}

void arena_append(struct arena_text *out, const char *text)
{
	arena_append_n(out, text, strlen(text));
}

void arena_append_char(struct arena_text *out, char c)
{
	arena_append_n(out, &c, 1);
}

const char *arena_text(const struct arena_text *out)
{
	return out->text ? out->text : "";
}

void arena_free(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;

		arena->blocks = block->older;
		free(block);
	}
}
