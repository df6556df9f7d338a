/* matrix_print.h - cells of the retention matrix for people and for programs, one at a time as they finish. */
#ifndef RESIDENCY_CLI_MATRIX_PRINT_H
#define RESIDENCY_CLI_MATRIX_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/command.h"
#include "probes/judge.h"

struct matrix_printer {
	struct cli *cli;
	bool json;
	int policy_width, matrix_width, flow_width; /* of the columns */
	bool show_modes; /* cache, device mode and node flags differ between cells */
	size_t passed, failed, untrustworthy;
};

void matrix_print_begin(struct matrix_printer *printer);
void matrix_print_cell(struct matrix_printer *printer, const struct judge_result *result);
void matrix_print_end(struct matrix_printer *printer);

/* 0, 1 where a cell failed, 5 where one cannot be trusted. */
int matrix_print_exit_code(const struct matrix_printer *printer);

#endif
