/* fixture.h - a machine for one test: described in a few lines, closed by the fixture.
 *
 * Text in single quotes is JSON with its double quotes written as single ones, so that a topology can be read in a test.
 */
#ifndef RESIDENCY_TESTS_DEVICE_FIXTURE_H
#define RESIDENCY_TESTS_DEVICE_FIXTURE_H

#include "core/base/event.h"
#include "core/device/device.h"

#define COPIES_MAX 64

struct fixture {
	struct machine *machine;
	struct device *cpu, *gpu0, *gpu1, *gpu2; /* NULL where there is none */
	struct observer observer;
	struct transfer_event copies[COPIES_MAX]; /* as they were told */
	size_t copy_count;
};

/* The text with ' turned into "; the caller frees. */
char *fixture_json(const char *text);

/* A machine of this topology; the test fails where that is an error. */
void fixture_open(struct fixture *fixture, const char *topology, const struct backend *backend);
void fixture_close(struct fixture *fixture);

/* A buffer; the test fails where there is no room. */
struct buffer fixture_alloc(struct device *device, uint64_t size_bytes);

/* A whole-buffer copy, on the stream of the device that receives it or on the link's. */
void fixture_copy(const struct buffer *to, const struct buffer *from, enum stream_kind kind);

#endif
