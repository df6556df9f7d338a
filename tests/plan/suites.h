#ifndef RESIDENCY_TESTS_PLAN_SUITES_H
#define RESIDENCY_TESTS_PLAN_SUITES_H

#include <check.h>

Suite *advise_suite(void);
Suite *exact_suite(void);
Suite *placed_pass_suite(void);
Suite *predict_suite(void);
Suite *suggest_suite(void);

#endif
