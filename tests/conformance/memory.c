#include "tests/conformance/memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);

static atomic_size_t in_use;
static atomic_size_t peak;

static void *taken(void *memory)
{
	size_t now = atomic_fetch_add(&in_use, malloc_usable_size(memory)) + malloc_usable_size(memory);
	size_t before = atomic_load(&peak);

	while (now > before && !atomic_compare_exchange_weak(&peak, &before, now))
		;
	return memory;
}

static void given_back(void *memory)
{
	atomic_fetch_sub(&in_use, malloc_usable_size(memory));
}

void *__wrap_malloc(size_t size)
{
	return taken(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return taken(__real_calloc(count, size));
}

/* While it grows both pieces may exist, which is what is counted. */
void *__wrap_realloc(void *old, size_t size)
{
	size_t before = malloc_usable_size(old);
	void *memory = __real_realloc(old, size);

	if (!memory)
		return NULL;
	taken(memory);
	atomic_fetch_sub(&in_use, before);
	return memory;
}

void __wrap_free(void *memory)
{
	given_back(memory);
	__real_free(memory);
}

size_t memory_begin(void)
{
	size_t now = atomic_load(&in_use);

	atomic_store(&peak, now);
	return now;
}

size_t memory_peak(size_t at_begin)
{
	size_t most = atomic_load(&peak);

	return most > at_begin ? most - at_begin : 0;
}
