/* history.h - a git repository whose commits behave as they are told (fake_comfyui/main.py), and a fake ComfyUI to run them. */
#ifndef RESIDENCY_TESTS_LIVE_HISTORY_H
#define RESIDENCY_TESTS_LIVE_HISTORY_H

#include <jansson.h>

/* A folder with the fake ComfyUI in it, `comfyui`, and an empty $TMPDIR, `tmp`; it is the current one until history_end. Returns its
 * path. */
const char *history_begin(void);
void history_end(void);

/* The repository `pack`: a commit a word, the n-th called "n: word", tagged cN and dated 2025-01-(n+1). Words stand between blanks. */
void history_make(const char *words);
/* The same, with the fake ComfyUI's own main.py in each commit. */
void history_make_comfyui(const char *words);

/* Runs a command; it must succeed. */
void history_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `residency sweep` on it with the store s.db, the cells of `de` and `none-kept` in flow both, and these arguments. Returns the exit
 * code; what it said is history_out and history_err, until the next call. */
int history_sweep(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern char *history_out, *history_err;

/* What it said, as JSON; the caller owns it. */
json_t *history_json(void);

/* Fails unless what was said (on either end) has this in it. */
void history_said(const char *text);

/* Fails unless $TMPDIR is empty and the repository has its own work tree alone. */
void history_is_clean(void);

/* The first value that the store answers. */
long long history_ask(const char *sql);

#endif
