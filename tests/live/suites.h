/* suites.h - what check-live runs. */
#ifndef RESIDENCY_TESTS_LIVE_SUITES_H
#define RESIDENCY_TESTS_LIVE_SUITES_H

#include <check.h>

Suite *server_suite(void);
Suite *translation_suite(void);
Suite *records_suite(void);
Suite *command_suite(void);
Suite *real_suite(void);
Suite *now_suite(void);
Suite *screen_suite(void);
Suite *watch_suite(void);
Suite *sweep_suite(void);
Suite *sweep_evidence_suite(void);
Suite *guard_suite(void);

#endif
