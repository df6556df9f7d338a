/* run.h - the program run with arguments, and what it must say. */
#ifndef RESIDENCY_TESTS_CLI_RUN_H
#define RESIDENCY_TESTS_CLI_RUN_H

#include <jansson.h>

/* Runs the program, which must end with this code, and gives what it printed as JSON; the caller owns it. */
json_t *run_json(int wanted_exit_code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs the program, which must end with this code; what it printed, the caller frees. */
char *run_text(int wanted_exit_code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs the program, which must end with this code and say this in one line on standard error. */
void assert_complains(int wanted_exit_code, const char *said, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Writes a file into a folder; the caller frees the path. */
char *write_file(const char *folder, const char *name, const void *bytes, size_t length);

/* One number from a store. */
long long ask_store(const char *path, const char *sql);

#endif
