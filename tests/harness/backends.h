/* backends.h - tests that run on every backend whose bytes exist: on host, and on guarded, whose memory cannot be touched. */
#ifndef RESIDENCY_TESTS_HARNESS_BACKENDS_H
#define RESIDENCY_TESTS_HARNESS_BACKENDS_H

#include <check.h>

#include "core/device/device.h"

/* The backend of the running test: set before its fixture is called, host_backend elsewhere. */
extern const struct backend *harness_backend;

/* Adds the tests once for each backend, with make and unmake as their checked fixture. A test has two minutes. */
void harness_add_on_backends(Suite *suite, SFun make, SFun unmake, const TTest *const *tests, size_t count);

#endif
