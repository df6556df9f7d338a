#include "tests/device/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness/harness.h"

char *fixture_json(const char *text)
{
	char *json = strdup(text);

	ck_assert_ptr_nonnull(json);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	return json;
}

static void note_copy(void *context, const struct transfer_event *event)
{
	struct fixture *fixture = context;

	if (fixture->copy_count < COPIES_MAX)
		fixture->copies[fixture->copy_count] = *event;
	fixture->copy_count++;
}

void fixture_open(struct fixture *fixture, const char *text, const struct backend *backend)
{
	struct error e = ERROR_INIT;
	char *json = fixture_json(text);
	struct topology *topology = topology_parse(json, strlen(json), "fixture", &e);

	free(json);
	ck_assert_ok(topology, &e);
	*fixture = (struct fixture) { .machine = machine_open(topology, backend, &e) };
	topology_free(topology);
	ck_assert_ok(fixture->machine, &e);
	fixture->observer = (struct observer) { .context = fixture, .transfer = note_copy };
	machine_observe(fixture->machine, &fixture->observer);
	fixture->cpu = machine_find(fixture->machine, "cpu");
	fixture->gpu0 = machine_find(fixture->machine, "cuda:0");
	fixture->gpu1 = machine_find(fixture->machine, "cuda:1");
	fixture->gpu2 = machine_find(fixture->machine, "cuda:2");
}

void fixture_close(struct fixture *fixture)
{
	machine_close(fixture->machine);
	fixture->machine = NULL;
}

struct buffer fixture_alloc(struct device *device, uint64_t size_bytes)
{
	struct error e = ERROR_INIT;
	struct buffer buffer;

	ck_assert_ok(device_alloc(device, size_bytes, &buffer, &e), &e);
	return buffer;
}

void fixture_copy(const struct buffer *to, const struct buffer *from, enum stream_kind kind)
{
	struct error e = ERROR_INIT;
	struct stream *link = stream_of_link(from->device, to->device, &e);
	const struct transfer transfer = {
		.stream = kind == STREAM_COPY ? link : device_stream(to->device),
		.to = to,
		.from = from,
		.size_bytes = from->size_bytes,
	};

	ck_assert_ok(link, &e);
	ck_assert_ok(device_copy(&transfer, &e), &e);
}
