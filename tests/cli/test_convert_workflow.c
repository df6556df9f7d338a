/* residency convert-workflow: files in, prompts out, words on what is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/cli/run.h"
#include "tests/harness/harness.h"

static char *folder;

static void setup(void)
{
	folder = harness_make_folder();
}

static void teardown(void)
{
	harness_remove_folder(folder);
}

static void put_file(const char *name, const void *bytes, size_t length)
{
	free(write_file(folder, name, bytes, length));
}

static void put_text(const char *name, const char *text)
{
	put_file(name, text, strlen(text));
}

#define CANVAS "{\"version\":0.4,\"nodes\":[{\"id\":3,\"type\":\"RandomNoise\",\"widgets_values\":[7,\"fixed\"]}]}"
#define PROMPT "{\"3\":{\"inputs\":{\"noise_seed\":7},\"class_type\":\"RandomNoise\",\"_meta\":{\"title\":\"RandomNoise\"}}}\n"

START_TEST(a_canvas_becomes_a_prompt_on_standard_output_or_in_a_file)
{
	struct error e = ERROR_INIT;
	char path[400];
	size_t length;
	char *text;

	put_text("canvas.json", "\xef\xbb\xbf" CANVAS);
	text = run_text(0, "convert-workflow '%s/canvas.json'", folder);
	ck_assert_str_eq(text, PROMPT);
	free(text);
	free(run_text(0, "convert-workflow '%s/canvas.json' --frontend 1.27.10 --out '%s/prompt.json'", folder, folder));
	snprintf(path, sizeof(path), "%s/prompt.json", folder);
	text = file_read_whole(path, &length, &e);
	ck_assert_str_eq(text, PROMPT);
	free(text);
}
END_TEST

/* A chunk without a checksum that counts. */
static void add_chunk(struct strbuf *out, const char *type, const char *data, size_t length)
{
	const char size[4] = { 0, 0, (char)(length >> 8), (char)length };

	strbuf_append_n(out, size, 4);
	strbuf_append(out, type);
	strbuf_append_n(out, data, length);
	strbuf_append_n(out, "crc!", 4);
}

START_TEST(a_picture_gives_its_canvas_before_its_prompt)
{
	static const char canvas[] = "workflow\0" CANVAS;
	struct strbuf png = STRBUF_INIT;
	char *text;

	strbuf_append_n(&png, "\x89PNG\r\n\x1a\n", 8);
	add_chunk(&png, "tEXt", "prompt\0{}", 9);
	add_chunk(&png, "tEXt", canvas, sizeof(canvas) - 1);
	put_file("a.png", strbuf_text(&png), png.length);
	text = run_text(0, "convert-workflow '%s/a.png'", folder);
	ck_assert_str_eq(text, PROMPT);
	free(text);
	put_file("b.png", strbuf_text(&png), 8);
	text = run_text(7, "convert-workflow '%s/b.png' 2>&1", folder);
	ck_assert_msg(strstr(text, "b.png: no workflow is stored in this PNG file") != NULL, "%s", text);
	free(text);
	strbuf_free(&png);
}
END_TEST

/* A box holding what was put behind `from`. */
static void close_box(struct strbuf *out, size_t from)
{
	size_t size = out->length - from;

	out->text[from] = out->text[from + 1] = 0;
	out->text[from + 2] = (char)(size >> 8);
	out->text[from + 3] = (char)size;
}

static size_t open_box(struct strbuf *out, const char *type)
{
	size_t from = out->length;

	strbuf_append_n(out, "size", 4);
	strbuf_append_n(out, type, 4);
	return from;
}

START_TEST(a_video_gives_the_item_that_its_key_names)
{
	struct strbuf mp4 = STRBUF_INIT;
	size_t boxes[8];
	char *text;

	boxes[0] = open_box(&mp4, "ftyp");
	strbuf_append_n(&mp4, "isom\0\0\0\0", 8);
	close_box(&mp4, boxes[0]);
	boxes[0] = open_box(&mp4, "moov");
	boxes[1] = open_box(&mp4, "udta");
	boxes[2] = open_box(&mp4, "meta");
	strbuf_append_n(&mp4, "\0\0\0\0", 4);
	boxes[3] = open_box(&mp4, "keys");
	strbuf_append_n(&mp4, "\0\0\0\0\0\0\0\1", 8);
	boxes[4] = open_box(&mp4, "mdta");
	strbuf_append(&mp4, "workflow");
	close_box(&mp4, boxes[4]);
	close_box(&mp4, boxes[3]);
	boxes[3] = open_box(&mp4, "ilst");
	boxes[4] = open_box(&mp4, "\0\0\0\1");
	boxes[5] = open_box(&mp4, "data");
	strbuf_append_n(&mp4, "\0\0\0\1\0\0\0\0", 8);
	strbuf_append(&mp4, CANVAS);
	for (int i = 5; i >= 0; i--)
		close_box(&mp4, boxes[i]);
	put_file("a.mp4", strbuf_text(&mp4), mp4.length);
	text = run_text(0, "convert-workflow '%s/a.mp4'", folder);
	ck_assert_str_eq(text, PROMPT);
	free(text);
	strbuf_free(&mp4);
}
END_TEST

START_TEST(a_webp_gives_the_tag_that_begins_with_the_key)
{
	static const char exif[] = "II*\0\x08\0\0\0\1\0\x0f\1\2\0\x5d\0\0\0\x1a\0\0\0\0\0\0\0workflow:" CANVAS;
	struct strbuf webp = STRBUF_INIT;
	char *text;

	ck_assert_uint_eq(sizeof(exif) - 1, 0x1a + 0x5d);
	strbuf_append_n(&webp, "RIFF\0\0\0\0WEBPEXIF", 16);
	strbuf_append_n(&webp, (const char[]) { (char)(sizeof(exif) - 1), 0, 0, 0 }, 4);
	strbuf_append_n(&webp, exif, sizeof(exif) - 1);
	put_file("a.webp", strbuf_text(&webp), webp.length);
	text = run_text(0, "convert-workflow '%s/a.webp'", folder);
	ck_assert_str_eq(text, PROMPT);
	free(text);
	strbuf_free(&webp);
}
END_TEST

START_TEST(classes_that_nobody_knows_are_named_on_the_way)
{
	char *text;

	put_text("c.json",
		 "{\"nodes\":[{\"id\":1,\"type\":\"Nope\"},{\"id\":2,\"type\":\"Nope\"},{\"id\":3,\"type\":\"Mine\"}]}");
	text = run_text(0, "convert-workflow '%s/c.json' 2>&1 >/dev/null", folder);
	ck_assert_msg(strncmp(text, "2 classes are not known", 23) == 0 && strstr(text, "\n  Nope\n  Mine\n"), "%s", text);
	free(text);
	put_text("info.json", "{\"Mine\":{\"input\":{},\"output\":[]}}");
	text = run_text(0, "convert-workflow '%s/c.json' --object-info '%s/info.json' 2>&1 >/dev/null", folder, folder);
	ck_assert_msg(strncmp(text, "1 class is not known", 20) == 0 && !strstr(text, "Mine"), "%s", text);
	free(text);
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_place)
{
	static const struct {
		int exit_code;
		const char *file, *arguments, *words;
	} cases[] = {
		{ .exit_code = 7,
		  .file = "{\"nodes\":[\n  oops]}",
		  .arguments = "",
		  .words = "line 2, column 3: a value is expected" },
		{ .exit_code = 7, .file = "{\"weights\":1}", .arguments = "", .words = "neither a canvas" },
		{ .exit_code = 2, .file = "{}", .arguments = "--frontend 2.0", .words = "there are 1.27, 1.49, 1.58" },
		{ .exit_code = 7, .file = "{}", .arguments = "--object-info nowhere.json", .words = "nowhere.json" },
		{ .exit_code = 2, .file = "{}", .arguments = "another.json", .words = "one workflow" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text;

		put_text("x.json", cases[i].file);
		text = run_text(cases[i].exit_code, "convert-workflow '%s/x.json' %s 2>&1", folder, cases[i].arguments);
		ck_assert_msg(strstr(text, cases[i].words) != NULL, "%s", text);
		free(text);
	}
}
END_TEST

HARNESS_SUITE(convert_workflow_suite)
{
	Suite *suite = suite_create("convert-workflow");
	TCase *tests = tcase_create("command");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_canvas_becomes_a_prompt_on_standard_output_or_in_a_file);
	tcase_add_test(tests, a_picture_gives_its_canvas_before_its_prompt);
	tcase_add_test(tests, a_video_gives_the_item_that_its_key_names);
	tcase_add_test(tests, a_webp_gives_the_tag_that_begins_with_the_key);
	tcase_add_test(tests, classes_that_nobody_knows_are_named_on_the_way);
	tcase_add_test(tests, what_is_wrong_is_said_with_its_place);
	suite_add_tcase(suite, tests);
	return suite;
}
