/* watch.c - an answer of the probe is parsed, written as JSON, and drawn as a screen of `live watch`.
 *
 * The answer has a row of everything that a screen shows: a queue, a device, a held model, one that left, actions past and
 * running. */
#include <string.h>

#include "cli/live/watch_screen.h"
#include "core/base/json.h"
#include "tests/torture/torture.h"

static const char text[] =
	"{\"layout\":1,\"session\":\"s\",\"on\":true,\"failures\":0,\"time_ns\":9000000000,\"looked_ns\":9000000000,"
	"\"queue\":{\"running\":1,\"pending\":2,\"flags\":[\"unload_models\",\"free_memory\"],\"node\":\"5\",\"class\":"
	"\"KSampler\"},"
	"\"devices\":[{\"name\":\"cuda:0\",\"total_bytes\":100,\"free_bytes\":null,\"weights_bytes\":7}],"
	"\"models\":[{\"model\":1,\"name\":\"flux\",\"kind\":\"unet\",\"keep\":true,\"state\":\"resident\",\"listed\":0,"
	"\"device\":\"cuda:0\",\"bytes\":{\"cuda:0\":5,\"cpu\":2},\"blocks\":[[\"cuda:0\",3],[\"cpu\",1]],"
	"\"holders\":[{\"label\":\"node 1\",\"kind\":\"cache\",\"strong\":true}]}],"
	"\"left\":[{\"model\":2,\"name\":\"t5\",\"kind\":\"clip\",\"keep\":true,\"reason\":\"died_in_gc\",\"time_ns\":1}],"
	"\"actions\":[{\"action\":\"gc.collect\",\"began_ns\":1,\"duration_ns\":2,"
	"\"changes\":[{\"name\":\"t5\",\"what\":\"left\",\"reason\":\"died_in_gc\"},{\"name\":\"flux\",\"what\":\"came\"}]}],"
	"\"running\":[{\"action\":\"execute\",\"began_ns\":1}]}";

static bool draw(const struct live_now *now, struct error *e)
{
	const struct watch_view view = { .url = "http://127.0.0.1:8188", .now = now, .interval_ns = 1 };
	const struct watch_shape shape = { .width = 120, .height = 40, .utf8 = true, .colour = true };
	struct strbuf out = STRBUF_INIT;
	bool fine = watch_screen(&view, &shape, &out, e);

	strbuf_free(&out);
	return fine;
}

TORTURE_PIECE(torture_now, "a probe's answer, on a screen")
{
	json_t *answer = json_parse(text, sizeof(text) - 1, "torture", false, e);
	struct live_now *now = answer ? live_now_parse(answer, e) : NULL;
	json_t *written = now ? live_now_json(now, e) : NULL;
	bool fine = written && draw(now, e);

	json_decref(written);
	live_now_free(now);
	json_decref(answer);
	return fine;
}
