/* chart.h - a chart drawn by gnuplot, as SVG text. Private to reports/render. */
#ifndef RESIDENCY_REPORTS_CHART_H
#define RESIDENCY_REPORTS_CHART_H

#include <stdbool.h>

#include "core/base/error.h"

/* Runs gnuplot on a script, which draws to standard output; `folder` is for files in between. The SVG, which the caller frees,
 * without XML declaration. NULL with ERROR_ABSENT where there is no gnuplot, ERROR_IO when it fails. */
char *chart_draw(const char *script, const char *folder, struct error *e);

#endif
