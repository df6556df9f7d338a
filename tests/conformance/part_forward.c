/* Part forward: the forward passes, samplers, schedules and noise against tensors measured in ComfyUI. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "tests/conformance/forward.h"

static const struct {
	const char *file; /* NAME.json */
	void (*run)(struct forward_data *f);
} files[] = {
	{ "flux", forward_flux },
	{ "flux_eps", forward_flux_eps },
	{ "clip_l", forward_clip },
	{ "clip_l_eps", forward_clip_eps },
	{ "t5", forward_t5 },
	{ "t5_eps", forward_t5_eps },
	{ "flux_ae", forward_autoencoder },
	{ "flux_ae_eps", forward_autoencoder_eps },
	{ "e2e_flux", forward_e2e },
	{ "noise", forward_noise },
	{ "schedules", forward_schedules },
	{ "samplers", forward_samplers },
};

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void run_file(const char *folder, const char *name, size_t which, struct tally *tally)
{
	struct forward_data f = { .folder = folder, .name = name, .tally = tally };
	struct error e = ERROR_INIT;

	if (forward_open(&f, &e))
		files[which].run(&f);
	else
		tally_fail(tally, name, "%s", e.text);
	forward_close(&f);
}

/* A family that is not there: its cases, by its own count. */
static void count_absent(const char *folder, const char *name, struct tally *tally)
{
	char what[160];
	struct strbuf path = STRBUF_INIT;
	json_t *root;
	size_t count;

	strbuf_printf(&path, "%s/%s.json", folder, name);
	root = json_parse_file(strbuf_text(&path), NULL);
	count = json_object_size(json_object_get(root, "cases"));
	snprintf(what, sizeof(what), "family %s", name);
	tally_not_built(tally, what, count ? count : 1);
	json_decref(root);
	strbuf_free(&path);
}

static void run_name(const char *folder, const char *file, struct tally *tally)
{
	char name[128];

	snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - strlen(".json")), file);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strcmp(files[i].file, name) == 0) {
			run_file(folder, name, i, tally);
			return;
		}
	}
	count_absent(folder, name, tally);
}

static int is_json(const struct dirent *entry)
{
	return ends_with(entry->d_name, ".json");
}

static bool run(const char *folder, struct tally *tally, struct error *e)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_json, alphasort);

	if (count < 0)
		return error_set(e, ERROR_MISSING, "%s cannot be listed", folder);
	for (int i = 0; i < count; i++) {
		run_name(folder, entries[i]->d_name, tally);
		free(entries[i]);
	}
	free(entries);
	return true;
}

const struct part part_forward = { .name = "forward", .folder = "forward", .run = run };
