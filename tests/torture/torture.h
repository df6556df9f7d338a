/* torture.h - a piece of work whose every allocation is made to fail once.
 *
 * The program is linked with malloc and its relatives wrapped. A piece runs cleanly once, which counts its allocations; then it runs
 * again and again, and in each run one allocation fails. Each time it must end with an error that says why, or succeed in
 * spite of it, and free all that it allocated. Each folder is a room with a program and a row of ctest of its own.
 */
#ifndef RESIDENCY_TESTS_TORTURE_TORTURE_H
#define RESIDENCY_TESTS_TORTURE_TORTURE_H

#include <stdbool.h>

#include "core/base/error.h"

struct torture_piece {
	const char *name;
	bool (*run)(struct error *e);
};

/* Says that the piece found a bug, also where an allocation that failed has set e already. Returns false. */
__attribute__((format(printf, 2, 3))) bool torture_bug(struct error *e, const char *format, ...);

/* Opens the definition of a piece, which is handed `e`. The linker gathers the pieces of a room, so that a new one needs no entry
 * in a list: the build finds tests/torture/ROOM/X.c. */
#define TORTURE_PIECE(function, title)                                                                                         \
	static bool function(struct error *e);                                                                                 \
	static const struct torture_piece piece_##function = { .name = (title), .run = function };                             \
	__attribute__((used, section("torture_pieces"))) static const struct torture_piece *const listed_##function =          \
		&piece_##function;                                                                                             \
	static bool function(struct error *e)

#endif
