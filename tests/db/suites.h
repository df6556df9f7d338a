/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_DB_SUITES_H
#define RESIDENCY_TESTS_DB_SUITES_H

#include "tests/harness/harness.h"

Suite *record_suite(void);
Suite *ring_suite(void);
Suite *store_suite(void);
Suite *writer_suite(void);

#endif
