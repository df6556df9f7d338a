/* error.h - what went wrong, told once and whole.
 *
 * A function that can fail takes a `struct error *` last and returns false (or NULL, or a negative count) after filling it.
 * Only the first failure is kept: error_set on an error that already holds one does nothing, so that clean-up code cannot
 * hide the cause. A caller may pass NULL when it does not care why. Library code never prints, exits or aborts.
 *
 *	struct error e = ERROR_INIT;
 *	if (!store_open(&store, path, &e))
 *		return report_error(&e);
 */
#ifndef RESIDENCY_BASE_ERROR_H
#define RESIDENCY_BASE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Every kind of error: name, exit code of the program, fallback text. The exit codes are those of the command line's help. */
#define ERROR_KINDS(X)                                                                                                         \
	X(NONE, 0, "no error")                                                                                                 \
	X(USAGE, 2, "the command line cannot be understood")                                                                   \
	X(ABSENT, 3, "a device or subject is not there")                                                                       \
	X(UNSUPPORTED, 4, "not supported here")                                                                                \
	X(UNTRUSTWORTHY, 5, "the records cannot be trusted")                                                                   \
	X(IO, 6, "input or output failed")                                                                                     \
	X(STORE, 6, "the store failed")                                                                                        \
	X(FORMAT, 7, "an input is malformed")                                                                                  \
	X(MISSING, 7, "an input is missing")                                                                                   \
	X(DEVICE_MEMORY, 1, "a device is out of memory")                                                                       \
	X(NODE, 1, "a node of the workflow failed")                                                                            \
	X(MEMORY, 70, "out of memory")                                                                                         \
	X(BUG, 70, "a bug in residency")                                                                                       \
	X(INTERRUPTED, 130, "interrupted")

enum error_kind {
#define ERROR_ENUM(name, code, text) ERROR_##name,
	ERROR_KINDS(ERROR_ENUM)
#undef ERROR_ENUM
};

#define ERROR_TEXT_MAX 600

struct error {
	enum error_kind kind;
	char text[ERROR_TEXT_MAX]; /* one line, no newline at its end */
};

#define ERROR_INIT                                                                                                             \
	{                                                                                                                      \
		.kind = ERROR_NONE                                                                                             \
	}

/* Fills e unless it already holds an error. Always returns false, so that `return error_set(...)` reads well. */
__attribute__((format(printf, 3, 4))) bool error_set(struct error *e, enum error_kind kind, const char *format, ...);
bool error_set_v(struct error *e, enum error_kind kind, const char *format, va_list arguments);

/* Puts "context: " before the text, for a caller that knows more (which file, which node). Returns false. */
__attribute__((format(printf, 2, 3))) bool error_context(struct error *e, const char *format, ...);

/* "out of memory", without needing memory to say so. Returns false. */
bool error_no_memory(struct error *e);

/* Back to ERROR_NONE. */
void error_clear(struct error *e);

static inline bool error_is_set(const struct error *e)
{
	return e && e->kind != ERROR_NONE;
}

int error_exit_code(enum error_kind kind);
const char *error_kind_name(enum error_kind kind);

#endif
