/* executor_part.h - what the files of the executor's part share.
 *
 * Each reader runs the rows of one file, every row a case, and tells what is wrong with the first few. One thread.
 */
#ifndef RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_PART_H
#define RESIDENCY_TESTS_CONFORMANCE_EXECUTOR_PART_H

#include "tests/conformance/executor_stubs.h"
#include "tests/conformance/part.h"

/* Calls `each` for every line of a file of JSON lines. */
bool executor_rows(const char *folder, const char *name,
		   bool (*each)(void *context, const struct py *row, struct py_raised *raised), void *context,
		   struct py_raised *raised);

struct executor_server;

struct executor_reader {
	struct stub_world *world;
	struct tally *tally;
	struct executor_server *server; /* of the events' rows; NULL until the first */
};

/* The rows of each file. */
bool executor_case(void *reader, const struct py *row, struct py_raised *raised);
bool executor_event(void *reader, const struct py *row, struct py_raised *raised);
bool executor_queue(void *reader, const struct py *row, struct py_raised *raised);
bool executor_validation(void *reader, const struct py *row, struct py_raised *raised);

/* Equal, and of the same kinds: 1 is not 1.0, nor true. */
bool executor_same(const struct py *a, const struct py *b);
/* Counts the row as passed when `found` is one of the alternatives, else tells both. */
void executor_compare(struct tally *tally, const struct py *id, const char *what, const struct py *found,
		      const struct py *alternatives);
/* A map's member; null where it has none. Borrowed. */
const struct py *executor_member(const struct py *map, const char *key);

#endif
