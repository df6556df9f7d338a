#include "cli/recording.h"

#include <stdlib.h>
#include <string.h>

#include "db/writer.h"

const char *recording_store_path(const char *option)
{
	const char *path = option ? option : getenv("RESIDENCY_STORE");

	if (!path || !*path)
		path = "residency.db";
	return strcmp(path, "none") == 0 ? NULL : path;
}

bool recording_begin(struct recording *recording, struct cli *cli, const char *store_option, bool wait_for_room,
		     const struct run_environment *environment, struct error *e)
{
	struct writer_options options = { .wait_for_room = wait_for_room };

	*recording = (struct recording) { .path = recording_store_path(store_option) };
	if (recording->path) {
		recording->writer = writer_start(recording->path, &options, e);
		if (!recording->writer)
			return false;
		recording->sink = writer_sink(recording->writer);
	}
	if (run_begin(&recording->run, &recording->sink, cli->command_line, environment, e))
		return true;
	if (recording->writer)
		writer_finish(recording->writer, NULL);
	return false;
}

int recording_end(struct recording *recording, struct cli *cli, const char *command, int exit_code)
{
	struct error e = ERROR_INIT;

	if (!recording->writer)
		return exit_code;
	run_end(&recording->sink, exit_code);
	if (!writer_finish(recording->writer, &e))
		return command_fail(cli, command, &e);
	return exit_code;
}
