/* archive.c - libarchive's pax writer with gzip, writing into a strbuf.
 *
 * Entries carry the run's time and no owner, and gzip's header no time, so that equal content gives equal bytes. After
 * an error the maker is closed without more output: `given_up` makes the callback accept and discard what libarchive
 * still flushes.
 */
#include "reports/bundle/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

#include "core/base/array.h"

struct archive_maker {
	struct archive *archive;
	struct strbuf *to;
	bool given_up; /* what still comes is discarded */
};

static la_ssize_t take_bytes(struct archive *archive, void *context, const void *bytes, size_t length)
{
	struct archive_maker *maker = context;

	if (maker->given_up)
		return (la_ssize_t)length;
	strbuf_append_n(maker->to, bytes, length);
	if (strbuf_ok(maker->to))
		return (la_ssize_t)length;
	archive_set_error(archive, ENOMEM, "out of memory");
	return -1;
}

static bool fail(const struct archive_maker *maker, struct error *e)
{
	const char *reason = archive_error_string(maker->archive);

	if (!strbuf_ok(maker->to) || archive_errno(maker->archive) == ENOMEM)
		return error_no_memory(e);
	return error_set(e, ERROR_IO, "cannot pack the bundle: %s", reason ? reason : "libarchive does not say why");
}

struct archive_maker *archive_begin(struct strbuf *to, struct error *e)
{
	struct archive_maker *maker = array_new(1, sizeof(*maker), e);

	if (!maker)
		return NULL;
	maker->to = to;
	maker->archive = archive_write_new();
	if (!maker->archive) {
		free(maker);
		error_no_memory(e);
		return NULL;
	}
	/* no time in gzip's header: the same cards make the same bytes */
	if (archive_write_set_format_pax_restricted(maker->archive) == ARCHIVE_OK &&
	    archive_write_add_filter_gzip(maker->archive) == ARCHIVE_OK &&
	    archive_write_set_options(maker->archive, "gzip:!timestamp") == ARCHIVE_OK &&
	    archive_write_set_bytes_in_last_block(maker->archive, 1) == ARCHIVE_OK && /* no zeros after gzip's end */
	    archive_write_open(maker->archive, maker, NULL, take_bytes, NULL) == ARCHIVE_OK)
		return maker;
	fail(maker, e);
	archive_give_up(maker);
	return NULL;
}

bool archive_add(struct archive_maker *maker, const char *name, const void *bytes, size_t size_bytes, int64_t written_s,
		 struct error *e)
{
	struct archive_entry *entry = archive_entry_new();
	bool fine;

	if (!entry)
		return error_no_memory(e);
	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (la_int64_t)size_bytes);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, (time_t)written_s, 0);
	fine = archive_write_header(maker->archive, entry) == ARCHIVE_OK &&
	       archive_write_data(maker->archive, bytes, size_bytes) == (la_ssize_t)size_bytes;
	archive_entry_free(entry);
	return fine || fail(maker, e);
}

bool archive_finish(struct archive_maker *maker, struct error *e)
{
	bool fine = archive_write_close(maker->archive) == ARCHIVE_OK || fail(maker, e);

	archive_give_up(maker);
	return fine;
}

void archive_give_up(struct archive_maker *maker)
{
	maker->given_up = true; /* not archive_write_fail: after that, libarchive 3.6 does not free its filters */
	archive_write_free(maker->archive);
	free(maker);
}
