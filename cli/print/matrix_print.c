#include "cli/print/matrix_print.h"

#include <string.h>

#include "core/base/json.h"

#define GREEN "\033[32m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

static const char *colour_of(const struct matrix_printer *printer, enum verdict verdict)
{
	static const char *const colours[] = { GREEN, RED, YELLOW };

	return printer->cli->colour ? colours[verdict] : "";
}

static const char *plain(const struct matrix_printer *printer)
{
	return printer->cli->colour ? PLAIN : "";
}

void matrix_print_begin(struct matrix_printer *printer)
{
	if (printer->json)
		fputs("{\"schema\":1,\"cells\":[", printer->cli->out);
	else
		fprintf(printer->cli->out, "%-*s %-*s %-*s %-5s %s\n", printer->policy_width, "policy", printer->matrix_width,
			"matrix", printer->flow_width, "flow", "", "model, what became of it");
}

/* ---- for people ---- */

static void print_model(const struct matrix_printer *printer, const struct record_verdict_model *model)
{
	const char *reason = event_reason_name(model->reason);
	const char *colour = record_outcome_passes(model->outcome) ? "" : colour_of(printer, VERDICT_FAIL);
	char name[RECORD_MODEL_NAME_MAX];

	record_object_name(name, sizeof(name), model->name, model->generation);
	fprintf(printer->cli->out, "%s%s %-8s%s", colour, name, record_outcome_name(model->outcome), plain(printer));
	if (model->first_lost_stage[0])
		fprintf(printer->cli->out, " %s%s%s", model->first_lost_stage, reason[0] ? "  " : "", reason);
	fputc('\n', printer->cli->out);
}

static void print_text(const struct matrix_printer *printer, const struct judge_result *result)
{
	const struct record_cell *cell = &result->cell;
	int indent = printer->policy_width + printer->matrix_width + printer->flow_width + 9;
	bool first = true;

	if (printer->show_modes)
		fprintf(printer->cli->out, "cache %s, device mode %s, node flags %s\n", cell->cache, cell->device_mode,
			cell->node_flags);
	for (size_t i = 0; i < result->model_count; i++) {
		if (!result->models[i].judged)
			continue;
		if (first)
			fprintf(printer->cli->out, "%-*s %-*s %-*s %s%-5s%s ", printer->policy_width, cell->policy,
				printer->matrix_width, cell->matrix, printer->flow_width, cell->flow,
				colour_of(printer, result->verdict), record_verdict_name(result->verdict), plain(printer));
		else
			fprintf(printer->cli->out, "%*s", indent, "");
		print_model(printer, &result->models[i]);
		first = false;
	}
	if (result->why[0])
		fprintf(printer->cli->out, "%*s%s\n", indent, "", result->why);
}

/* ---- for programs ---- */

static json_t *keep_value(enum keep_request keep)
{
	return keep == KEEP_NONE ? json_null() : json_boolean(keep == KEEP_YES);
}

/* Holders are kept as JSON text; a text that was cut is no list and is left out. */
static json_t *holders_value(const char *text)
{
	json_t *list = json_loads(text, 0, NULL);

	return list ? list : json_array();
}

static json_t *model_value(const struct record_verdict_model *model)
{
	char object[RECORD_MODEL_NAME_MAX];

	record_object_name(object, sizeof(object), model->name, model->generation);
	return json_pack("{ss ss so ss ss ss so so}", "name", model->name, "object", object, "keep", keep_value(model->keep),
			 "outcome", record_outcome_name(model->outcome), "first_lost_stage", model->first_lost_stage, "reason",
			 event_reason_name(model->reason), "holders_before", holders_value(model->holders_before),
			 "holders_after", holders_value(model->holders_after));
}

static void print_json(const struct matrix_printer *printer, const struct judge_result *result)
{
	const struct record_cell *cell = &result->cell;
	json_t *models = json_array();
	json_t *value;

	for (size_t i = 0; i < result->model_count; i++) {
		if (result->models[i].judged)
			json_array_append_new(models, model_value(&result->models[i]));
	}
	value = json_pack("{ss ss ss ss ss ss ss ss so}", "subject", cell->subject, "policy", cell->policy, "matrix",
			  cell->matrix, "flow", cell->flow, "cache", cell->cache, "device_mode", cell->device_mode,
			  "node_flags", cell->node_flags, "verdict", record_verdict_name(result->verdict), "models", models);
	if (printer->tally.passed + printer->tally.failed + printer->tally.untrustworthy > 1)
		fputc(',', printer->cli->out);
	if (value)
		json_dumpf(value, printer->cli->out, JSON_COMPACT);
	json_decref(value);
}

/* ---- both ---- */

void matrix_print_cell(struct matrix_printer *printer, const struct judge_result *result)
{
	cell_tally_add(&printer->tally, result->verdict);
	if (printer->json)
		print_json(printer, result);
	else
		print_text(printer, result);
}

/* ---- what is left out ---- */

void matrix_print_left_out(struct matrix_printer *printer, const char *matrix, const char *flow, size_t cells, const char *why)
{
	if (!printer->left_out)
		printer->left_out = json_array();
	json_array_append_new(printer->left_out, json_pack("{ss ss sI ss}", "matrix", matrix, "flow", flow, "cells",
							   (json_int_t)cells, "why", why));
	printer->tally.skipped += cells;
}

static bool is_before(const json_t *list, size_t end, const char *key, const json_t *row)
{
	for (size_t i = 0; i < end; i++) {
		if (json_equal(json_object_get(json_array_get(list, i), key), json_object_get(row, key)))
			return true;
	}
	return false;
}

/* "8 cells are left out: only the engine can have another pack's load (foreign-load)": each reason once, with its flows. */
static void say_left_out(const struct matrix_printer *printer)
{
	const json_t *list = printer->left_out;

	fprintf(printer->cli->err, "%zu cells are left out:\n", printer->tally.skipped);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *first = json_array_get(list, i);
		const char *before = "";

		if (is_before(list, i, "why", first))
			continue;
		fprintf(printer->cli->err, "  %s (", json_string_value(json_object_get(first, "why")));
		for (size_t j = i; j < json_array_size(list); j++) {
			const json_t *row = json_array_get(list, j);

			if (!json_equal(json_object_get(row, "why"), json_object_get(first, "why")) ||
			    is_before(list, j, "flow", row))
				continue;
			fprintf(printer->cli->err, "%s%s", before, json_string_value(json_object_get(row, "flow")));
			before = ", ";
		}
		fputs(")\n", printer->cli->err);
	}
}

static void print_left_out_json(const struct matrix_printer *printer)
{
	if (!printer->left_out)
		return;
	fputs(",\"left_out\":", printer->cli->out);
	json_dumpf(printer->left_out, printer->cli->out, JSON_COMPACT);
}

/* ---- the end ---- */

void matrix_print_end(struct matrix_printer *printer)
{
	size_t cells = printer->tally.passed + printer->tally.failed + printer->tally.untrustworthy;

	if (printer->json) {
		fputc(']', printer->cli->out);
		print_left_out_json(printer);
		fputs("}\n", printer->cli->out);
	} else {
		fprintf(printer->cli->out, "\n%zu cells: %zu passed, %zu failed", cells, printer->tally.passed,
			printer->tally.failed);
		if (printer->tally.untrustworthy)
			fprintf(printer->cli->out, ", %zu untrustworthy", printer->tally.untrustworthy);
		fputc('\n', printer->cli->out);
	}
	if (printer->left_out)
		say_left_out(printer);
	json_decref(printer->left_out);
	printer->left_out = NULL;
}

int matrix_print_exit_code(const struct matrix_printer *printer)
{
	return cell_tally_exit_code(&printer->tally);
}
