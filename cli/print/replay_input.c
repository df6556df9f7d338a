#include "cli/print/replay_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/find/workflow_find.h"
#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/nearest.h"
#include "core/workflow/frontend/frontend.h"
#include "scenarios/flow/flow_file.h"

static bool refuse_matrix(const char *name, struct error *e)
{
	struct nearest nearest = nearest_to(name);

	for (size_t i = 0; matrix_list[i]; i++)
		nearest_offer(&nearest, matrix_list[i]->name);
	error_set(e, ERROR_USAGE, "there is no matrix \"%.40s\"", name);
	return nearest_suggest(&nearest, e);
}

/* The matrix of --matrix, else the file's; none where the flow carries models. */
static bool find_matrix(struct replay_input *input, const char *wanted, struct error *e)
{
	const struct flow *flow = input->flow;
	const char *name = wanted ? wanted : flow->matrix;

	if (flow->model_count)
		return true;
	if (!name)
		return error_set(e, ERROR_USAGE,
				 "flow %s carries no models; say over which matrix: --matrix abc, de, none-kept, ...",
				 flow->name);
	input->matrix = matrix_find(name);
	if (!input->matrix)
		return refuse_matrix(name, e);
	return flow_fits(flow, input->matrix->model_count, e) ||
	       error_context(e, "flow %s on matrix %s", flow->name, input->matrix->name);
}

/* Whether it is a prompt already: nodes by id, each with its class. */
static bool is_prompt(const json_t *json)
{
	const char *id;
	json_t *node;

	if (json_object_size(json) == 0)
		return false;
	json_object_foreach((json_t *)(uintptr_t)json, id, node)
	{
		if (!json_object_get(node, "class_type"))
			return false;
	}
	return true;
}

/* A canvas, a request, a history entry or a picture with one of these in it, as a prompt. */
static json_t *convert(const struct workflow_text *text, const char *where, struct error *e)
{
	struct frontend_classes *classes = frontend_classes_builtin(e);
	struct frontend_request request = { .text = text->text,
					    .length = text->length,
					    .where = where,
					    .version = FRONTEND_1_49,
					    .classes = classes,
					    .clock_s = (int64_t)time(NULL) };
	char *prompt = classes ? frontend_convert(&request, e) : NULL;
	json_t *json = prompt ? json_parse(prompt, strlen(prompt), where, false, e) : NULL;

	free(prompt);
	frontend_classes_free(classes);
	return json;
}

/* What the file's text holds: a scenario's JSON or a prompt. Of a text that begins as JSON and is none, the JSON's error is told. */
static json_t *read_text(const struct workflow_text *text, const char *where, struct error *e)
{
	struct error not_json = ERROR_INIT;
	json_t *json = json_parse(text->text, text->length, where, true, &not_json);
	json_t *converted;

	if (json && (flow_is_json(json) || is_prompt(json)))
		return json;
	converted = convert(text, where, e);
	if (!converted && !json && text->length > 0 && text->text[0] == '{')
		*e = not_json;
	json_decref(json);
	return converted;
}

bool replay_input_read(struct replay_input *input, const char *name_or_file, const char *matrix, struct error *e)
{
	struct workflow_text text;
	json_t *json;

	*input = (struct replay_input) { .workflow = NULL };
	if (!workflow_find_named(name_or_file, &text, e))
		return false;
	memcpy(input->name, text.name, sizeof(input->name));
	json = read_text(&text, name_or_file, e);
	workflow_text_free(&text);
	if (!json || !flow_is_json(json)) {
		input->workflow = json;
		return json != NULL;
	}
	input->flow = flow_from_json(json, name_or_file, e);
	json_decref(json);
	if (!input->flow)
		return false;
	snprintf(input->name, sizeof(input->name), "%s", input->flow->name);
	return find_matrix(input, matrix, e);
}

void replay_input_free(struct replay_input *input)
{
	json_decref(input->workflow);
	flow_free(input->flow);
	*input = (struct replay_input) { .workflow = NULL };
}

void replay_input_set_seed(struct replay_input *input, uint64_t seed)
{
	static const char *const names[] = { "seed", "noise_seed" };
	const char *id;
	json_t *node;

	json_object_foreach(input->workflow, id, node)
	{
		json_t *inputs = json_object_get(node, "inputs");

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			if (json_is_any_number(json_object_get(inputs, names[i])))
				json_object_set_new(inputs, names[i], json_unsigned(seed));
		}
	}
}
