/* plan_picture.h - what is made with the model that is planned, and what a pass then costs. */
#ifndef RESIDENCY_CLI_PLAN_PICTURE_H
#define RESIDENCY_CLI_PLAN_PICTURE_H

#include <stdio.h>

#include "core/plan/suggest/costs.h"

/* resolution: "1024x1024" or "1024"; frames: of video, 0 where nothing was said. The caller frees *costs with costs_free(), also
 * after an error. */
bool plan_picture_read(const char *resolution, int64_t frames, const struct plan_block *blocks, size_t count,
		       struct picture *picture, struct pass_costs *costs, struct error *e);

/* "1024x1024, 81 frames", or "a prompt". */
void plan_picture_show(const struct picture *picture, const struct model_profile *profile, FILE *out);

/* Of an iteration: "s/it", or "s a prompt". */
const char *plan_picture_unit(const struct model_profile *profile);

#endif
