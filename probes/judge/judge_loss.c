/* judge_loss.c - a kept model is gone: said when it happens, not when the cell is done. */
#include <stdio.h>
#include <string.h>

#include "probes/judge/judge_state.h"

void judge_say_losses(struct judge *judge, const struct log_sink *log)
{
	judge->log = log;
}

/* "cache node 4, list loaded list": the strong ones. */
static void holders_before(const struct judge *judge, const struct judged_object *object, char *text, size_t size_bytes)
{
	size_t length = 0;

	snprintf(text, size_bytes, "no one");
	for (size_t i = 0; i < judge->before.count && length < size_bytes; i++) {
		const struct record_holder *holder = &judge->before.items[i];

		if (holder->model == object->model.model && holder->strong)
			length += (size_t)snprintf(text + length, size_bytes - length, "%s%s %s", length ? ", " : "",
						   holder->kind, holder->label);
	}
}

void judge_say_loss(const struct judge *judge, const struct judged_object *object, enum reason reason)
{
	const struct record_cell *cell = &judge->cell;
	char stage[32];
	char holders[256];
	char name[RECORD_MODEL_NAME_MAX];

	if (!judge->log)
		return;
	judge_stage_text(judge, judge->stage_count - 1, stage);
	holders_before(judge, object, holders, sizeof(holders));
	record_object_name(name, sizeof(name), object->model.name, object->model.generation);
	log_say(judge->log, LOG_ERROR, "%s/%s/%s: %s, which is to be kept, is gone at %s: %s; until then held by %s",
		cell->policy, cell->matrix, cell->flow, name, stage,
		reason == REASON_NONE ? "no reason given" : event_reason_name(reason), holders);
}
