/* bench_store.c - a store with its writer for the time of a bench, and lookups of the built-in topologies. */
#include "scenarios/bench/bench_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "db/writer.h"
#include "scenarios/run/run.h"
#include "scenarios/topologies.h"

struct topology *bench_topology(const char *name, struct error *e)
{
	char file_name[128];
	const struct embedded_file *file;

	snprintf(file_name, sizeof(file_name), "%s.json", name);
	file = embed_find(scenario_topologies, file_name);
	if (file)
		return topology_parse(file->bytes, embed_length(file), name, e);
	error_set(e, ERROR_BUG, "no topology %s is built in", name);
	return NULL;
}

bool bench_store_open(struct bench_store *store, const char *folder, const struct topology *topology, const char *backend,
		      bool wait_for_room, struct error *e)
{
	struct run_environment environment = { .backend = backend, .topology = topology, .subject = "engine" };
	struct record_run run;
	int fd;

	*store = (struct bench_store) { .writer = NULL };
	snprintf(store->path, sizeof(store->path), "%s/residency-bench-XXXXXX", folder);
	fd = mkstemp(store->path);
	if (fd < 0) {
		store->path[0] = '\0';
		return error_set(e, ERROR_IO, "cannot make a store in %s: %s; set TMPDIR to a folder that can be written to",
				 folder, strerror(errno));
	}
	close(fd);
	store->writer = writer_start(store->path, &(struct writer_options) { .wait_for_room = wait_for_room }, e);
	if (!store->writer)
		return false;
	store->sink = writer_sink(store->writer);
	return run_begin(&run, &store->sink, "bench", &environment, e);
}

bool bench_store_close(struct bench_store *store, uint64_t *dropped, struct error *e)
{
	static const char *const endings[] = { "", "-wal", "-shm" };
	bool fine = true;

	*dropped = 0;
	if (store->writer) {
		*dropped = writer_dropped_in_all(store->writer);
		fine = writer_finish(store->writer, e);
	}
	for (size_t i = 0; store->path[0] && i < ARRAY_SIZE(endings); i++) {
		char file[sizeof(store->path) + 8];

		snprintf(file, sizeof(file), "%s%s", store->path, endings[i]);
		unlink(file);
	}
	return fine;
}
