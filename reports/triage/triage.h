/* triage.h - the findings of a run as cards: what happened to which model, who released it, what the likely cause is, how to see it again.
 *
 * A card is a JSON object; text and Markdown are renderings of it. Findings of the same class, cause, policy, stage and kind of
 * action are one card with a count: the first of them is shown, the models and cells of all are listed. Cards are ordered by how
 * bad their class is, then by how often it was found.
 *
 *	json_t *triage = triage_read(store, run, &filter, e);
 *	triage_renderer_find("text")->render(triage, 80, &out);	(renderers.h)
 *
 *	{"schema": 1, "run": {"id", "command", "version", "state", "environment": {...}}, "cells": N, "untrustworthy": N,
 *	 "findings": N, "cards": [{"number", "class", "models": [...], "model", "size_bytes", "device", "stage", "action", ...}]}
 */
#ifndef RESIDENCY_REPORTS_TRIAGE_H
#define RESIDENCY_REPORTS_TRIAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

struct store;

struct triage_filter {
	const char *class_name; /* NULL: every class */
	const char *policy; /* NULL: every policy */
	int64_t cell; /* -1: every cell */
};

/* The classes in the order of cards, worst first; NULL ends them. */
extern const char *const triage_classes[];

/* The caller owns it. NULL with ERROR_MISSING where the store has no such run; run NULL means the newest. */
json_t *triage_read(struct store *store, const char *run, const struct triage_filter *filter, struct error *e);

/* The run's id; borrowed. */
const char *triage_run(const json_t *triage);
size_t triage_finding_count(const json_t *triage);
size_t triage_untrustworthy_count(const json_t *triage);

/* "residency matrix --policies delegate ...": what shows a cell of a run again, with nothing recorded. cell is the object that
 * cards have of theirs; run_command is the run's own. Appends; false without memory. */
bool triage_rerun(const json_t *cell, const char *run_command, struct strbuf *out, struct error *e);

/* "AMD EPYC, sim, 2x3090-nvlink, residency 0.1.0": the run's environment key in a line. */
void triage_environment(const json_t *triage, struct strbuf *out);

/* For renderings: a member's text, "" where it has none; a number, or the fallback. */
const char *triage_member(const json_t *object, const char *name);
int64_t triage_number(const json_t *object, const char *name, int64_t fallback);

/* A list of texts with ", " between; at most `most` of them, then how many more. */
void triage_join(const json_t *list, size_t most, struct strbuf *out);

/* "delegate/abc/both": what tells a cell from the others of its run. */
void triage_cell_name(const json_t *cell, struct strbuf *out);

/* Calls line() for each line of the card that has a text. False without memory. */
bool triage_each_line(const json_t *card, void (*line)(void *context, const char *label, const char *text), void *context);

/* "c1.after_gc, after post unload_models free_memory", "node 7, loaded list (weak)": the lines of a card. The
 * text is empty where the card has nothing to say. */
struct triage_line {
	const char *label;
	void (*write)(const json_t *card, struct strbuf *out);
};
extern const struct triage_line triage_lines[]; /* a NULL label ends them */

#endif
