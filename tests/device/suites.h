/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_DEVICE_SUITES_H
#define RESIDENCY_TESTS_DEVICE_SUITES_H

#include <check.h>

Suite *topology_suite(void);
Suite *builtin_topologies_suite(void);
Suite *cache_suite(void);
Suite *sim_suite(void);
Suite *host_suite(void);
Suite *commands_suite(void);

#endif
