/* py_json.h - JSON as Python's json module reads and writes it.
 *
 * NaN, Infinity and -Infinity are numbers, integers have no limit but Python's own (4300 digits), a key that stands twice keeps the
 * place of the first and the value of the last, and a lone surrogate stays one.
 */
#ifndef RESIDENCY_WORKFLOW_PY_JSON_H
#define RESIDENCY_WORKFLOW_PY_JSON_H

#include "core/workflow/python/py.h"

/* NULL with JSONDecodeError (Python's words), RecursionError or ValueError raised. */
struct py *py_json_read(const char *text, size_t length, struct py_raised *raised);

/* As json.dumps does with its defaults: ", " and ": ", and \u for what is not ASCII. */
void py_json_write(struct strbuf *out, const struct py *value);

#endif
