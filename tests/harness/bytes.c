/* bytes.c - all bytes of a buffer, for tests that compare them. They are mapped in turn into a few places, the oldest of which is
 * unmapped for the next.
 */
#include "core/base/array.h"
#include "tests/harness/guarded.h"
#include "tests/harness/harness.h"

const void *harness_bytes(const struct buffer *buffer)
{
	static struct mapping places[16];
	static size_t next;
	struct mapping *place = &places[next++ % ARRAY_SIZE(places)];
	struct error e = ERROR_INIT;

	device_unmap(place, true, NULL);
	ck_assert_ok(device_map(buffer, MAP_READ, place, &e), &e);
	return place->bytes;
}
