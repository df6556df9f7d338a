/* ui_round.c - what happens to a number that is given to a widget while the canvas is shown: rounding to steps, limits.
 *
 * An INT goes to the nearest multiple of its step, counted from what its minimum leaves of one. A FLOAT goes to the nearest multiple of its
 * unit (the option `round`, else a power of ten that follows from the step), then to as many decimals as the step has, then
 * into its limits.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/workflow/frontend/ui_load.h"

#define FLOAT_STEP 0.5 /* the front end's defaults for FLOAT */

double ui_option_or(const struct ui_widget *widget, const char *name, double fallback)
{
	const struct js_value *option = js_get(widget->options, name);

	return option->type == JS_NUMBER ? option->number : fallback;
}

/* JavaScript's Math.round: halves go up. */
static double round_up(double number)
{
	return floor(number + 0.5);
}

/* Number(number.toFixed(digits)). */
static double fix_digits(double number, int digits)
{
	char text[400];

	snprintf(text, sizeof(text), "%.*f", digits, number);
	return strtod(text, NULL);
}

static double round_float(const struct ui_widget *widget, double number)
{
	double step = ui_option_or(widget, "step", FLOAT_STEP);
	int digits = step > 0 ? (int)fmax(0, -floor(log10(step))) : 0;
	double unit = ui_option_or(widget, "round", digits > 0 ? pow(10, -digits) : 0);
	double min = ui_option_or(widget, "min", 0);
	double max = ui_option_or(widget, "max", UI_FLOAT_MAX);

	if (js_get(widget->options, "round")->type == JS_BOOLEAN)
		unit = 0;
	if (!(unit > 0) || digits > 300)
		return number;
	number = fix_digits(round_up(number / unit) * unit, digits);
	return number < min ? min : number > max ? max : number;
}

static double round_int(const struct ui_widget *widget, double number)
{
	double step = ui_option_or(widget, "step", 1);
	double shift;

	if (step == 0)
		step = 1;
	shift = fmod(ui_option_or(widget, "min", 0), step);
	return round_up((number - shift) / step) * step + shift;
}

struct js_value *ui_rounded(struct ui_load *load, const struct ui_widget *widget, struct js_value *value)
{
	if (value->type != JS_NUMBER)
		return value;
	if (widget->kind == UI_INT)
		return js_number(load->arena, round_int(widget, value->number));
	return widget->kind == UI_FLOAT ? js_number(load->arena, round_float(widget, value->number)) : value;
}
