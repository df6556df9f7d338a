/* executor_prompts.h - prompts and questions that the queue's rows need. Private to tests/conformance.
 *
 * Whatever gives a value gives it to its caller. One thread.
 */
#ifndef RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_PROMPTS_H
#define RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_PROMPTS_H

#include "tests/conformance/executor_server.h"

/* TConst -> TOut, its value `which`; TGate -> TOut. As bodies of POST /prompt. */
struct py *executor_plain_body(const char *id, int64_t which);
struct py *executor_hold_body(const char *id);
/* The chain of n nodes, without a body around it. executor_validation.c */
struct py *executor_chain(int64_t n);

/* Posts and drops the answer. Takes the body over. */
void executor_post_quietly(struct executor_server *s, const char *path, struct py *body);

/* {"running": [[number, id]], "pending": ...} of GET /queue. */
struct py *executor_queue_now(struct executor_server *s);
/* Ids of the history. */
struct py *executor_history_ids(struct executor_server *s, const char *path);
/* Ids in the order in which they ran, and [id, status] of each. */
struct py *executor_executed(const struct executor_server *s);
struct py *executor_ended(const struct executor_server *s);

/* A row of timelines. executor_timelines.c */
void executor_timeline(struct executor_reader *reader, const struct py *row);

#endif
