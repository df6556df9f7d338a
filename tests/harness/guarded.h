/* guarded.h - a backend whose memory exists and cannot be touched, as a card's cannot.
 *
 * Its bytes can be read and written only by the slots of the backend: between them every page is PROT_NONE, so whoever follows
 * an address dies of SIGSEGV there and then. bytes_exist and computes are true, host_addressable is false. Copies run as late as
 * they may, so whoever reads before waiting, or frees too early, finds wrong bytes or a failed stream. Time and capacities are as
 * host's. A machine belongs to one thread.
 */
#ifndef RESIDENCY_TESTS_HARNESS_GUARDED_H
#define RESIDENCY_TESTS_HARNESS_GUARDED_H

#include "core/device/device.h"

extern const struct backend guarded_backend;

/* All bytes of a buffer on any backend whose bytes exist, as they are now. Borrowed: valid until 16 further calls, or where
 * host_addressable until the buffer is freed. The test fails where they cannot be read. */
const void *harness_bytes(const struct buffer *buffer);

#endif
