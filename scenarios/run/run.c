/* run.c - a run's identity, its environment key, and the store that its records go to.
 *
 * The key is packed by jansson with sorted keys. An opening starts the store's writer first and puts the run's records through its
 * sink, so that a run that cannot be described leaves an empty store and no half of a run.
 */
#include "scenarios/run/run.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "db/writer.h"
#include "scenarios/subject/subject.h"
#include "scenarios/subject/subject_comfyui.h"

/* 20261124T101502Z-9f3a6c01: sorts by time, and two machines that start in the same second still differ. */
static bool make_id(char *id, size_t id_size_bytes, int64_t wall_ns, struct error *e)
{
	time_t seconds = (time_t)(wall_ns / (int64_t)NS_PER_S);
	uint64_t chance;
	struct tm utc;
	char when[20];

	if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
		return error_set(e, ERROR_IO, "the system gives no random numbers for the run's id");
	if (!gmtime_r(&seconds, &utc) || strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &utc) == 0)
		return error_set(e, ERROR_IO, "the system's clock is out of range");
	snprintf(id, id_size_bytes, "%s-%010llx", when, (unsigned long long)(chance >> 24));
	return true;
}

/* "model name : AMD EPYC" of /proc/cpuinfo; "unknown" elsewhere. */
static void cpu_name(char *name, size_t name_size_bytes)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(name, name_size_bytes, "unknown");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) != 0 || !colon)
			continue;
		colon[strcspn(colon, "\n")] = '\0';
		snprintf(name, name_size_bytes, "%s", colon + 2);
		break;
	}
	fclose(file);
}

/* The version of the NVIDIA kernel driver; "" if it is not loaded. */
static void driver_version(char *version, size_t version_size_bytes)
{
	FILE *file = fopen("/sys/module/nvidia/version", "r");

	version[0] = '\0';
	if (!file)
		return;
	if (fgets(version, (int)version_size_bytes, file))
		version[strcspn(version, "\n")] = '\0';
	fclose(file);
}

/* Runs with a probe of another version are not compared, and say why. */
static bool describe_probe(json_t *object, const char *probe)
{
	if (!probe || strcmp(probe, RESIDENCY_VERSION) == 0)
		return true;
	return json_object_set_new(object, "probe", json_string(probe)) == 0 &&
	       json_object_set_new(object, "warning", json_string("the probe node is of another version than the tool")) == 0;
}

static bool describe_environment(char *text, size_t text_size_bytes, const struct run_environment *environment, struct error *e)
{
	char cpu[128];
	char driver[64];
	json_t *object;
	char *packed = NULL;
	bool fine = false;

	cpu_name(cpu, sizeof(cpu));
	driver_version(driver, sizeof(driver));
	object = json_pack("{ss ss ss? ss? ss? ss}", "cpu", cpu, "blas", openblas_get_corename(), "backend",
			   environment->backend, "topology", environment->topology ? environment->topology->name : NULL,
			   "subject", environment->subject, "tool", RESIDENCY_VERSION);
	if (!object || (driver[0] && json_object_set_new(object, "driver", json_string(driver)) != 0) ||
	    !describe_probe(object, environment->probe))
		goto out;
	packed = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
	fine = packed && strlen(packed) < text_size_bytes;
	if (fine)
		memcpy(text, packed, strlen(packed) + 1);
out:
	free(packed);
	json_decref(object);
	return fine || error_no_memory(e);
}

void run_put_topology(const struct record_sink *sink, const struct topology *topology)
{
	for (size_t i = 0; i < topology->device_count; i++) {
		const struct device_description *from = &topology->devices[i];
		struct record_device device = { .index = (uint32_t)i, .capacity_bytes = from->capacity_bytes };

		record_text(device.topology, sizeof(device.topology), topology->name);
		record_text(device.name, sizeof(device.name), from->name);
		record_text(device.kind, sizeof(device.kind), device_kind_name(from->kind));
		record_put(sink, RECORD_DEVICE, &device, sizeof(device));
	}
	for (size_t i = 0; i < topology->link_count; i++) {
		const struct link_description *from = &topology->links[i];
		struct record_link link = { .from = from->from,
					    .to = from->to,
					    .bandwidth_bytes_per_s = from->bandwidth_bytes_per_s,
					    .efficiency = from->efficiency,
					    .latency_ns = from->latency_ns };

		record_text(link.topology, sizeof(link.topology), topology->name);
		record_put(sink, RECORD_LINK, &link, sizeof(link));
	}
}

bool run_begin(struct record_run *run, const struct record_sink *sink, const char *command,
	       const struct run_environment *environment, struct error *e)
{
	*run = (struct record_run) { .started_wall_ns = clock_wall_ns() };
	record_text(run->command, sizeof(run->command), command);
	record_text(run->version, sizeof(run->version), RESIDENCY_VERSION);
	if (!make_id(run->id, sizeof(run->id), run->started_wall_ns, e) ||
	    !describe_environment(run->environment, sizeof(run->environment), environment, e))
		return false;
	record_put(sink, RECORD_RUN, run, sizeof(*run));
	if (environment->topology)
		run_put_topology(sink, environment->topology);
	return true;
}

void run_end(const struct record_sink *sink, int exit_code)
{
	struct record_run_end end = { .ended_wall_ns = clock_wall_ns(), .exit_code = (uint32_t)exit_code };

	record_put(sink, RECORD_RUN_END, &end, sizeof(end));
}

/* ---- the store ---- */

struct run_environment run_environment_of(const struct subject *subject, const struct topology *topology,
					  const struct backend *backend)
{
	const char *kind = subject->operations->kind;

	if (backend)
		return (struct run_environment) { .backend = backend->name, .topology = topology, .subject = kind };
	return (struct run_environment) { .backend = kind,
					  .topology = topology,
					  .subject = subject_comfyui_version(subject),
					  .probe = subject_comfyui_probe(subject) };
}

bool run_open(struct recording *recording, const struct run_request *request, struct error *e)
{
	const struct writer_options options = { .wait_for_room = request->wait_for_room };

	*recording = (struct recording) { .writer = NULL };
	if (request->store) {
		recording->writer = writer_start(request->store, &options, e);
		if (!recording->writer)
			return false;
		recording->sink = writer_sink(recording->writer);
	}
	if (run_begin(&recording->run, &recording->sink, request->command, &request->environment, e))
		return true;
	if (recording->writer)
		writer_finish(recording->writer, NULL);
	recording->writer = NULL;
	return false;
}

bool run_close(struct recording *recording, int exit_code, struct error *e)
{
	struct writer *writer = recording->writer;

	if (!writer)
		return true;
	recording->writer = NULL;
	run_end(&recording->sink, exit_code);
	return writer_finish(writer, e);
}

bool run_is_fine(const struct recording *recording)
{
	return !recording->writer || writer_is_fine(recording->writer);
}

uint64_t run_dropped(const struct recording *recording, uint32_t cell)
{
	return recording->writer ? writer_dropped(recording->writer, cell) : 0;
}
