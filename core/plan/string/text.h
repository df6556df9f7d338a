/* text.h - numbers in text as upstream's language (Python) reads and writes them.
 *
 * Text is UTF-8. Spaces and decimal digits are Unicode's: upstream takes an Arabic or full-width digit for a digit, so this
 * does too.
 */
#ifndef RESIDENCY_PLAN_TEXT_H
#define RESIDENCY_PLAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/strbuf.h"
#include "core/plan/string/span.h"

/* Without Unicode space at both ends. */
struct span text_trim(struct span span);

/* A floating point number alone in its text, as Python's float() takes it: space around it, underscores between digits, inf
 * and nan, but no hexadecimal. 0 if it is one, 1 if not, -1 when out of memory. */
int text_to_double(struct span span, double *value);

/* A memory size as DisTorch2 takes it: digits, an optional fraction, an optional unit g m k b; what follows is ignored. Same
 * results. */
int text_to_memory(struct span span, double *bytes);

/* Whether a letter of g, m, k, b is anywhere in it, in either case: DisTorch2's sign of a size in bytes. */
bool text_has_unit(struct span span);

/* The shortest decimal that reads back as value, in Python's form: "4.0", "1e-05", "nan". */
void text_append_double(struct strbuf *b, double value);
/* "%.4f", with Python's "nan" for every NaN. */
void text_append_four_digits(struct strbuf *b, double value);

#endif
