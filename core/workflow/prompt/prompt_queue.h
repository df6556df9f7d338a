/* prompt_queue.h - the prompts that wait: a heap in Python's order, since front ends see it as it lies. Private to
 * core/workflow/prompt.
 *
 * An item is a list: number, id, prompt, extra_data, outputs. The smallest number is first; ties are broken by the id, then, as Python
 * compares tuples, by what cannot be compared. One thread.
 */
#ifndef RESIDENCY_WORKFLOW_PROMPT_QUEUE_H
#define RESIDENCY_WORKFLOW_PROMPT_QUEUE_H

#include "core/workflow/python/py.h"

enum prompt_item_place {
	PROMPT_ITEM_NUMBER,
	PROMPT_ITEM_ID,
	PROMPT_ITEM_PROMPT,
	PROMPT_ITEM_EXTRA_DATA,
	PROMPT_ITEM_OUTPUTS,
};

/* Takes the item over. False with TypeError where it has number and id of another: it is in the queue all the same. */
bool prompt_queue_push(struct py *queue, struct py *item, struct py_raised *raised);
/* The first, a reference; NULL if empty. */
struct py *prompt_queue_pop(struct py *queue);
/* Takes one item out and puts the rest in order. */
void prompt_queue_remove(struct py *queue, size_t at);

#endif
