/* log.h - the sink for what must be said at once. Library code never prints: it hands a line to a sink it was given.
 *
 * A sink is a value; there is no global one. log_say on a NULL sink, or below its level, does nothing.
 */
#ifndef RESIDENCY_BASE_LOG_H
#define RESIDENCY_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log_sink {
	enum log_level least; /* lines below this level are dropped */
	void *context;
	void (*line)(void *context, enum log_level level, const char *text); /* text has no newline at its end */
};

__attribute__((format(printf, 3, 4))) void log_say(const struct log_sink *sink, enum log_level level, const char *format, ...);

#endif
