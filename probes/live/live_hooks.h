/* live_hooks.h - the places where the probe node stands in ComfyUI, and what is not known where one of them is gone.
 *
 * A version of ComfyUI may lack a place, or have it otherwise; the probe names those in its greeting. What stays unknown then may
 * decide a verdict, make what is told less exact, or leave nothing to tell.
 */
#ifndef RESIDENCY_PROBES_LIVE_HOOKS_H
#define RESIDENCY_PROBES_LIVE_HOOKS_H

enum live_loss {
	LIVE_LESS_EXACT, /* verdicts hold */
	LIVE_UNTRUSTWORTHY, /* a cell's verdict may be wrong */
	LIVE_NOTHING /* no cell can be run */
};

struct live_hook {
	const char *name; /* as the probe says it */
	enum live_loss loss;
	const char *without; /* what is not known, in words */
};

/* A name that is not known here is one of a newer probe, and may decide verdicts; never NULL. */
const struct live_hook *live_hook_find(const char *name);

#endif
