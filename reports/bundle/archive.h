/* archive.h - a gzipped tar made in memory: few files, no owners. Private to reports/bundle. */
#ifndef RESIDENCY_REPORTS_ARCHIVE_H
#define RESIDENCY_REPORTS_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

struct archive_maker;

/* Bytes go to `to`, which is whole after archive_finish. The caller ends with archive_finish or archive_give_up. */
struct archive_maker *archive_begin(struct strbuf *to, struct error *e);

/* A file of the archive, readable by all; written_s is its time. */
bool archive_add(struct archive_maker *maker, const char *name, const void *bytes, size_t size_bytes, int64_t written_s,
		 struct error *e);

/* Both free the maker. */
bool archive_finish(struct archive_maker *maker, struct error *e);
void archive_give_up(struct archive_maker *maker);

#endif
