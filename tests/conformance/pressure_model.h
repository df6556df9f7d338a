/* pressure_model.h - models of part pressure, from their layers. */
#ifndef RESIDENCY_TESTS_CONFORMANCE_PRESSURE_MODEL_H
#define RESIDENCY_TESTS_CONFORMANCE_PRESSURE_MODEL_H

#include "tests/conformance/pressure_world.h"

/* A model of a sequence and its first patcher. ERROR_FORMAT when its size is not what the sequence says. */
bool pressure_model_add(struct world *world, const char *name, const json_t *model, struct error *e);

#endif
