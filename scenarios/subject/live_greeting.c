/* live_greeting.c - reads GET /residency/hello: who the server is, and what it lacks.
 *
 * The schema of the probe's records is checked first: with another one nothing else can be read. Then come devices, hooks that the
 * probe did not find, the guard and its names, and versions. The generation of ComfyUI-MultiGPU names the policy that the server
 * is compared with; under the guard that is strict, whatever else is installed.
 */
#include "scenarios/subject/live_greeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "db/records/record.h"
#include "probes/live/live_hooks.h"

static bool read_devices(struct live_greeting *greeting, const char *url, const json_t *hello, struct error *e)
{
	json_t *described = json_pack("{si ss sO s[]}", "schema", 1, "name", "comfyui", "devices",
				      json_object_get(hello, "devices"), "links");
	char *text = described ? json_dumps(described, JSON_COMPACT) : NULL;

	greeting->topology = text ? topology_parse(text, strlen(text), "the server's devices", e) : NULL;
	if (!text)
		error_set(e, ERROR_FORMAT, "%s: the probe names no devices", url);
	free(text);
	json_decref(described);
	return greeting->topology != NULL;
}

static void read_version(struct live_greeting *greeting, const json_t *hello)
{
	const json_t *multigpu = json_object_get(hello, "multigpu");
	const char *comfyui = json_string_value(json_object_get(hello, "comfyui"));
	const char *version = json_string_value(json_object_get(multigpu, "version"));
	const char *commit = json_string_value(json_object_get(multigpu, "commit"));
	const char *generation = json_string_value(json_object_get(multigpu, "generation"));
	const char *cache = json_string_value(json_object_get(hello, "cache"));
	const char *guard = greeting->guarded ? "+guard" : "";

	if (greeting->guarded)
		greeting->policy = policy_find("strict");
	else
		greeting->policy = policy_find(json_is_object(multigpu) ? (generation ? generation : "") : "stock");
	if (json_is_object(multigpu))
		snprintf(greeting->version, sizeof(greeting->version), "ComfyUI %.24s, ComfyUI-MultiGPU %.24s %.8s%s",
			 comfyui ? comfyui : "", version ? version : "", commit ? commit : "", guard);
	else
		snprintf(greeting->version, sizeof(greeting->version), "ComfyUI %.24s%s", comfyui ? comfyui : "", guard);
	for (unsigned i = 0; cache && i < CACHE_KIND_COUNT; i++) {
		if (strcmp(cache_kind_name((enum cache_kind)i), cache) == 0)
			greeting->cache = (enum cache_kind)i;
	}
}

/* Places in ComfyUI that the probe did not find. */
static bool read_missing(struct live_greeting *greeting, const char *url, const json_t *hello, const struct log_sink *log,
			 struct error *e)
{
	const json_t *missing = json_object_get(hello, "missing");

	for (size_t i = 0; i < json_array_size(missing); i++) {
		const char *name = json_string_value(json_array_get(missing, i));
		const struct live_hook *hook = live_hook_find(name ? name : "");

		if (hook->loss == LIVE_NOTHING)
			return error_set(e, ERROR_UNSUPPORTED, "%s: its ComfyUI has no %.60s, which is needed to tell %s", url,
					 name, hook->without);
		log_say(log, LOG_WARNING, "%s: its ComfyUI has no %.60s: it is not known %s%s", url, name ? name : "?",
			hook->without, hook->loss == LIVE_UNTRUSTWORTHY ? ", and no verdict can be trusted" : "");
		if (hook->loss == LIVE_UNTRUSTWORTHY && !greeting->lacks[0])
			snprintf(greeting->lacks, sizeof(greeting->lacks), "the server has no %.60s: it is not known %.60s",
				 name ? name : "?", hook->without);
	}
	return true;
}

/* Loaders of ComfyUI-MultiGPU say what is to stay; without it, names that the guard was given do. */
static bool read_guard(struct live_greeting *greeting, const char *url, const json_t *hello, const struct log_sink *log,
		       struct error *e)
{
	const json_t *guard = json_object_get(hello, "guard");
	json_t *keep = json_object_get(guard, "keep");

	greeting->guarded = json_is_object(guard);
	if (!greeting->guarded || json_is_object(json_object_get(hello, "multigpu")))
		return true;
	if (!json_is_array(keep))
		return error_set(e, ERROR_FORMAT, "%s: the probe does not say which names its guard keeps", url);
	if (json_array_size(keep) == 0)
		log_say(log, LOG_WARNING,
			"the guard has nothing to keep: without ComfyUI-MultiGPU no loader can say it, and no name was given "
			"(--keep)");
	greeting->named = json_incref(keep);
	return true;
}

static json_t *ask(struct live_greeting *greeting, struct live_client *client, struct error *e)
{
	struct error why = ERROR_INIT;
	json_t *hello = live_client_get(client, "/residency/hello", &why);
	const char *where = "the probe's greeting";
	const char *session = NULL;
	const char *probe = NULL;
	int64_t schema = 0;

	if (!hello && why.kind == ERROR_UNSUPPORTED)
		error_set(e, ERROR_UNSUPPORTED,
			  "%s has no probe node: `residency live install DIR` puts it there, then restart it",
			  live_client_url(client));
	else if (!hello)
		error_set(e, why.kind, "%s%s", why.text,
			  why.kind == ERROR_ABSENT ? "; is a ComfyUI running there? `residency live run` starts one" : "");
	else if (json_get_string(hello, "session", where, &session, e) && json_get_string(hello, "probe", where, &probe, e) &&
		 json_get_integer(hello, "schema", where, &schema, e)) {
		record_text(greeting->session, sizeof(greeting->session), session);
		record_text(greeting->probe, sizeof(greeting->probe), probe);
		if (schema == RECORD_SCHEMA)
			return hello;
		error_set(e, ERROR_UNSUPPORTED,
			  "%s: its probe node, %s, records in schema %lld, and residency %s reads %d: `residency live install "
			  "DIR` puts this one's there, then restart it",
			  live_client_url(client), greeting->probe, (long long)schema, RESIDENCY_VERSION, RECORD_SCHEMA);
	}
	json_decref(hello);
	return NULL;
}

bool live_greet(struct live_greeting *greeting, struct live_client *client, const struct log_sink *log, struct error *e)
{
	const char *url = live_client_url(client);
	json_t *hello = ask(greeting, client, e);
	bool fine = hello && read_devices(greeting, url, hello, e) && read_missing(greeting, url, hello, log, e) &&
		    read_guard(greeting, url, hello, log, e);

	if (fine)
		read_version(greeting, hello);
	json_decref(hello);
	return fine;
}

bool live_greet_again(struct live_greeting *greeting, struct live_client *client, struct error *e)
{
	json_t *hello = ask(greeting, client, e);

	json_decref(hello);
	return hello != NULL;
}

void live_greeting_end(struct live_greeting *greeting)
{
	topology_free(greeting->topology);
	json_decref(greeting->named);
	*greeting = (struct live_greeting) { .topology = NULL };
}
