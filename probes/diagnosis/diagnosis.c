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
	{ 7, "a dead entry was called as if it were alive", THREADS_7, FACT(STALE) | FACT(WORKER_DIED), 0 },
	{ 5, "an unload raised on the way and ended the worker: what came after it was never freed", THREADS_5,
	  FACT(LEAKED) | FACT(WORKER_DIED), 0 },
	{ 5, "an unload raised on the way and ended the worker", THREADS_5, FACT(DIED_WITH_WORKER), 0 },

	/* ---- entries that are dead inside ---- */
	{ 8, "the leak warning is true: somebody outside keeps the model after its patcher died", THREADS_8,
	  FACT(STALE) | FACT(FOREIGN_HOLDS), 0 },
	{ 8, "the leak warning is false: nobody holds the model, the next collection takes it", THREADS_8,
	  FACT(STALE) | FACT(NOBODY_HOLDS), 0 },
	{ 7, "an entry outlived its patcher and stays in the list", THREADS_7, FACT(STALE), 0 },

	/* ---- clones and LoRAs ---- */
	{ 9, "weights were patched for a clone and never taken back when its entry went", THREADS_9, FACT(STRAY), 0 },
	{ 10, "a changed LoRA made a new clone, whose load threw out the one before it", THREADS_10,
	  FACT(LOST) | FACT(IS_CLONE) | FACT(NEWER_CLONE), 0 },
	{ 11, "a model with a LoRA was unloaded for memory: its patches left the weights with it", THREADS_11,
	  FACT(LOST) | FACT(IS_CLONE) | FACT(EVICTED_BY_PRESSURE), 0 },
	{ 11, "a model with a LoRA was evicted by another's load: its patches left the weights with it", THREADS_11,
	  FACT(LOST) | FACT(IS_CLONE) | FACT(EVICTED_BY_LOAD), 0 },
	{ 9, "a clone took the base's place in the list: one model, two patchers, the weights belong to one", THREADS_9,
	  FACT(LOST) | FACT(SUPERSEDED), 0 },

	/* ---- evictions ---- */
	{ 14, "models evict each other in turn: each prompt's load throws out what the last one brought", THREADS_14,
	  FACT(LOST) | FACT(EVICTED_BY_LOAD) | FACT(EVICTED_AGAIN), 0 },
	{ 14, "a load asked for more of the device than it needs, and core's eviction knows no keep flag", THREADS_14,
	  FACT(LOST) | FACT(EVICTED_BY_LOAD), 0 },
	{ 1, "freeing moved the weights to host memory, where an anchor keeps them: nothing was released", THREADS_1,
	  FACT(LOST) | FACT(IN_HOST_MEMORY) | FACT(ANCHORS_HOLD), 0 },
	{ 3, "all memory was to be freed; the executor's caches still hold the patcher, and with it the weights", THREADS_3,
	  FACT(LOST) | FACT(FREE_CALLED) | FACT(CACHE_HOLDS), 0 },

	/* ---- unloads and requests ---- */
	{ 8, "its patcher died while somebody outside holds the model: lost to its owner, and not freed either", THREADS_8,
	  FACT(LOST) | FACT(DIED_BY_COUNT) | FACT(FOREIGN_HOLDS), 0 },
	{ 22, "every model was to be kept, and just then the unload went to core, which purges all", THREADS_22,
	  FACT(LOST) | FACT(UNLOADED_BY_CORE) | FACT(ALL_WISHED), 0 },
	{ 1, "unloading moved the weights to host memory: gone from the device, and not released either", THREADS_1,
	  FACT(LOST) | FACT(UNLOADED_BY_CORE) | FACT(IN_HOST_MEMORY), 0 },
	{ 22, "core's unload purges kept models with the others: it knows no keep flag", THREADS_22,
	  FACT(LOST) | FACT(UNLOADED_BY_CORE), 0 },
	{ 2, "anchors were cleared by a request that asked for less: the last owner of what was kept went with them", THREADS_2,
	  FACT(LOST) | FACT(ANCHORS_CLEARED), 0 },
	{ 2, "a forced clearing of the cache sets /free's flags, and their reset takes the last owner", THREADS_2,
	  FACT(LOST) | FACT(CACHE_CLEARED), 0 },
	{ 2, "a loader that is not kept set /free's flags for all: reset and collection took its kept neighbours", THREADS_2,
	  FACT(LOST) | FACT(NOT_ASKED), 0 },
	{ 2, "free_memory drops the executor's caches, the only owner of what was kept; the next collection takes it",
	  THREADS_2, FACT(LOST) | FACT(DIED_IN_GC) | FACT(ONLY_CACHE_BEFORE), 0 },
	{ 3, "only a node output in the executor's caches owned it: another workflow dropped that", THREADS_3,
	  FACT(LOST) | FACT(DROPPED_BY_WORKFLOW), 0 },
	{ 3, "only a node output in the executor's caches owned it, and it went", THREADS_3,
	  FACT(LOST) | FACT(DIED_BY_COUNT) | FACT(ONLY_CACHE_BEFORE), 0 },

	{ -1, "no node loads it: the workflow reads the model and never runs it", "", FACT(LOST) | FACT(NEVER_RESIDENT), 0 },

	/* ---- what should be gone ---- */
	{ 18, "the unload saw the current device only, and that was another loader's", THREADS_18,
	  FACT(LEAKED) | FACT(OTHER_DEVICE) | FACT(ON_DEVICE), FACT(ANCHORS_HOLD) },
	{ 3, "it was asked to go; the executor's caches still hold the node output that it is part of", THREADS_3,
	  FACT(LEAKED) | FACT(CACHE_HOLDS), FACT(ANCHORS_HOLD) },
	{ 1, "freeing moved the weights to host memory, where an anchor keeps them: nothing was released", THREADS_1,
	  FACT(LEAKED) | FACT(IN_HOST_MEMORY), 0 },
	{ 2, "nobody wished it to stay; the unload took the missing flag for a wish, and an anchor holds it", THREADS_2,
	  FACT(LEAKED) | FACT(ANCHORS_HOLD), 0 },
	{ 10, "a kept copy is there, and the loader reads the files again: it is known by its patcher only", THREADS_10,
	  FACT(DUPLICATED), 0 },

	/* ---- placement, values, memory ---- */
	{ 18, "a loader's device stayed set: a stock model after it landed there", THREADS_18,
	  FACT(MISPLACED) | FACT(STICKY_DEVICE), 0 },
	{ 16, "a trap of allocation strings: it is read as something else than was meant", THREADS_16,
	  FACT(MISPLACED) | FACT(MISREAD), 0 },
	{ 17, "the string takes a device's size for granted and puts more there than fits", THREADS_17,
	  FACT(MISPLACED) | FACT(OVER_COMMITTED), 0 },
	{ 15, "allocations are kept by type, size and tensor names: another model's was found under this one's key", THREADS_15,
	  FACT(MISPLACED) | FACT(NOT_ITS_OWN), 0 },
	{ 19, "the cards have no peer access: what waits on one is copied through main memory, at each pass", THREADS_19,
	  FACT(MISPLACED) | FACT(NO_PEER_ACCESS), 0 },
	{ 21, "somebody else moves weights at run time, against the placement", THREADS_21, FACT(MISPLACED), 0 },
	{ 21, "somebody else took the weights off the device; the list does not know", THREADS_21, FACT(DETACHED), 0 },
	{ 9, "an entry went over to another patcher of the model, and the last one's patches stayed in the weights", THREADS_9,
	  FACT(CORRUPTED) | FACT(PATCHED_FOR_ANOTHER), 0 },
	{ 20, "every model is where it should be, and the output differs: not placement but values", THREADS_20,
	  FACT(CORRUPTED) | FACT(RESIDENCY_RIGHT), 0 },
	{ 4, "a model, or its buffers, lives outside the manager: nothing that frees models can see it", THREADS_4,
	  FACT(UNATTRIBUTED), 0 },
};

const struct cause *diagnose(fact_set facts)
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
