/* live_client.c - libcurl, one handle for a client, one exchange at a time.
 *
 * exchange() sends once and classifies the result; ask() repeats a GET with growing pauses; a POST is repeated only if
 * the connection was refused. An answer is collected up to a limit. Python writes NaN and Infinity, which JSON lacks:
 * they are replaced in place before parsing.
 */
#include "probes/live/live_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/base/string.h"

#define ANSWER_BYTES_MAX (256u << 20) /* /object_info of a server with many packs is a few MB */
#define CONNECT_MS 3000
#define POLL_MS 50

struct live_client {
	CURL *curl;
	char *url;
	struct live_limits limits;
	const bool *interrupted;
	struct strbuf answer;
	bool too_long;
};

/* ---- a client ---- */

static char *whole_url(const char *url, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	size_t length = strlen(url);

	while (length > 0 && url[length - 1] == '/')
		length--;
	if (!strstr(url, "://"))
		strbuf_append(&text, "http://");
	strbuf_append_n(&text, url, length);
	return strbuf_finish(&text, e);
}

struct live_client *live_client_open(const char *url, const struct live_limits *limits, const bool *interrupted,
				     struct error *e)
{
	struct live_client *client;

	if (!url[0] || strpbrk(url, " \t\r\n")) {
		error_set(e, ERROR_USAGE, "\"%.80s\" is no server's address; http://127.0.0.1:8188 is", url);
		return NULL;
	}
	client = array_new(1, sizeof(*client), e);
	if (!client)
		return NULL;
	if (limits)
		client->limits = *limits;
	client->limits.answer_ms = client->limits.answer_ms ? client->limits.answer_ms : 20000;
	client->limits.tries = client->limits.tries ? client->limits.tries : 5;
	client->limits.pause_ms = client->limits.pause_ms ? client->limits.pause_ms : 100;
	client->interrupted = interrupted;
	client->url = whole_url(url, e);
	client->curl = curl_easy_init();
	if (client->url && client->curl)
		return client;
	error_no_memory(e);
	live_client_close(client);
	return NULL;
}

void live_client_close(struct live_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	strbuf_free(&client->answer);
	free(client->url);
	free(client);
}

const char *live_client_url(const struct live_client *client)
{
	return client->url;
}

void live_client_finish_up(struct live_client *client)
{
	client->interrupted = NULL;
	client->limits.tries = 1;
}

static bool is_interrupted(const struct live_client *client)
{
	return client->interrupted && __atomic_load_n(client->interrupted, __ATOMIC_RELAXED);
}

bool live_client_pause(const struct live_client *client, unsigned ms, struct error *e)
{
	while (ms > 0 && !is_interrupted(client)) {
		unsigned part = ms < POLL_MS ? ms : POLL_MS;
		struct timespec time = { .tv_sec = 0, .tv_nsec = (long)part * 1000000 };

		nanosleep(&time, NULL);
		ms -= part;
	}
	return !is_interrupted(client) || error_set(e, ERROR_INTERRUPTED, "interrupted");
}

/* ---- one exchange ---- */

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
	struct live_client *client = context;

	if (client->answer.length + size * count > ANSWER_BYTES_MAX) {
		client->too_long = true;
		return 0;
	}
	strbuf_append_n(&client->answer, bytes, size * count);
	return strbuf_ok(&client->answer) ? size * count : 0;
}

static int watch(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	(void)down_total, (void)down, (void)up_total, (void)up;
	return is_interrupted(context);
}

/* Sends once. The HTTP status, 0 where none came; *code says why. */
static long exchange(struct live_client *client, const char *path, const char *body, CURLcode *code)
{
	struct strbuf url = STRBUF_INIT;
	struct curl_slist *headers = NULL;
	long status = 0;

	strbuf_clear(&client->answer);
	client->too_long = false;
	strbuf_printf(&url, "%s%s", client->url, path);
	curl_easy_reset(client->curl);
	curl_easy_setopt(client->curl, CURLOPT_URL, strbuf_text(&url));
	curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)client->limits.answer_ms);
	curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(client->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, watch);
	curl_easy_setopt(client->curl, CURLOPT_XFERINFODATA, client);
	if (body) {
		/* a connection that the server has just closed would look like a request that got lost */
		curl_easy_setopt(client->curl, CURLOPT_FRESH_CONNECT, 1L);
		headers = curl_slist_append(NULL, "Content-Type: application/json");
		curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
	}
	*code = strbuf_ok(&url) ? curl_easy_perform(client->curl) : CURLE_OUT_OF_MEMORY;
	if (*code == CURLE_OK)
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(headers);
	strbuf_free(&url);
	return status;
}

static bool tell_failure(const struct live_client *client, const char *method, const char *path, CURLcode code, struct error *e)
{
	if (is_interrupted(client))
		return error_set(e, ERROR_INTERRUPTED, "interrupted");
	if (code == CURLE_OUT_OF_MEMORY || !strbuf_ok(&client->answer))
		return error_no_memory(e);
	if (client->too_long)
		return error_set(e, ERROR_FORMAT, "%s %s%s: the answer is longer than %u MiB", method, client->url, path,
				 ANSWER_BYTES_MAX >> 20);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_set(e, ERROR_ABSENT, "%s %s%s: no whole answer within %g s", method, client->url, path,
				 client->limits.answer_ms / 1000.0);
	return error_set(e, code == CURLE_URL_MALFORMAT ? ERROR_USAGE : ERROR_ABSENT, "%s %s%s: %s", method, client->url, path,
			 curl_easy_strerror(code));
}

/* Of a prompt that is refused, the first node that is to blame. */
static void tell_node(const json_t *answer, struct error *e)
{
	const char *id;
	json_t *node;

	json_object_foreach(json_object_get(answer, "node_errors"), id, node)
	{
		const json_t *first = json_array_get(json_object_get(node, "errors"), 0);
		const char *class_type = json_string_value(json_object_get(node, "class_type"));
		const char *message = json_string_value(json_object_get(first, "message"));
		const char *details = json_string_value(json_object_get(first, "details"));

		error_context(e, "node %.20s (%.60s): %.100s: %.150s", id, class_type ? class_type : "?",
			      message ? message : "?", details ? details : "");
		return;
	}
}

/* What a server says is wrong: {"error":"..."} or {"error":{"message","details"}}, else the answer's first words. */
static bool tell_status(const struct live_client *client, const char *method, const char *path, long status, struct error *e)
{
	const char *text = strbuf_text(&client->answer);
	json_t *answer = json_parse(text, strlen(text), "an answer", true, NULL);
	const json_t *said = json_object_get(answer, "error");
	const char *message = json_string_value(json_is_object(said) ? json_object_get(said, "message") : said);
	const char *details = json_string_value(json_object_get(said, "details"));
	enum error_kind kind = status == 404 || status == 409 ? ERROR_UNSUPPORTED : status >= 500 ? ERROR_IO : ERROR_NODE;

	error_set(e, kind, "%s %s%s: status %ld: %.200s%s%.200s", method, client->url, path, status, message ? message : text,
		  details && details[0] ? ": " : "", details ? details : "");
	tell_node(answer, e);
	json_decref(answer);
	return false;
}

/* ---- Python's JSON ---- */

/* Overwrites length bytes with a number, and spaces after it. */
static void overwrite(char *at, size_t length, const char *number)
{
	for (size_t i = 0; i < length; i++)
		at[i] = *number ? *number++ : ' ';
}

/* One token outside a string: what JSON has no word for becomes a number that is as good for the bounds of inputs, which is where
 * it stands. Returns its length. */
static size_t tame_token(char *at)
{
	static const struct {
		const char *word, *number;
	} words[] = { { .word = "-Infinity", .number = "-1e308" },
		      { .word = "Infinity", .number = "1e308" },
		      { .word = "NaN", .number = "0" } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t length = strlen(words[i].word);

		if (strncmp(at, words[i].word, length) == 0) {
			overwrite(at, length, words[i].number);
			return length;
		}
	}
	return 1;
}

/* Python writes what other readers refuse. In place. */
static void tame(char *text)
{
	bool in_string = false;

	while (text && *text) {
		if (*text == '"')
			in_string = !in_string;
		else if (in_string && *text == '\\' && text[1])
			text++;
		else if (!in_string) {
			text += tame_token(text);
			continue;
		}
		text++;
	}
}

/* ---- questions ---- */

static bool is_worth_another(const struct live_client *client, CURLcode code, long status)
{
	if (is_interrupted(client) || client->too_long || code == CURLE_OUT_OF_MEMORY || code == CURLE_URL_MALFORMAT)
		return false;
	return code != CURLE_OK || status >= 500;
}

/* True with the answer in client->answer. */
static bool ask(struct live_client *client, const char *path, bool (*whole)(const char *text, size_t length), struct error *e)
{
	unsigned pause_ms = client->limits.pause_ms;

	for (unsigned i = 1;; i++) {
		CURLcode code;
		long status = exchange(client, path, NULL, &code);
		bool last = i >= client->limits.tries;

		tame(client->answer.text);
		if (code == CURLE_OK && status == 200) {
			if (!whole || whole(strbuf_text(&client->answer), client->answer.length))
				return true;
			if (last)
				return error_set(e, ERROR_FORMAT, "GET %s%s: the answer is no JSON, or half of it: \"%.60s\"",
						 client->url, path, strbuf_text(&client->answer));
		} else if (last || !is_worth_another(client, code, status)) {
			return code == CURLE_OK ? tell_status(client, "GET", path, status, e)
						: tell_failure(client, "GET", path, code, e);
		}
		if (!live_client_pause(client, pause_ms, e))
			return false;
		pause_ms *= 2;
	}
}

static bool is_json(const char *text, size_t length)
{
	json_t *value = json_parse(text, length, "an answer", true, NULL);

	json_decref(value);
	return value != NULL;
}

json_t *live_client_get(struct live_client *client, const char *path, struct error *e)
{
	return ask(client, path, is_json, e) ? json_parse(strbuf_text(&client->answer), client->answer.length, path, true, e)
					     : NULL;
}

char *live_client_get_text(struct live_client *client, const char *path, bool (*whole)(const char *text, size_t length),
			   size_t *length, struct error *e)
{
	if (!ask(client, path, whole, e))
		return NULL;
	*length = client->answer.length;
	return string_copy_n(strbuf_text(&client->answer), client->answer.length, e);
}

json_t *live_client_post(struct live_client *client, const char *path, const json_t *body, struct error *e)
{
	char *text = json_text(body, JSON_COMPACT);
	unsigned pause_ms = client->limits.pause_ms;
	json_t *answer = NULL;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long status = 0;

	for (unsigned i = 1; text; i++) {
		status = exchange(client, path, text, &code);
		if (code != CURLE_COULDNT_CONNECT || i >= client->limits.tries)
			break;
		if (!live_client_pause(client, pause_ms, e))
			goto out;
		pause_ms *= 2;
	}
	if (code != CURLE_OK)
		tell_failure(client, "POST", path, code, e);
	else if (status != 200)
		tell_status(client, "POST", path, status, e);
	else if (client->answer.length == 0)
		answer = json_null();
	else {
		tame(client->answer.text);
		answer = json_parse(strbuf_text(&client->answer), client->answer.length, path, true, e);
	}
out:
	free(text);
	return answer;
}
