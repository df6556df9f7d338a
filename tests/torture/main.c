/* main.c - torture-ROOM [--long] [PIECE]: every allocation of the room's pieces fails once.
 *
 * A first run makes what a library makes once and keeps; a second counts the allocations; then each run makes one of them fail.
 * Without --long it strides, so that a piece takes two seconds: the pieces of all rooms together take under a minute. */
#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "tests/torture/torture.h"

extern const struct torture_piece *const __start_torture_pieces[];
extern const struct torture_piece *const __stop_torture_pieces[];

#define PIECE_BUDGET_NS (2 * NS_PER_S)

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
json_t *__real_json_loadb(const char *text, size_t length, size_t flags, json_error_t *fault);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
void __wrap_free(void *memory);
json_t *__wrap_json_loadb(const char *text, size_t length, size_t flags, json_error_t *fault);

/* The writer's thread allocates too, so these are atomic. */
static atomic_long calls; /* allocations since the piece began */
static atomic_long fail_at = -1; /* the one that fails, from 0 */
static atomic_long outstanding; /* allocated and not freed */

static bool fails_now(void)
{
	return atomic_fetch_add(&calls, 1) == atomic_load(&fail_at);
}

static void *count_taken(void *memory)
{
	if (memory)
		atomic_fetch_add(&outstanding, 1);
	return memory;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : count_taken(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : count_taken(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
	if (fails_now())
		return NULL;
	return old ? __real_realloc(old, size) : count_taken(__real_realloc(NULL, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails_now() ? NULL : count_taken(__real_aligned_alloc(alignment, size));
}

char *__wrap_strndup(const char *text, size_t length)
{
	size_t size = strnlen(text, length);
	char *copy = __wrap_malloc(size + 1);

	if (copy) {
		memcpy(copy, text, size);
		copy[size] = '\0';
	}
	return copy;
}

char *__wrap_strdup(const char *text)
{
	return __wrap_strndup(text, SIZE_MAX);
}

void __wrap_free(void *memory)
{
	if (memory)
		atomic_fetch_sub(&outstanding, 1);
	__real_free(memory);
}

/* jansson's lexer does not look whether its buffer grew (2.14: an assertion in lex_scan_string, or a write past it), so its
 * parser fails as a whole, once, as if it were one allocation, and in it none fails. */
json_t *__wrap_json_loadb(const char *text, size_t length, size_t flags, json_error_t *fault)
{
	long held = atomic_load(&fail_at);
	long counted;
	json_t *value;

	if (fails_now()) {
		snprintf(fault->text, sizeof(fault->text), "out of memory");
		fault->text[JSON_ERROR_TEXT_LENGTH - 1] = (char)json_error_out_of_memory;
		return NULL;
	}
	counted = atomic_load(&calls);
	atomic_store(&fail_at, -1);
	value = __real_json_loadb(text, length, flags, fault);
	atomic_store(&fail_at, held);
	atomic_store(&calls, counted);
	return value;
}

bool torture_bug(struct error *e, const char *format, ...)
{
	va_list arguments;

	error_clear(e);
	va_start(arguments, format);
	error_set_v(e, ERROR_BUG, format, arguments);
	va_end(arguments);
	return false;
}

/* Runs the piece with allocation `index` failing. false, and said why, if that went wrong. */
static bool run_once(const struct torture_piece *piece, long index, size_t *told_otherwise)
{
	struct error e = ERROR_INIT;
	long before = atomic_load(&outstanding);
	bool fine;
	long kept;

	atomic_store(&calls, 0);
	atomic_store(&fail_at, index);
	fine = piece->run(&e);
	atomic_store(&fail_at, -1);
	kept = atomic_load(&outstanding) - before;
	if (kept != 0) {
		printf("  %s, allocation %ld: %ld allocations not freed\n", piece->name, index, kept);
		return false;
	}
	if (fine && error_is_set(&e)) {
		printf("  %s, allocation %ld: succeeded with an error set: %s\n", piece->name, index, e.text);
		return false;
	}
	if (!fine && !error_is_set(&e)) {
		printf("  %s, allocation %ld: failed without an error\n", piece->name, index);
		return false;
	}
	if (!fine && e.kind == ERROR_BUG) {
		printf("  %s, allocation %ld: %s\n", piece->name, index, e.text);
		return false;
	}
	*told_otherwise += !fine && e.kind != ERROR_MEMORY;
	return true;
}

/* Number of failures. */
static size_t torture(const struct torture_piece *piece, uint64_t budget_ns)
{
	struct error e = ERROR_INIT;
	uint64_t started;
	uint64_t once_ns;
	long count;
	long stride = 1;
	size_t failed = 0;
	size_t otherwise = 0; /* jansson takes some failed allocations for bad input; the error is then of that kind */
	size_t runs = 0;

	piece->run(NULL); /* what is made once and kept (a library's own tables) is made now */
	atomic_store(&calls, 0);
	started = clock_now_ns();
	if (!piece->run(&e)) {
		printf("%s: fails on its own: %s\n", piece->name, e.text);
		return 1;
	}
	once_ns = clock_now_ns() - started + 1;
	count = atomic_load(&calls);
	if (budget_ns && (uint64_t)count * once_ns > budget_ns)
		stride = (long)((uint64_t)count * once_ns / budget_ns) + 1;
	for (long i = 0; i < count && failed < 5; i += stride, runs++)
		failed += !run_once(piece, i, &otherwise);
	printf("%s: %ld allocations, stride %ld, %zu failed one by one: %zu faults\n", piece->name, count, stride, runs,
	       failed);
	fflush(stdout);
	return failed;
}

int main(int argc, char **argv)
{
	const char *wanted = NULL;
	bool whole = false;
	size_t pieces = 0;
	size_t failed = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--long") == 0)
			whole = true;
		else
			wanted = argv[i];
	}
	json_set_alloc_funcs(__wrap_malloc, __wrap_free);
	for (const struct torture_piece *const *piece = __start_torture_pieces; piece != __stop_torture_pieces; piece++)
		pieces += !wanted || strcmp(wanted, (*piece)->name) == 0;
	if (!pieces) {
		fprintf(stderr, "torture: no piece is called %s\n", wanted ? wanted : "anything");
		return 2;
	}
	for (const struct torture_piece *const *piece = __start_torture_pieces; piece != __stop_torture_pieces; piece++) {
		if (!wanted || strcmp(wanted, (*piece)->name) == 0)
			failed += torture(*piece, whole ? 0 : PIECE_BUDGET_NS);
	}
	return failed ? 1 : 0;
}
