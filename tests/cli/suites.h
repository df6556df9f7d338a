/* suites.h - the suites of this area. */
#ifndef RESIDENCY_TESTS_CLI_SUITES_H
#define RESIDENCY_TESTS_CLI_SUITES_H

#include <check.h>

Suite *files_suite(void);
Suite *formats_suite(void);
Suite *options_suite(void);
Suite *program_suite(void);
Suite *matrix_suite(void);
Suite *plan_suite(void);
Suite *replay_suite(void);
Suite *trouble_suite(void);
Suite *triage_suite(void);
Suite *explore_suite(void);
Suite *patch_command_suite(void);
Suite *patch_layouts_suite(void);
Suite *import_suite(void);
Suite *report_suite(void);

#endif
