/* keep_flag.c - the tables of keep flags, and the one place where one flag is preferred to another.
 *
 * The first generations of ComfyUI-MultiGPU say that this model is to be kept; from v2.5.1 on a loader says whether the others
 * are to be ejected, at the same place in a saved workflow and with the opposite meaning. To keep a model and to eject no others
 * are taken for one request here. On a model the flag has a third form, the unload flag of the early versions, which is true for
 * a model not to be kept; in a log its false is written of models without a flag, too, and says nothing there.
 */
#include "core/base/keep_flag.h"

#include <string.h>

const struct keep_flag keep_inputs[] = {
	{ .name = "eject_models",
	  .true_keeps = false,
	  .versions = "dde3480 (v2.5.1) and later",
	  .set_on = "what DisTorch2 loaders and the advanced checkpoint loader load" },
	{ .name = "keep_loaded",
	  .true_keeps = true,
	  .versions = "01df082 to 07b429f (v2.5.0)",
	  .set_on = "what DisTorch2 loaders load" },
	{ .name = NULL },
};

const struct keep_flag keep_attributes[] = {
	{ .name = "_mgpu_eject_models", .true_keeps = false, .versions = "dde3480 (v2.5.1)", .set_on = "UNets alone" },
	{ .name = "_mgpu_unload_distorch_model",
	  .true_keeps = false,
	  .versions = "01df082, 1ca3daf, 07b429f (there on the patcher, too)",
	  .set_on = "every model of a DisTorch2 loader" },
	{ .name = "_mgpu_keep_loaded",
	  .true_keeps = true,
	  .versions = "ae8bb7c",
	  .set_on = "every model of a DisTorch2 loader" },
	{ .name = NULL },
};

const struct keep_flag keep_log_keys[] = {
	{ .name = "unload_distorch_model",
	  .true_keeps = false,
	  .only_true_speaks = true,
	  .versions = "01df082, 1ca3daf, 07b429f",
	  .set_on = "every model of the list; False where no loader set one" },
	{ .name = "keep_loaded", .true_keeps = true, .versions = "ae8bb7c", .set_on = "every model of the list" },
	{ .name = NULL },
};

const struct keep_flag *keep_flag_find(const struct keep_flag *table, const char *name)
{
	for (const struct keep_flag *flag = table; flag->name; flag++) {
		if (strcmp(flag->name, name) == 0)
			return flag;
	}
	return NULL;
}

enum keep_request keep_flag_asks(const struct keep_flag *flag, bool value)
{
	if (!value && flag->only_true_speaks)
		return KEEP_NONE;
	return value == flag->true_keeps ? KEEP_YES : KEEP_NO;
}

bool keep_flag_value(const struct keep_flag *flag, bool keep)
{
	return keep == flag->true_keeps;
}

enum keep_request keep_inputs_ask(const struct keep_flag *own,
				  bool (*given)(const void *context, const char *input, bool *value), const void *context)
{
	bool value;

	if (own && given(context, own->name, &value))
		return keep_flag_asks(own, value);
	for (const struct keep_flag *flag = keep_inputs; flag->name; flag++) {
		if (given(context, flag->name, &value))
			return keep_flag_asks(flag, value);
	}
	return KEEP_NONE;
}

static bool json_gives(const void *context, const char *input, bool *value)
{
	const json_t *json = json_object_get(context, input);

	*value = json_is_true(json);
	return json_is_boolean(json);
}

enum keep_request keep_inputs_ask_json(const struct keep_flag *own, const json_t *inputs)
{
	return keep_inputs_ask(own, json_gives, inputs);
}
