/* pressure_estimates.h - factors.csv, estimates.csv.gz, vae_estimates.csv and te_*.csv of part pressure. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_PRESSURE_ESTIMATES_H
#define RESIDENCY_TESTS_CONFORMANCE_PRESSURE_ESTIMATES_H

#include <stdbool.h>

#include "core/base/error.h"
#include "tests/conformance/part.h"

bool pressure_factors(const char *folder, struct tally *tally, struct error *e);
bool pressure_estimates(const char *folder, struct tally *tally, struct error *e);
bool pressure_vae_estimates(const char *folder, struct tally *tally, struct error *e);
bool pressure_text_estimates(const char *folder, struct tally *tally, struct error *e);
bool pressure_text_devices(const char *folder, struct tally *tally, struct error *e);

#endif
