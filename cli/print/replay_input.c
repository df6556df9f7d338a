#include "cli/print/replay_input.h"

#include <stdio.h>
#include <string.h>

#include "cli/find/workflow_find.h"
#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/nearest.h"
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

bool replay_input_read(struct replay_input *input, const char *name_or_file, const char *matrix, struct error *e)
{
	struct workflow_text text;
	json_t *json;

	*input = (struct replay_input) { .workflow = NULL };
	if (!workflow_find_named(name_or_file, &text, e))
		return false;
	memcpy(input->name, text.name, sizeof(input->name));
	json = json_parse(text.text, text.length, name_or_file, true, e);
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
