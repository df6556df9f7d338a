#include "core/base/partial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/string.h"
#include "core/base/strbuf.h"

static bool cannot_write(const struct partial *partial, struct error *e)
{
	return error_set(e, ERROR_IO, "cannot write %s: %s", partial->path, strerror(errno));
}

bool partial_open(struct partial *partial, const char *path, struct error *e)
{
	struct strbuf text = STRBUF_INIT;

	*partial = (struct partial) { .path = string_copy(path, e) };
	if (!partial->path)
		return false;
	strbuf_printf(&text, "%s.partial-%ld", path, (long)getpid());
	partial->partial_path = strbuf_finish(&text, e);
	if (partial->partial_path) {
		partial->stream = fopen(partial->partial_path, "wbe");
		if (partial->stream)
			return true;
		cannot_write(partial, e);
	}
	free(partial->partial_path);
	partial->partial_path = NULL;
	partial_abandon(partial);
	return false;
}

bool partial_write(struct partial *partial, const void *bytes, size_t size_bytes, struct error *e)
{
	return size_bytes == 0 || fwrite(bytes, 1, size_bytes, partial->stream) == size_bytes || cannot_write(partial, e);
}

bool partial_skip(struct partial *partial, uint64_t size_bytes, struct error *e)
{
	return size_bytes == 0 || fseeko(partial->stream, (off_t)size_bytes, SEEK_CUR) == 0 || cannot_write(partial, e);
}

/* A hole at the end is no byte written: the file's length has to be said. */
static bool set_length(struct partial *partial)
{
	off_t length;

	if (fflush(partial->stream) != 0)
		return false;
	length = ftello(partial->stream);
	return length >= 0 && ftruncate(fileno(partial->stream), length) == 0;
}

bool partial_finish(struct partial *partial, struct error *e)
{
	bool fine = true;

	if (!set_length(partial) || fsync(fileno(partial->stream)) != 0)
		fine = cannot_write(partial, e);
	if (fclose(partial->stream) != 0 && fine)
		fine = cannot_write(partial, e);
	partial->stream = NULL;
	if (fine && rename(partial->partial_path, partial->path) != 0)
		fine = cannot_write(partial, e);
	if (fine) {
		free(partial->partial_path);
		partial->partial_path = NULL;
	}
	partial_abandon(partial);
	return fine;
}

void partial_abandon(struct partial *partial)
{
	if (partial->stream)
		fclose(partial->stream);
	if (partial->partial_path)
		unlink(partial->partial_path);
	free(partial->partial_path);
	free(partial->path);
	*partial = (struct partial) { .stream = NULL };
}
