/* judge_holders.c - who held an object, kept as records until a verdict is put, and said in text only then.
 *
 * Evidence of a snapshot outlives it: the holders of an object are copied to a list of the cell, and what shows them keeps their
 * place and number. Lists are compared by label and kind. A text has room for so many; "and N more" says how many it leaves out.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "probes/judge/judge_state.h"

#define MORE_BYTES 80u /* what an entry "and N more" takes at most */

struct holder_span judge_keep_holders(struct judge *judge, const struct holder_list *of, uint32_t model)
{
	struct holder_list *kept = &judge->evidence;
	struct holder_span span = { .first = kept->count };

	for (size_t i = 0; i < of->count; i++) {
		if (of->items[i].model != model)
			continue;
		if (!array_reserve(&kept->items, &kept->capacity, kept->count + 1, sizeof(*kept->items), &judge->fault))
			break;
		kept->items[kept->count++] = of->items[i];
		span.count++;
	}
	return span;
}

static const struct record_holder *holder_at(const struct judge *judge, struct holder_span span, size_t index)
{
	return &judge->evidence.items[span.first + index];
}

size_t judge_append(char *text, size_t size_bytes, size_t length, const char *piece)
{
	size_t more = strlen(piece);

	if (length + more >= size_bytes)
		return length;
	memcpy(text + length, piece, more + 1);
	return length + more;
}

/* A label as a JSON string without the quotes. Labels come from subjects: anything may be in them. */
static void escape(const char *from, char *to, size_t size_bytes)
{
	size_t length = 0;

	to[0] = '\0';
	for (; *from; from++) {
		char piece[8] = { *from };

		if (*from == '"' || *from == '\\')
			snprintf(piece, sizeof(piece), "\\%c", *from);
		else if ((unsigned char)*from < 0x20)
			snprintf(piece, sizeof(piece), "\\u%04x", (unsigned char)*from);
		length = judge_append(to, size_bytes, length, piece);
	}
}

void judge_holders_json(const struct judge *judge, struct holder_span span, char *text, size_t size_bytes)
{
	size_t length = judge_append(text, size_bytes, 0, "[");

	for (size_t i = 0; i < span.count; i++) {
		const struct record_holder *holder = holder_at(judge, span, i);
		char label[RECORD_NAME_MAX * 6];
		char kind[sizeof(holder->kind) * 6];
		char piece[sizeof(label) + sizeof(kind) + 64];

		escape(holder->label, label, sizeof(label));
		escape(holder->kind, kind, sizeof(kind));
		snprintf(piece, sizeof(piece), "%s{\"label\":\"%s\",\"kind\":\"%s\",\"strength\":\"%s\"}", i ? "," : "", label,
			 kind, holder->strong ? "strong" : "weak");
		if (length + strlen(piece) + (i + 1 < span.count ? MORE_BYTES : 1) >= size_bytes) {
			snprintf(piece, sizeof(piece), "%s{\"label\":\"and %zu more\",\"kind\":\"\",\"strength\":\"strong\"}",
				 i ? "," : "", span.count - i);
			length = judge_append(text, size_bytes, length, piece);
			break;
		}
		length = judge_append(text, size_bytes, length, piece);
	}
	judge_append(text, size_bytes, length, "]");
}

size_t judge_append_holders(const struct judge *judge, struct holder_span span, char *text, size_t size_bytes, size_t length)
{
	if (span.count == 0)
		return judge_append(text, size_bytes, length, "nothing");
	for (size_t i = 0; i < span.count; i++) {
		const struct record_holder *holder = holder_at(judge, span, i);
		char piece[RECORD_NAME_MAX + 16];

		snprintf(piece, sizeof(piece), "%s%s%s", i ? ", " : "", holder->label, holder->strong ? "" : " (weak)");
		if (length + strlen(piece) + (i + 1 < span.count ? MORE_BYTES : 0) >= size_bytes) {
			snprintf(piece, sizeof(piece), "%s%zu more", i ? " and " : "", span.count - i);
			return judge_append(text, size_bytes, length, piece);
		}
		length = judge_append(text, size_bytes, length, piece);
	}
	return length;
}

/* Whether the first `count` of a list have one of that label and kind. */
static bool has_like(const struct judge *judge, struct holder_span span, size_t count, const struct record_holder *wanted)
{
	for (size_t i = 0; i < count; i++) {
		const struct record_holder *holder = holder_at(judge, span, i);

		if (strcmp(holder->label, wanted->label) == 0 && strcmp(holder->kind, wanted->kind) == 0)
			return true;
	}
	return false;
}

void judge_missing_holders(const struct judge *judge, struct holder_span before, struct holder_span after, char *text,
			   size_t size_bytes)
{
	size_t length = 0;
	size_t left_out = 0;
	char piece[RECORD_NAME_MAX + 16];

	text[0] = '\0';
	for (size_t i = 0; i < before.count; i++) {
		const struct record_holder *holder = holder_at(judge, before, i);

		if (has_like(judge, after, after.count, holder) || has_like(judge, before, i, holder))
			continue;
		snprintf(piece, sizeof(piece), "%s%s", length ? ", " : "", holder->label);
		if (left_out || length + strlen(piece) + sizeof(" and 4294967295 more") >= size_bytes)
			left_out++;
		else
			length = judge_append(text, size_bytes, length, piece);
	}
	snprintf(piece, sizeof(piece), "%s%zu more", length ? " and " : "", left_out);
	if (left_out)
		judge_append(text, size_bytes, length, piece);
}
