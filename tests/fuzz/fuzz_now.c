/* Any bytes as a probe's answer (after two that are a terminal's width and height): refused with words, or a state that is read again
 * as it was written, and a screen that fits and cannot do anything to a terminal. */
#include <stdlib.h>
#include <string.h>

#include "cli/live/watch_screen.h"
#include "cli/live/watch_text.h"
#include "core/base/json.h"
#include "core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct live_now *now)
{
	json_t *written = live_now_json(now, NULL);
	struct live_now *again = written ? live_now_parse(written, NULL) : NULL;
	json_t *rewritten = again ? live_now_json(again, NULL) : NULL;

	if (!rewritten || !json_equal(written, rewritten))
		abort();
	json_decref(rewritten);
	live_now_free(again);
	json_decref(written);
}

static void check_screen(const char *text, const struct watch_shape *shape)
{
	unsigned lines = 0;

	if (!utf8_check(text, strlen(text), NULL))
		abort();
	while (*text) {
		size_t length = strcspn(text, "\n");
		char *line = strndup(text, length);

		for (size_t i = 0; i < length; i++) {
			if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
				abort();
		}
		if (text[length] != '\n' || watch_text_columns(line, true) > shape->width || ++lines > shape->height)
			abort();
		free(line);
		text += length + 1;
	}
}

static void draw(const struct live_now *now, unsigned width, unsigned height)
{
	struct watch_view view = { .url = "http://127.0.0.1:8188", .now = now, .age_ns = 1, .interval_ns = height % 2 };
	const struct watch_shape shape = { .width = width ? width : 1, .height = height ? height : 1, .utf8 = width % 2 };
	struct strbuf out = STRBUF_INIT;

	view.sort = (enum watch_sort)(width % WATCH_SORT_COUNT);
	view.only_kept = height % 3 == 0;
	if (!watch_screen(&view, &shape, &out, NULL))
		abort();
	check_screen(strbuf_text(&out), &shape);
	strbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error e = ERROR_INIT;
	json_t *answer = size > 2 ? json_parse((const char *)data + 2, size - 2, "fuzz", true, &e) : NULL;
	struct live_now *now = answer ? live_now_parse(answer, &e) : NULL;

	if (now) {
		check_again(now);
		draw(now, data[0], data[1]);
	} else if (size > 2 && !error_is_set(&e)) {
		abort();
	}
	live_now_free(now);
	json_decref(answer);
	return 0;
}
