/* exception.h - what upstream would raise. A failure of ours carries it beside our own message. */
#ifndef RESIDENCY_PLAN_EXCEPTION_H
#define RESIDENCY_PLAN_EXCEPTION_H

#include <stddef.h>

#define EXCEPTIONS(X)                                                                                                          \
	X(NONE, "")                                                                                                            \
	X(VALUE, "ValueError")                                                                                                 \
	X(RUNTIME, "RuntimeError")                                                                                             \
	X(KEY, "KeyError")                                                                                                     \
	X(INDEX, "IndexError")                                                                                                 \
	X(ZERO_DIVISION, "ZeroDivisionError")                                                                                  \
	X(OVERFLOW, "OverflowError")

enum exception {
#define EXCEPTION_ENUM(name, text) EXCEPTION_##name,
	EXCEPTIONS(EXCEPTION_ENUM)
#undef EXCEPTION_ENUM
};

const char *exception_name(enum exception exception);

struct plan_failure {
	enum exception exception; /* NONE: upstream would not fail here (out of memory, a limit of ours) */
	size_t column; /* of the allocation string, in characters from 1; 0 where no place is to blame */
};

#endif
