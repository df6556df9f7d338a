/* bundle.c - the run is copied into a store of its own, redacted, and packed with its cards.
 *
 * The copy is made next to the bundle's path, through db/store_copy.h with redact.h as the filter, and is removed again. The
 * archive is built in memory and written at the end, so that a failure leaves no half file.
 */
#include "reports/bundle/bundle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "db/store_copy.h"
#include "db/store.h"
#include "reports/bundle/archive.h"
#include "db/query.h"
#include "reports/bundle/redact.h"
#include "reports/triage/renderers.h"

static const char readme[] =
	"# A run of residency, for whoever looks into it\n\n"
	"- `cards.md`: what was found, a card each; `cards.json` is the same for programs.\n"
	"- `run.db`: the run, an SQLite store; `residency triage --store run.db`, or any SQLite client (views `v_*`).\n"
	"- `environment.json`: what the run ran on, its command, its version.\n\n"
	"User names, home folders, the host's name and absolute paths were taken out.\n";

/* ---- the copy ---- */

struct bundle_copy {
	struct redact *redact;
	const struct bundle_watcher *watcher;
};

static void filter_text(void *context, const char *text, struct strbuf *to)
{
	const struct bundle_copy *copying = context;

	redact_text(copying->redact, text, to);
}

static bool go_on(void *context, size_t row_count, struct error *e)
{
	const struct bundle_watcher *watcher = ((const struct bundle_copy *)context)->watcher;

	if (watcher && watcher->rows)
		watcher->rows(watcher->context, row_count);
	return !watcher || !watcher->interrupted || !*watcher->interrupted || error_set(e, ERROR_INTERRUPTED, "interrupted");
}

/* Write-ahead logging ends, so that the store is one file that can be read from anywhere. */
static bool copy_run(struct store *from, const char *run, const char *path, struct bundle_copy *copying, struct error *e)
{
	struct copy_filter filter = { .context = copying, .text = filter_text, .go_on = go_on };
	struct store *copy = store_open(path, STORE_WRITE, e);
	bool fine = copy && store_copy_run(from, run, copy, &filter, e) &&
		    store_execute(copy, "PRAGMA journal_mode = DELETE", "close", e);

	store_close(copy);
	return fine;
}

/* ---- the files ---- */

struct bundle {
	struct archive_maker *archive;
	const char *run;
	int64_t started_s;
};

static bool add(const struct bundle *bundle, const char *name, const char *bytes, size_t size_bytes, struct error *e)
{
	struct strbuf path = STRBUF_INIT;
	bool fine;

	strbuf_printf(&path, "residency-%s/%s", bundle->run, name);
	fine = strbuf_ok(&path) ? archive_add(bundle->archive, strbuf_text(&path), bytes, size_bytes, bundle->started_s, e)
				: error_no_memory(e);
	strbuf_free(&path);
	return fine;
}

static bool add_json(const struct bundle *bundle, const char *name, const json_t *value, struct error *e)
{
	char *text = json_text(value, JSON_INDENT(1));
	bool fine = text ? add(bundle, name, text, strlen(text), e) : error_no_memory(e);

	free(text);
	return fine;
}

static bool add_markdown(const struct bundle *bundle, const json_t *triage, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	bool fine;

	triage_renderer_find("markdown")->render(triage, 0, &text);
	fine = strbuf_ok(&text) ? add(bundle, "cards.md", strbuf_text(&text), text.length, e) : error_no_memory(e);
	strbuf_free(&text);
	return fine;
}

static bool add_file(const struct bundle *bundle, const char *name, const char *path, struct error *e)
{
	size_t length;
	char *bytes = file_read_whole(path, &length, e);
	bool fine = bytes && add(bundle, name, bytes, length, e);

	free(bytes);
	return fine;
}

static bool read_start(struct store *store, const char *run, int64_t *started_s, struct error *e)
{
	struct query q;

	query_begin(&q, store, "SELECT started_wall_ns FROM v_runs WHERE run = ?1", run, 0, e);
	while (query_next(&q))
		*started_s = query_integer(&q, 0) / (int64_t)NS_PER_S;
	return query_end(&q);
}

static bool add_all(struct bundle *bundle, struct store *copy, const struct triage_filter *filter, const char *copy_path,
		    struct error *e)
{
	json_t *triage = triage_read(copy, bundle->run, filter, e);
	bool fine = triage && read_start(copy, bundle->run, &bundle->started_s, e) &&
		    add(bundle, "README.md", readme, sizeof(readme) - 1, e) && add_markdown(bundle, triage, e) &&
		    add_json(bundle, "cards.json", triage, e) &&
		    add_json(bundle, "environment.json", json_object_get(triage, "run"), e) &&
		    add_file(bundle, "run.db", copy_path, e);

	json_decref(triage);
	return fine;
}

static bool pack(const char *run, const struct triage_filter *filter, const char *copy_path, struct strbuf *bytes,
		 struct error *e)
{
	struct bundle bundle = { .run = run };
	struct store *copy = store_open(copy_path, STORE_READ, e);
	bool fine = false;

	if (copy) {
		bundle.archive = archive_begin(bytes, e);
		fine = bundle.archive && add_all(&bundle, copy, filter, copy_path, e);
		if (bundle.archive && fine)
			fine = archive_finish(bundle.archive, e);
		else if (bundle.archive)
			archive_give_up(bundle.archive);
	}
	store_close(copy);
	return fine;
}

bool bundle_write(struct store *store, const char *run, const struct triage_filter *filter, const char *path,
		  const struct bundle_watcher *watcher, struct error *e)
{
	struct strbuf copy_path = STRBUF_INIT;
	struct strbuf bytes = STRBUF_INIT;
	struct redact redact;
	struct bundle_copy copying = { &redact, watcher };
	bool fine;

	if (!redact_begin(&redact, e))
		return false;
	strbuf_printf(&copy_path, "%s.partial-%ld.db", path, (long)getpid());
	fine = strbuf_ok(&copy_path) || error_no_memory(e);
	if (fine) {
		store_remove(strbuf_text(&copy_path)); /* of a process that was killed and had our number */
		fine = copy_run(store, run, strbuf_text(&copy_path), &copying, e) &&
		       pack(run, filter, strbuf_text(&copy_path), &bytes, e) &&
		       file_write_whole(path, strbuf_text(&bytes), bytes.length, e);
		store_remove(strbuf_text(&copy_path));
	}
	strbuf_free(&copy_path);
	strbuf_free(&bytes);
	redact_end(&redact);
	return fine;
}
