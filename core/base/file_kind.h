/* file_kind.h - what a file is that was to hold something else, by its first bytes: for the message that refuses it.
 *
 * Downloads go wrong in a few ways: a server sends a page or a message in place of the file, git fetches a pointer, an archive is
 * saved under the name of what is in it, room is reserved and never filled.
 */
#ifndef RESIDENCY_BASE_FILE_KIND_H
#define RESIDENCY_BASE_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>

#define FILE_KIND_TEXT_MAX 240
#define FILE_KIND_HEAD_BYTES ((size_t)512) /* as much is looked at */

/* Writes what the bytes begin as and what to do, "a web page (HTML): ..."; false where they look like nothing known. No state. */
bool file_kind_text(const void *head, size_t length, char text[FILE_KIND_TEXT_MAX]);

#endif
