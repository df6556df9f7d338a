/* flow_words.h - the words of flow files, for the reader and the writer. */
#ifndef RESIDENCY_SCENARIOS_FLOW_WORDS_H
#define RESIDENCY_SCENARIOS_FLOW_WORDS_H

#include "scenarios/flow/flow.h"

enum flow_takes {
	TAKES_NOTHING,
	TAKES_TAG, /* may be absent */
	TAKES_NUMBER,
	TAKES_BODY, /* of a request to free */
	TAKES_TARGET, /* a model */
	TAKES_MODELS, /* and a tag */
	TAKES_OPTIONAL_NUMBER,
	TAKES_PATCH, /* throw or none */
	TAKES_DEVICE /* and a number */
};

struct flow_word {
	const char *word;
	enum flow_takes takes;
	uint64_t least, most; /* of a number */
	const char *unit; /* of a number, for messages: "a seed" */
};

extern const struct flow_word flow_words[FLOW_ACTION_COUNT];
extern const char *const flow_kind_words[3]; /* by enum model_kind */
extern const char *const flow_lora_words[4]; /* by enum lora_use */

#endif
