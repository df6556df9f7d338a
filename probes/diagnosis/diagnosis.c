/* diagnosis.c - the table of causes, and the search through it.
 *
 * The facts of a finding are a bit set. A row fits when all bits of `needs` are there and none of `excludes`; the
 * first row that fits wins, so special rows stand before general ones. diagnosis_why names the facts that the row
 * needed, in the words of the X-macro.
 */
#include "probes/diagnosis/diagnosis.h"

#include <stdio.h>
#include <string.h>

#include "core/base/array.h"

static const struct {
	const char *code, *words;
} facts_known[FACT_COUNT] = {
#define FACT_ROW(name, code, words) { code, words },
	FACTS(FACT_ROW)
#undef FACT_ROW
};

_Static_assert(FACT_COUNT <= 64, "facts are bits of one number");

/* Threads by class, as the list of failure classes has them. */
#define THREADS_1 "CC#6705, CC#6830, MG#69"
#define THREADS_2 "ComfyUI-Manager PR#606, CC#4217"
#define THREADS_3 "CC#4655, Impact-Pack#1138"
#define THREADS_4 "Mflux-ComfyUI#28, VibeVoice#2"
#define THREADS_5 "HiDream-Sampler#54"
#define THREADS_7 "CC PR#14535"
#define THREADS_8 "CC PR#16099, CC PR#16098"
#define THREADS_9 "CC PR#2564, raylight PR#81"
#define THREADS_10 "MG#193, CC#5714, ComfyUI-GGUF PR#92"
#define THREADS_11 "HunyuanVideoWrapper#303"
#define THREADS_14 "MG#155"
#define THREADS_15 "MG#79"
#define THREADS_16 "MG#93, MG#85"
#define THREADS_17 "MG#98"
#define THREADS_18 "MG#104, MG#64, MG#34, MG#119, MG#204"
#define THREADS_19 "MG#177, MG#211, MG#213"
#define THREADS_20 "MG#148, MG#185"
#define THREADS_21 "MG#202, MG#191, MG#186, MG#178, MG#184, CC#13792"
#define THREADS_22 "CC PR#11845, CC#14076, CC#14618"

/* The first row that fits is the likely cause, so what is special comes before what is general. */
static const struct cause causes[] = {
	/* ---- the worker is gone ---- */
	{ .failure_class = 7,
	  .text = "a dead entry was called as if it were alive",
	  .threads = THREADS_7,
	  .needs = FACT(STALE) | FACT(WORKER_DIED) },
	{ .failure_class = 5,
	  .text = "an unload raised on the way and ended the worker: what came after it was never freed",
	  .threads = THREADS_5,
	  .needs = FACT(LEAKED) | FACT(WORKER_DIED) },
	{ .failure_class = 5,
	  .text = "an unload raised on the way and ended the worker",
	  .threads = THREADS_5,
	  .needs = FACT(DIED_WITH_WORKER) },

	/* ---- entries that are dead inside ---- */
	{ .failure_class = 8,
	  .text = "the leak warning is true: something outside keeps the model after its patcher died",
	  .threads = THREADS_8,
	  .needs = FACT(STALE) | FACT(FOREIGN_HOLDS) },
	{ .failure_class = 8,
	  .text = "the leak warning is false: nothing holds the model, the next collection frees it",
	  .threads = THREADS_8,
	  .needs = FACT(STALE) | FACT(NO_HOLDER) },
	{ .failure_class = 7,
	  .text = "an entry outlived its patcher and stays in the list",
	  .threads = THREADS_7,
	  .needs = FACT(STALE) },

	/* ---- clones and LoRAs ---- */
	{ .failure_class = 9,
	  .text = "weights were patched for a clone and never taken back when its entry went",
	  .threads = THREADS_9,
	  .needs = FACT(STRAY) },
	{ .failure_class = 10,
	  .text = "a changed LoRA made a new clone, whose load threw out the one before it",
	  .threads = THREADS_10,
	  .needs = FACT(LOST) | FACT(IS_CLONE) | FACT(NEWER_CLONE) },
	{ .failure_class = 11,
	  .text = "a model with a LoRA was unloaded for memory: its patches left the weights with it",
	  .threads = THREADS_11,
	  .needs = FACT(LOST) | FACT(IS_CLONE) | FACT(EVICTED_BY_PRESSURE) },
	{ .failure_class = 11,
	  .text = "a model with a LoRA was evicted by another's load: its patches left the weights with it",
	  .threads = THREADS_11,
	  .needs = FACT(LOST) | FACT(IS_CLONE) | FACT(EVICTED_BY_LOAD) },
	{ .failure_class = 9,
	  .text = "a clone took the base's place in the list: one model, two patchers, the weights belong to one",
	  .threads = THREADS_9,
	  .needs = FACT(LOST) | FACT(SUPERSEDED) },

	/* ---- evictions ---- */
	{ .failure_class = 14,
	  .text = "models evict each other in turn: each prompt's load throws out what the last one brought",
	  .threads = THREADS_14,
	  .needs = FACT(LOST) | FACT(EVICTED_BY_LOAD) | FACT(EVICTED_AGAIN) },
	{ .failure_class = 14,
	  .text = "a load asked for more of the device than it needs, and core's eviction knows no keep flag",
	  .threads = THREADS_14,
	  .needs = FACT(LOST) | FACT(EVICTED_BY_LOAD) },
	{ .failure_class = 1,
	  .text = "freeing moved the weights to host memory, where an anchor keeps them: nothing was released",
	  .threads = THREADS_1,
	  .needs = FACT(LOST) | FACT(IN_HOST_MEMORY) | FACT(ANCHORS_HOLD) },
	{ .failure_class = 3,
	  .text = "all memory was to be freed; the executor's caches still hold the patcher, and with it the weights",
	  .threads = THREADS_3,
	  .needs = FACT(LOST) | FACT(FREE_CALLED) | FACT(CACHE_HOLDS) },

	/* ---- unloads and requests ---- */
	{ .failure_class = 8,
	  .text = "its patcher died while something outside holds the model: lost to its owner, and not freed either",
	  .threads = THREADS_8,
	  .needs = FACT(LOST) | FACT(DIED_BY_COUNT) | FACT(FOREIGN_HOLDS) },
	{ .failure_class = 22,
	  .text = "every model was to be kept, and just then the unload went to core, which purges all",
	  .threads = THREADS_22,
	  .needs = FACT(LOST) | FACT(UNLOADED_BY_CORE) | FACT(ALL_KEPT) },
	{ .failure_class = 1,
	  .text = "unloading moved the weights to host memory: gone from the device, and not released either",
	  .threads = THREADS_1,
	  .needs = FACT(LOST) | FACT(UNLOADED_BY_CORE) | FACT(IN_HOST_MEMORY) },
	{ .failure_class = 22,
	  .text = "core's unload purges kept models with the others: it knows no keep flag",
	  .threads = THREADS_22,
	  .needs = FACT(LOST) | FACT(UNLOADED_BY_CORE) },
	{ .failure_class = 2,
	  .text = "anchors were cleared by a request that asked for less: the last owner of what was kept went with them",
	  .threads = THREADS_2,
	  .needs = FACT(LOST) | FACT(ANCHORS_CLEARED) },
	{ .failure_class = 2,
	  .text = "a forced clearing of the cache sets /free's flags, and their reset takes the last owner",
	  .threads = THREADS_2,
	  .needs = FACT(LOST) | FACT(CACHE_CLEARED) },
	{ .failure_class = 2,
	  .text = "a loader that is not kept set /free's flags for all: reset and collection took its kept neighbours",
	  .threads = THREADS_2,
	  .needs = FACT(LOST) | FACT(NOT_ASKED) },
	{ .failure_class = 2,
	  .text = "free_memory drops the executor's caches, the only owner of what was kept; the next collection takes it",
	  .threads = THREADS_2,
	  .needs = FACT(LOST) | FACT(DIED_IN_GC) | FACT(ONLY_CACHE_BEFORE) },
	{ .failure_class = 3,
	  .text = "only a node output in the executor's caches owned it: another workflow dropped that",
	  .threads = THREADS_3,
	  .needs = FACT(LOST) | FACT(DROPPED_BY_WORKFLOW) },
	{ .failure_class = 3,
	  .text = "only a node output in the executor's caches owned it, and it went",
	  .threads = THREADS_3,
	  .needs = FACT(LOST) | FACT(DIED_BY_COUNT) | FACT(ONLY_CACHE_BEFORE) },

	{ .failure_class = -1,
	  .text = "no node loads it: the workflow reads the model and never runs it",
	  .threads = "",
	  .needs = FACT(LOST) | FACT(NEVER_RESIDENT) },

	/* ---- what should be gone ---- */
	{ .failure_class = 18,
	  .text = "the unload saw the current device only, and that was another loader's",
	  .threads = THREADS_18,
	  .needs = FACT(LEAKED) | FACT(OTHER_DEVICE) | FACT(ON_DEVICE),
	  .excludes = FACT(ANCHORS_HOLD) },
	{ .failure_class = 3,
	  .text = "it was asked to go; the executor's caches still hold the node output that it is part of",
	  .threads = THREADS_3,
	  .needs = FACT(LEAKED) | FACT(CACHE_HOLDS),
	  .excludes = FACT(ANCHORS_HOLD) },
	{ .failure_class = 1,
	  .text = "freeing moved the weights to host memory, where an anchor keeps them: nothing was released",
	  .threads = THREADS_1,
	  .needs = FACT(LEAKED) | FACT(IN_HOST_MEMORY) },
	{ .failure_class = 2,
	  .text = "it was not to be kept; the unload took the missing flag for one, and an anchor holds it",
	  .threads = THREADS_2,
	  .needs = FACT(LEAKED) | FACT(ANCHORS_HOLD) },
	{ .failure_class = 10,
	  .text = "a kept copy is there, and the loader reads the files again: it is known by its patcher only",
	  .threads = THREADS_10,
	  .needs = FACT(DUPLICATED) },

	/* ---- placement, values, memory ---- */
	{ .failure_class = 18,
	  .text = "a loader's device stayed set: a stock model after it landed there",
	  .threads = THREADS_18,
	  .needs = FACT(MISPLACED) | FACT(STICKY_DEVICE) },
	{ .failure_class = 16,
	  .text = "a trap of allocation strings: it is read as something else than was meant",
	  .threads = THREADS_16,
	  .needs = FACT(MISPLACED) | FACT(MISREAD) },
	{ .failure_class = 17,
	  .text = "the string takes a device's size for granted and puts more there than fits",
	  .threads = THREADS_17,
	  .needs = FACT(MISPLACED) | FACT(OVER_COMMITTED) },
	{ .failure_class = 15,
	  .text = "allocations are kept by type, size and tensor names: another model's was found under this one's key",
	  .threads = THREADS_15,
	  .needs = FACT(MISPLACED) | FACT(NOT_ITS_OWN) },
	{ .failure_class = 19,
	  .text = "the cards have no peer access: what waits on one is copied through main memory, at each pass",
	  .threads = THREADS_19,
	  .needs = FACT(MISPLACED) | FACT(NO_PEER_ACCESS) },
	{ .failure_class = 21,
	  .text = "another component moves weights at run time, against the placement",
	  .threads = THREADS_21,
	  .needs = FACT(MISPLACED) },
	{ .failure_class = 21,
	  .text = "another component took the weights off the device; the list does not know",
	  .threads = THREADS_21,
	  .needs = FACT(DETACHED) },
	{ .failure_class = 9,
	  .text = "an entry went over to another patcher of the model, and the last one's patches stayed in the weights",
	  .threads = THREADS_9,
	  .needs = FACT(CORRUPTED) | FACT(PATCHED_FOR_ANOTHER) },
	{ .failure_class = 20,
	  .text = "every model is where it should be, and the output differs: not placement but values",
	  .threads = THREADS_20,
	  .needs = FACT(CORRUPTED) | FACT(RESIDENCY_RIGHT) },
	{ .failure_class = 4,
	  .text = "a model, or its buffers, lives outside the manager: nothing that frees models can see it",
	  .threads = THREADS_4,
	  .needs = FACT(UNATTRIBUTED) },
};

const struct cause *diagnosis_of(fact_set facts)
{
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++) {
		if ((facts & causes[i].needs) == causes[i].needs && !(facts & causes[i].excludes))
			return &causes[i];
	}
	return NULL;
}

const struct cause *diagnosis_row(size_t index)
{
	return index < ARRAY_SIZE(causes) ? &causes[index] : NULL;
}

/* Appends separator and piece where both fit. */
static void join(char *text, size_t size_bytes, const char *separator, const char *piece)
{
	size_t length = strlen(text);
	const char *between = length ? separator : "";

	if (length + strlen(between) + strlen(piece) < size_bytes)
		snprintf(text + length, size_bytes - length, "%s%s", between, piece);
}

static bool holds(fact_set facts, size_t index)
{
	return facts >> index & 1;
}

void diagnosis_facts_text(fact_set facts, char *text, size_t size_bytes)
{
	text[0] = '\0';
	for (size_t i = 0; i < FACT_COUNT; i++) {
		if (holds(facts, i))
			join(text, size_bytes, " ", facts_known[i].code);
	}
}

fact_set diagnosis_facts_parse(const char *text)
{
	fact_set facts = 0;

	while (*text) {
		size_t length = strcspn(text, " ");

		for (size_t i = 0; i < FACT_COUNT; i++) {
			if (strlen(facts_known[i].code) == length && strncmp(facts_known[i].code, text, length) == 0)
				facts |= (fact_set)1 << i;
		}
		text += length + (text[length] == ' ');
	}
	return facts;
}

/* What was found goes without saying where anything else decided, too. */
void diagnosis_why(const struct cause *cause, char *text, size_t size_bytes)
{
	fact_set found = FACT(UNLOADED_BY_CORE) - 1; /* the facts before the first of another kind */
	fact_set told = cause->needs & ~found ? cause->needs & ~found : cause->needs;

	text[0] = '\0';
	for (size_t i = 0; i < FACT_COUNT; i++) {
		if (holds(told, i))
			join(text, size_bytes, "; ", facts_known[i].words);
	}
}
