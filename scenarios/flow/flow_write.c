/* flow_write.c - writes a flow as the JSON that flow_file.c reads.
 *
 * Members that have their default are left out, so that what is written by the shrinker is as short as what a person would write.
 * A failed allocation is noted and reported once, at the end.
 */
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/strbuf.h"
#include "core/manager/policy.h"
#include "scenarios/flow/flow_file.h"
#include "scenarios/flow/flow_words.h"

/* A text under way; a value that there was no memory for makes it fail. */
struct writing {
	struct strbuf text;
	bool failed;
};

/* ---- values ---- */

/* Both take the value over. */
static void set(struct writing *w, json_t *object, const char *key, json_t *value)
{
	w->failed |= json_object_set_new(object, key, value) != 0;
}

static void add(struct writing *w, json_t *list, json_t *value)
{
	w->failed |= json_array_append_new(list, value) != 0;
}

static json_t *model_value(struct writing *w, const struct matrix_model *model)
{
	json_t *value = json_object();

	set(w, value, "name", json_string(model->name));
	set(w, value, "kind", json_string(flow_kind_words[model->kind]));
	if (model->keep != KEEP_NONE)
		set(w, value, "keep", json_boolean(model->keep == KEEP_YES));
	if (model->lora != LORA_NONE)
		set(w, value, "lora", json_string(flow_lora_words[model->lora]));
	if (model->strength != 0 && model->strength != 1)
		set(w, value, "strength", json_real(model->strength));
	if (model->preview)
		set(w, value, "preview", json_true());
	if (model->size_mb)
		set(w, value, "size_mb", json_integer((json_int_t)model->size_mb));
	if (model->device)
		set(w, value, "device", json_string(model->device));
	return value;
}

static json_t *models_value(struct writing *w, const struct matrix_model *models, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		add(w, list, model_value(w, &models[i]));
	return list;
}

static void set_flag(struct writing *w, json_t *body, const char *key, enum wanted wanted)
{
	if (wanted != WANTED_ABSENT)
		set(w, body, key, json_boolean(wanted == WANTED_TRUE));
}

static json_t *body_value(struct writing *w, const struct flow_step *step)
{
	json_t *body = json_object();

	set_flag(w, body, "unload_models", step->unload_models);
	set_flag(w, body, "free_memory", step->free_memory);
	set_flag(w, body, "release_kept", step->release_kept);
	return body;
}

static json_t *target_value(const struct flow_step *step)
{
	return step->action.name ? json_string(step->action.name) : json_integer((json_int_t)step->index + 1);
}

static json_t *step_value(struct writing *w, const struct flow_step *step)
{
	const struct action_row *row = action_row(step->action.kind);
	json_t *list = json_array();

	add(w, list, json_string(row->word));
	switch (row->takes) {
	case TAKES_NOTHING:
	case TAKES_TAG:
		break;
	case TAKES_NUMBER:
		add(w, list, json_unsigned(step->action.number));
		break;
	case TAKES_OPTIONAL_NUMBER:
		if (step->action.number)
			add(w, list, json_unsigned(step->action.number));
		break;
	case TAKES_PATCH:
		add(w, list, json_string(step->action.name));
		break;
	case TAKES_DEVICE:
		add(w, list, json_string(step->action.name));
		add(w, list, json_unsigned(step->action.number));
		break;
	case TAKES_BODY:
		add(w, list, body_value(w, step));
		break;
	case TAKES_TARGET:
		add(w, list, target_value(step));
		break;
	case TAKES_MODELS:
		add(w, list, models_value(w, step->models, step->model_count));
		break;
	}
	if (step->tag && (row->takes == TAKES_TAG || row->takes == TAKES_MODELS))
		add(w, list, json_string(step->tag));
	return list;
}

/* ---- text ---- */

/* Takes the value over. */
static void append_value(struct writing *w, json_t *value)
{
	char *dumped = value ? json_text(value, JSON_ENCODE_ANY) : NULL;

	if (dumped)
		strbuf_append(&w->text, dumped);
	else
		w->failed = true;
	free(dumped);
	json_decref(value);
}

static void append_member(struct writing *w, const char *key, json_t *value)
{
	strbuf_printf(&w->text, "\"%s\": ", key);
	append_value(w, value);
	strbuf_append(&w->text, ",\n");
}

static void append_text(struct writing *w, const char *key, const char *value)
{
	if (value && value[0])
		append_member(w, key, json_string(value));
}

static void append_setting(struct writing *w, const struct flow_setting *setting)
{
	append_text(w, "policy", setting->policy ? setting->policy->name : NULL);
	append_text(w, "cache", setting->has_cache ? cache_kind_name(setting->cache) : NULL);
	append_text(w, "device_mode", setting->has_device_mode ? subject_device_mode_name(setting->device_mode) : NULL);
	append_text(w, "node_flags", setting->has_node_flags ? subject_node_flags_name(setting->node_flags) : NULL);
	if (setting->has_seed)
		append_member(w, "seed", json_unsigned(setting->seed));
}

static void append_words(struct writing *w, const struct flow *flow)
{
	json_t *reports = json_array();

	append_text(w, "name", flow->name);
	append_text(w, "alias", flow->alias);
	append_text(w, "summary", flow->summary);
	append_text(w, "help", flow->help);
	for (size_t i = 0; i < flow->report_count; i++)
		add(w, reports, json_string(flow->reports[i]));
	if (flow->report_count)
		append_member(w, "reports", json_incref(reports));
	json_decref(reports);
	if (flow->failure_class)
		append_member(w, "class", json_integer((json_int_t)flow->failure_class));
}

static void append_models(struct writing *w, const struct flow *flow)
{
	strbuf_append(&w->text, "\"models\": [");
	for (size_t i = 0; i < flow->model_count; i++) {
		strbuf_append(&w->text, i ? ",\n\t" : "\n\t");
		append_value(w, model_value(w, &flow->models[i]));
	}
	strbuf_append(&w->text, "\n],\n");
}

char *flow_to_text(const struct flow *flow, struct error *e)
{
	struct writing w = { .text = STRBUF_INIT };
	char *finished;

	strbuf_append(&w.text, "{\n");
	append_words(&w, flow);
	append_setting(&w, &flow->setting);
	append_text(&w, "matrix", flow->matrix);
	if (flow->model_count)
		append_models(&w, flow);
	strbuf_append(&w.text, "\"actions\": [");
	for (size_t i = 0; i < flow->step_count; i++) {
		strbuf_append(&w.text, i ? ",\n\t" : "\n\t");
		append_value(&w, step_value(&w, &flow->steps[i]));
	}
	strbuf_append(&w.text, "\n]\n}\n");
	finished = w.failed ? NULL : strbuf_finish(&w.text, e);
	if (w.failed)
		error_no_memory(e);
	strbuf_free(&w.text);
	return finished;
}
