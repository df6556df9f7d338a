/* Binary kinds have a signature at the front; kinds of text are told by their first word after blanks and a byte order mark. What is
 * only printable characters is some server's message, and its beginning is shown.
 */
#include "core/base/file_kind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/array.h"

#define SHOWN_MAX 60 /* characters of a message */

struct signature {
	const char *begins;
	size_t length;
	const char *says;
};

static const struct signature signatures[] = {
	{ .begins = "GGUF", .length = 4, .says = "a GGUF file under another name" },
	{ .begins = "PK\x03\x04",
	  .length = 4,
	  .says = "a zip archive: unpack it, or, if torch.save wrote it, convert it to safetensors" },
	{ .begins = "\x1f\x8b", .length = 2, .says = "a gzip archive: unpack it" },
	{ .begins = "7z\xbc\xaf\x27\x1c", .length = 6, .says = "a 7-Zip archive: unpack it" },
	{ .begins = "Rar!", .length = 4, .says = "a RAR archive: unpack it" },
	{ .begins = "\x28\xb5\x2f\xfd", .length = 4, .says = "a zstd archive: unpack it" },
	{ .begins = "\x89PNG", .length = 4, .says = "a picture (PNG)" },
	{ .begins = "\xff\xd8\xff", .length = 3, .says = "a picture (JPEG)" },
	{ .begins = "SQLite format 3", .length = 15, .says = "an SQLite database" },
};

static const struct signature words[] = {
	{ .begins = "<!doctype html", .length = 14, .says = NULL },
	{ .begins = "<html", .length = 5, .says = NULL },
	{ .begins = "<head", .length = 5, .says = NULL },
	{ .begins = "<?xml",
	  .length = 5,
	  .says = "a server's message (XML), as for a link that has expired or a file that is not there: download it again" },
	{ .begins = "version https://git-lfs",
	  .length = 23,
	  .says = "a Git LFS pointer: only the note of the file was fetched, not the file; run `git lfs pull`, or download "
		  "it" },
};

static const char web_page[] = "a web page (HTML), as a server sends it in place of a file that needs a login or a licence "
			       "accepted: sign in, or pass a "
			       "token, and download it again";

static bool say(char text[FILE_KIND_TEXT_MAX], const char *says)
{
	snprintf(text, FILE_KIND_TEXT_MAX, "%s", says);
	return true;
}

static bool is_printable(const unsigned char *at, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (at[i] < 0x20 ? !strchr("\t\r\n", at[i]) || at[i] == '\0' : at[i] == 0x7f)
			return false;
	}
	return length > 0;
}

static bool is_zeros(const unsigned char *at, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (at[i])
			return false;
	}
	return length >= 8;
}

/* A length that a header may have, and a header that begins as one. */
static bool is_safetensors(const unsigned char *at, size_t length)
{
	return length > 9 && at[8] == '{' && at[9] == '"' && at[4] == 0 && at[5] == 0 && at[6] == 0 && at[7] == 0;
}

/* After blanks. */
static bool tell_text(const char *at, size_t length, char text[FILE_KIND_TEXT_MAX])
{
	char shown[SHOWN_MAX + 1];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (length >= words[i].length && strncasecmp(at, words[i].begins, words[i].length) == 0)
			return say(text, words[i].says ? words[i].says : web_page);
	}
	if (!is_printable((const unsigned char *)at, length))
		return false;
	while (count < SHOWN_MAX && count < length && at[count] >= ' ') {
		shown[count] = at[count];
		count++;
	}
	shown[count] = '\0';
	snprintf(text, FILE_KIND_TEXT_MAX, "a text, as a server's message is one: \"%s\"%s", shown,
		 *at == '{' || *at == '[' ? " (JSON)" : "");
	return true;
}

bool file_kind_text(const void *head, size_t length, char text[FILE_KIND_TEXT_MAX])
{
	const char *at = head;

	length = length < FILE_KIND_HEAD_BYTES ? length : FILE_KIND_HEAD_BYTES;
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		if (length >= signatures[i].length && memcmp(at, signatures[i].begins, signatures[i].length) == 0)
			return say(text, signatures[i].says);
	}
	if (is_safetensors(head, length))
		return say(text, "a safetensors file under another name");
	if (is_zeros(head, length))
		return say(text, "zeros: the room for a download that was not finished, or a disk's fault; download it again");
	if (length >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
		at += 3;
		length -= 3;
	}
	while (length && strchr(" \t\r\n", *at) && *at) {
		at++;
		length--;
	}
	return tell_text(at, length, text);
}
