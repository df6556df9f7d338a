#include "cli/plan/plan_picture.h"

#include <stdlib.h>

#define VIDEO_FRAMES 81u

static bool read_resolution(const char *text, struct picture *picture, struct error *e)
{
	char *end;
	unsigned long width = strtoul(text, &end, 10);
	unsigned long height = width;

	if (end != text && *end == 'x')
		height = strtoul(end + 1, &end, 10);
	if (*end || width < 16 || height < 16 || width > 16384 || height > 16384)
		return error_set(e, ERROR_USAGE,
				 "--resolution takes pixels from 16 to 16384, such as 1024 or 1280x720, not \"%.40s\"", text);
	picture->width = (unsigned)width;
	picture->height = (unsigned)height;
	return true;
}

bool plan_picture_read(const char *resolution, int64_t frames, const struct plan_block *blocks, size_t count,
		       struct picture *picture, struct pass_costs *costs, struct error *e)
{
	*costs = (struct pass_costs) { .blocks = NULL };
	if (frames < 0 || frames > 100000)
		return error_set(e, ERROR_USAGE, "--frames takes a number from 1 to 100000");
	picture->frames = frames ? (unsigned)frames : 1;
	if (!read_resolution(resolution, picture, e) || !costs_make(blocks, count, picture, costs, e))
		return false;
	if (!costs->profile.is_video || frames > 0)
		return true;
	picture->frames = VIDEO_FRAMES;
	costs_free(costs);
	return costs_make(blocks, count, picture, costs, e);
}

void plan_picture_show(const struct picture *picture, const struct model_profile *profile, FILE *out)
{
	if (profile->is_text) {
		fputs("a prompt", out);
		return;
	}
	fprintf(out, "%ux%u", picture->width, picture->height);
	if (picture->frames > 1)
		fprintf(out, ", %u frames", picture->frames);
}

const char *plan_picture_unit(const struct model_profile *profile)
{
	return profile->is_text ? "s a prompt" : "s/it";
}
