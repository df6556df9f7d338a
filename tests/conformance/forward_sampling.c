/* End to end, noise, schedules and samplers. */
#include <math.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/strbuf.h"
#include "core/compute/inference.h"
#include "core/compute/noise.h"
#include "core/compute/schedule.h"
#include "core/compute/text.h"
#include "tests/conformance/forward.h"

void forward_e2e(struct forward *f)
{
	(void)f;
}

void forward_noise(struct forward *f)
{
	(void)f;
}

void forward_schedules(struct forward *f)
{
	(void)f;
}

void forward_samplers(struct forward *f)
{
	(void)f;
}
