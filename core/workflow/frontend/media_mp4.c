/* media_mp4.c - metadata of an MP4 (or MOV): item lists under moov.
 *
 * A file is boxes in boxes, each a size, a type and data. ComfyUI writes its texts with keys of their own: moov/udta/meta holds `keys`, the
 * names, and `ilst`, whose items are numbered by them. VideoHelperSuite writes one comment, the item "(c)cmt", with both texts in it.
 */
#include <string.h>

#include "core/workflow/frontend/media.h"

#define BOX_BYTES 8
#define KEYS_MAX 256 /* names that are remembered */
#define DEPTH_MAX 6 /* moov, udta, meta, ilst, an item, its data */

struct mp4 {
	struct arena *arena;
	struct media_texts *texts;
	const char *keys[KEYS_MAX];
	size_t key_count;
};

struct box {
	const unsigned char *type, *data;
	size_t size; /* of the data */
};

static bool is_mp4(const unsigned char *bytes, size_t size_bytes)
{
	return size_bytes >= 12 && memcmp(bytes + 4, "ftyp", 4) == 0;
}

/* Cuts the next box off. False at the end, and where a size does not fit. */
static bool next_box(const unsigned char **at, const unsigned char *end, struct box *box)
{
	size_t left = (size_t)(end - *at);
	size_t header = BOX_BYTES;
	unsigned long long size;

	if (left < BOX_BYTES)
		return false;
	size = media_u32(*at);
	if (size == 1) { /* 64 bits follow */
		header = 16;
		if (left < header)
			return false;
		size = (unsigned long long)media_u32(*at + 8) << 32 | media_u32(*at + 12);
	}
	if (size == 0) /* to the end */
		size = left;
	if (size < header || size > left)
		return false;
	*box = (struct box) { .type = *at + 4, .data = *at + header, .size = (size_t)size - header };
	*at += size;
	return true;
}

static bool is_type(const struct box *box, const char *type)
{
	return memcmp(box->type, type, 4) == 0;
}

static void read_keys(struct mp4 *mp4, const struct box *box)
{
	const unsigned char *at = box->data + 8; /* version, flags, count */
	const unsigned char *end = box->data + box->size;
	struct box key;

	if (box->size < 8)
		return;
	while (mp4->key_count < KEYS_MAX && next_box(&at, end, &key))
		mp4->keys[mp4->key_count++] = arena_copy(mp4->arena, (const char *)key.data, key.size);
}

static void read_item(struct mp4 *mp4, const struct box *item)
{
	const unsigned char *at = item->data;
	size_t number = media_u32(item->type);
	const char *key = number >= 1 && number <= mp4->key_count ? mp4->keys[number - 1] : NULL;
	struct box data;

	if (is_type(item, "\xa9"
			  "cmt"))
		key = "comment";
	while (key && next_box(&at, item->data + item->size, &data)) {
		if (is_type(&data, "data") && data.size >= 8) /* a type and a locale before the value */
			media_note(mp4->texts, key, arena_copy(mp4->arena, (const char *)data.data + 8, data.size - 8),
				   data.size - 8);
	}
}

/* A `meta` begins with a version and flags, but for QuickTime's. */
static const unsigned char *children_of(const struct box *box)
{
	return is_type(box, "meta") && box->size >= 12 && memcmp(box->data + 4, "hdlr", 4) != 0 ? box->data + 4 : box->data;
}

static void read_boxes(struct mp4 *mp4, const unsigned char *at, const unsigned char *end, unsigned depth)
{
	struct box box;

	while (next_box(&at, end, &box)) {
		bool holds = is_type(&box, "moov") || is_type(&box, "udta") || is_type(&box, "meta");

		if (holds && depth < DEPTH_MAX)
			read_boxes(mp4, children_of(&box), box.data + box.size, depth + 1);
		else if (is_type(&box, "keys"))
			read_keys(mp4, &box);
		else if (is_type(&box, "ilst")) {
			const unsigned char *items = box.data;
			struct box item;

			while (next_box(&items, box.data + box.size, &item))
				read_item(mp4, &item);
		}
	}
}

static void read_mp4(struct arena *arena, const unsigned char *bytes, size_t size_bytes, struct media_texts *texts)
{
	struct mp4 mp4 = { .arena = arena, .texts = texts };

	read_boxes(&mp4, bytes, bytes + size_bytes, 0);
}

const struct media_format media_mp4 = {
	.name = "MP4",
	.is = is_mp4,
	.read = read_mp4,
};
