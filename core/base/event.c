/* event.c - the words for stages and reasons, made from the lists in event.h. A name is looked for from the list's start: a list is
 * a dozen words, and names are read once a line of a live server. An unknown name is no error here; the caller says what it was in.
 */
#include "core/base/event.h"

#include "core/base/words.h"

WORDS_NAME(event_stage_name, enum stage, STAGES)
WORDS_FROM_NAME(event_stage_from_name, enum stage, STAGES)
WORDS_NAME(event_reason_name, enum reason, REASONS)
WORDS_FROM_NAME(event_reason_from_name, enum reason, REASONS)
