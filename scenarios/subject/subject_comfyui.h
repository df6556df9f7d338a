/* subject_comfyui.h - a live ComfyUI server as a subject: comfyui=URL.
 *
 * The server must have the probe node (probes/comfyui). A cell begins when the worker is idle and everything that an earlier cell
 * left is gone; records come from the probe, asked for until the worker is idle again. A server that is restarted in the middle
 * of a cell, or that dies, is an error of the run; what was recorded until then is in the store, and the cell has no verdict.
 * Where the probe's guard is on, the version ends in "+guard" and the policy is `strict`.
 */
#ifndef RESIDENCY_SCENARIOS_SUBJECT_COMFYUI_H
#define RESIDENCY_SCENARIOS_SUBJECT_COMFYUI_H

#include "probes/live/live_client.h"
#include "scenarios/subject/subject.h"

struct live_wait {
	struct live_limits limits;
	unsigned idle_ms; /* the longest that one action may keep the worker busy; 0: 10 min */
};

/* Speaks to the server and checks its probe: ERROR_ABSENT where none answers, ERROR_UNSUPPORTED where it has no probe or one that
 * records in another schema. wait may be NULL. The caller closes. */
struct subject *subject_comfyui_open(const char *url, const struct live_wait *wait, const struct log_sink *log,
				     const bool *interrupted, struct error *e);

/* From the next cell on: everybody who refers to a leaked model is asked, not only owners that are known. Slow: each time the server
 * walks through all its objects. */
void subject_comfyui_ask_everybody(struct subject *subject, bool everybody);

/* What the server is. Borrowed from the subject. */
const struct topology *subject_comfyui_topology(const struct subject *subject);
const struct policy *subject_comfyui_policy(const struct subject *subject); /* NULL: a version that is not known */
/* "ComfyUI 0.3.64, ComfyUI-MultiGPU 2.4.7 01df082", then "+guard". */
const char *subject_comfyui_version(const struct subject *subject);
const char *subject_comfyui_probe(const struct subject *subject); /* the version of its probe node: "0.1.0" */
enum cache_kind subject_comfyui_cache(const struct subject *subject);

#endif
