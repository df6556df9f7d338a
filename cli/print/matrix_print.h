/* matrix_print.h - cells of the retention matrix for people and for programs, one at a time as they finish.
 *
 * For programs it is one JSON object: "cells" has the axes of each, its "verdict" and its "models". Of a model "name" is what the
 * flow calls it, and "object" tells two of one name apart as the table does: "C", "C#2" for the second of that name.
 */
#ifndef RESIDENCY_CLI_MATRIX_PRINT_H
#define RESIDENCY_CLI_MATRIX_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"
#include "probes/judge/judge.h"
#include "scenarios/run/cell_run.h"

struct matrix_printer {
	struct cli *cli;
	bool json;
	int policy_width, matrix_width, flow_width; /* of the columns */
	bool show_modes; /* cache, device mode and node flags differ between cells */
	struct verdict_tally tally;
	json_t *left_out; /* an object a pair of a matrix and a flow that the subject cannot run; freed by matrix_print_end */
};

void matrix_print_begin(struct matrix_printer *printer);
void matrix_print_cell(struct matrix_printer *printer, const struct judge_result *result);
/* Cells that the subject cannot run: told at the end. */
void matrix_print_left_out(struct matrix_printer *printer, const char *matrix, const char *flow, size_t cells, const char *why);
void matrix_print_end(struct matrix_printer *printer);

/* 0, 1 where a cell failed, 5 where one cannot be trusted, 4 where there was none that could run. */
int matrix_print_exit_code(const struct matrix_printer *printer);

#endif
