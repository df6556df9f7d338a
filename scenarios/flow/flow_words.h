/* flow_words.h - what flow files call kinds of models and uses of LoRAs, for the reader and the writer; the words of actions are in
 * core/workflow/action.h. */
#ifndef RESIDENCY_SCENARIOS_FLOW_WORDS_H
#define RESIDENCY_SCENARIOS_FLOW_WORDS_H

#include "scenarios/flow/flow.h"

extern const char *const flow_kind_words[3]; /* by enum model_kind */
extern const char *const flow_lora_words[4]; /* by enum lora_use */

#endif
