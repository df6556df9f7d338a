/* arena.h - memory that is freed at once: many small pieces that live as long as one piece of work.
 *
 * The owner sets `escape` with setjmp before the first call; where memory runs out, arena_take jumps there instead of returning, so
 * that code that builds trees need not check every piece. What is not in the arena must not be acquired between setjmp and the end
 * of the work.
 *
 *	struct arena arena = { .blocks = NULL };
 *
 *	if (setjmp(arena.escape) == 0)
 *		result = build(&arena);
 *	else
 *		error_no_memory(e);
 *	arena_free(&arena);
 *
 * Sizes are in bytes. An arena belongs to one thread.
 */
#ifndef RESIDENCY_BASE_ARENA_H
#define RESIDENCY_BASE_ARENA_H

#include <setjmp.h>
#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* the newest first */
	jmp_buf escape;
};

/* size_bytes of zeros, aligned for any type. Never NULL. */
void *arena_take(struct arena *arena, size_t size_bytes);

/* Makes room for `needed` items in *(T **)pointer, as array_reserve does; the old items stay in the arena until it is freed. */
void arena_reserve(struct arena *arena, void *pointer, size_t *capacity, size_t needed, size_t item_size_bytes);

/* A copy with a NUL after it. */
char *arena_copy(struct arena *arena, const char *text, size_t length);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *arena, const char *format, ...);

/* A text that grows in an arena. */
struct arena_text {
	struct arena *arena;
	char *text;
	size_t length, capacity;
};

void arena_append_n(struct arena_text *out, const char *text, size_t length);
void arena_append(struct arena_text *out, const char *text);
void arena_append_char(struct arena_text *out, char c);
/* The text so far, "" at first. */
const char *arena_text(const struct arena_text *out);

/* Frees all pieces. The arena can be used again. */
void arena_free(struct arena *arena);

#endif
