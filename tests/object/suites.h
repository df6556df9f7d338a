#ifndef RESIDENCY_TESTS_OBJECT_SUITES_H
#define RESIDENCY_TESTS_OBJECT_SUITES_H

#include <check.h>

Suite *heap_suite(void);
Suite *collect_suite(void);
Suite *query_suite(void);

#endif
