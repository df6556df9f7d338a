/* log_lists.c - lists of models: who is in the loaded list, and who an unload keeps.
 *
 * A list is complete when as many rows have come as its title promised; only then it says who has left. A row's flags are of the
 * loader that made the model; what an unload shows to be kept outweighs them.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/keep_flag.h"
#include "probes/log/log_state.h"

/* The value behind a key in "0: Flux, keep_loaded=False, hash=d78780cf"; cut at the comma. false if the key is not there. */
static bool read_pair(const char *text, const char *key, char *value, size_t value_size_bytes)
{
	const char *found = strstr(text, key);
	size_t length;

	value[0] = '\0';
	if (!found)
		return false;
	found += strlen(key);
	length = strcspn(found, ", ");
	if (length >= value_size_bytes)
		length = value_size_bytes - 1;
	memcpy(value, found, length);
	value[length] = '\0';
	return true;
}

void log_list_begin(struct log_import *import, struct log_list *list, const char *text)
{
	double count;

	list->open = false;
	list->count = 0;
	text += strspn(text, " ");
	if (!isdigit((unsigned char)*text)) {
		log_complain(import, "a list of models without their number", text);
		return;
	}
	count = strtod(text, NULL);
	if (!(count <= LOG_MODELS_MAX)) {
		import->over_limit = true;
		return;
	}
	list->wanted = (size_t)count;
	list->open = list->wanted > 0;
	if (!list->open)
		log_cell_listed(import, list);
}

/* A flag that says "keep" is the loader's own, and what an unload has shown to be kept outweighs a false. One that says "unload"
 * holds for the next unload. */
static void take_keep_flag(struct log_model *model, const struct keep_flag *flag, bool value)
{
	enum keep_request asked = keep_flag_asks(flag, value);

	if (flag->true_keeps) {
		model->is_flagged = true;
		if (asked == KEEP_YES || !model->kept)
			model->keep = asked;
		return;
	}
	model->ejects = asked == KEEP_NO;
	if (model->ejects)
		model->keep = KEEP_NO;
}

static void read_flags(struct log_model *model, const char *text)
{
	char value[8];

	if (read_pair(text, "in_store=", value, sizeof(value)) && strcmp(value, "True") == 0)
		model->is_distributed = true;
	for (const struct keep_flag *flag = keep_log_keys; flag->name; flag++) {
		char key[64];

		snprintf(key, sizeof(key), "%s=", flag->name);
		if (!read_pair(text, key, value, sizeof(value)))
			continue;
		take_keep_flag(model, flag, strcmp(value, "True") == 0);
		return;
	}
}

void log_list_row(struct log_import *import, const char *text)
{
	struct log_list *list = &import->list;
	char class_name[RECORD_NAME_MAX];
	char number[RECORD_NAME_MAX];
	struct log_model *model;
	char hash[17];

	snprintf(number, sizeof(number), "%.10s", text);
	number[strspn(number, "0123456789")] = '\0';
	if (!number[0] || text[strlen(number)] != ':' || !read_pair(text, ": ", class_name, sizeof(class_name)) ||
	    !class_name[0]) {
		log_complain(import, "a row of a list of models without number or class", text);
		list->open = false;
		return;
	}
	if (!list->open)
		return;
	if (strtoul(number, NULL, 10) != list->count) { /* a row is missing: the list says nothing of who left */
		list->open = false;
		log_complain(import, "a row of a list of models out of its order", text);
		return;
	}
	read_pair(text, "hash=", hash, sizeof(hash));
	model = log_cell_model(import, class_name, hash, list);
	if (!model || list->count == LOG_MODELS_MAX) {
		list->open = false;
		return;
	}
	list->models[list->count++] = (uint32_t)(model - import->models);
	read_flags(model, text);
	if (list->count == list->wanted) {
		list->open = false;
		log_cell_listed(import, list);
	}
}

/* It survives an unload by a flag. A stock loader's model does so because it has none; no user asked for it. */
static void mark_kept(struct log_model *model)
{
	if (!model->is_flagged && !model->is_distributed)
		return;
	model->keep = KEEP_YES;
	model->kept = true;
}

/* Names the class only: the first such in the list that is not flagged to go. */
void log_list_keeps(struct log_import *import, const char *class_name)
{
	struct log_list *list = &import->list;

	for (size_t i = 0; i < list->count; i++) {
		struct log_model *model = &import->models[list->models[i]];
		bool taken = false;

		for (size_t k = 0; k < import->kept.count; k++)
			taken |= import->kept.models[k] == list->models[i];
		if (taken || model->ejects || strcmp(model->class_name, class_name) != 0)
			continue;
		mark_kept(model);
		import->kept.models[import->kept.count++] = list->models[i];
		return;
	}
}

void log_list_unload_ends(struct log_import *import, const char *text)
{
	size_t count = strtoul(text, NULL, 10);

	log_cell_stage_later(import, STAGE_AFTER_UNLOAD);
	if (isdigit((unsigned char)text[0]) && count == import->kept.count)
		log_cell_listed(import, &import->kept);
}

/* All are flagged to stay, and the original function, which knows no flags, is called. */
void log_list_delegated(struct log_import *import)
{
	for (size_t i = 0; i < import->list.count; i++) {
		struct log_model *model = &import->models[import->list.models[i]];

		if (!model->ejects)
			mark_kept(model);
	}
	log_cell_stage_later(import, STAGE_AFTER_UNLOAD);
	import->core_empties = import->list.count > 0;
	import->cause = REASON_UNLOADED_BY_CORE;
}
