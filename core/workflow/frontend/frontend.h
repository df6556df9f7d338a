/* frontend.h - from a workflow file as users save it to the API prompt that the server runs, as ComfyUI's front end does it.
 *
 * A file is a canvas (the UI form: nodes with widget values by position, links, subgraphs, group nodes), which the front end
 * loads and turns into a prompt by the rules of reference/frontend.md, or a prompt already: alone, as the body of POST /prompt or as an
 * entry of the history. All of these may be inside a PNG, WebP or MP4 that ComfyUI saved. A prompt is what the server takes already, with integers up to
 * any size and NaN; dropped on the front end it would be rebuilt as nodes: numbers become doubles, absent values take their
 * defaults, and classes that it does not know lose theirs (frontend_request.rebuild).
 *
 * What a class's values and sockets are follows from `/object_info` (struct frontend_classes) and the front end's version. Random choices
 * in texts take the first, and dates are those of the clock that the caller gives, so that a file always gives one prompt.
 *
 * A set of classes is read only after it was made, so several threads may convert with one.
 */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_H
#define RESIDENCY_WORKFLOW_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/strbuf.h"

/* Versions whose rules are known: name as users write it, the release that was measured. */
#define FRONTEND_VERSIONS(X)                                                                                                   \
	X(1_27, "1.27", "1.27.10")                                                                                             \
	X(1_49, "1.49", "1.49.6")                                                                                              \
	X(1_58, "1.58", "1.58.1")

enum frontend_version {
#define FRONTEND_ENUM(name, text, release) FRONTEND_##name,
	FRONTEND_VERSIONS(FRONTEND_ENUM)
#undef FRONTEND_ENUM
};

const char *frontend_version_name(enum frontend_version version);
bool frontend_version_from_name(const char *name, enum frontend_version *version);

struct frontend_classes;

/* Classes of an object_info.json of length bytes, with what known packs' JavaScript adds to them. NULL with e set: ERROR_FORMAT,
 * ERROR_MEMORY. The caller frees with frontend_classes_free(). */
struct frontend_classes *frontend_classes_parse(const char *text, size_t length, const char *where, struct error *e);

/* The classes built in: ComfyUI 0.33.0 and the packs of core/workflow/frontend/classes. */
struct frontend_classes *frontend_classes_builtin(struct error *e);
void frontend_classes_free(struct frontend_classes *classes);
/* How many. */
size_t frontend_classes_count(const struct frontend_classes *classes);

/* What a new node of a class has, as JSON in one line: class, title, virtual, widgets [[name, default, sent, stored]], inputs [[name, type,
 * widget or null]], outputs [[name, type]]. The caller frees it; NULL with e set, ERROR_MISSING where there is no such class. */
char *frontend_class_text(const struct frontend_classes *classes, const char *class, enum frontend_version version,
			  struct error *e);

struct frontend_request {
	const char *text; /* the file's bytes */
	size_t length;
	const char *where; /* names the file in messages */
	enum frontend_version version;
	const struct frontend_classes *classes;
	int64_t clock_s; /* seconds since 1970 UTC, for %date:...% */
	bool rebuild; /* a prompt is dropped on the canvas, too; else it is given back as it is */
	struct strbuf *unknown_classes; /* NULL, or classes that the canvas has and nobody knows are appended, a line each */
};

/* The prompt as JSON in one line, which the caller frees; NULL with e set. ERROR_FORMAT: no JSON, no workflow in it, or one for which the front
 * end makes no prompt (a link to nowhere, a circle of bypassed nodes). */
char *frontend_convert(const struct frontend_request *request, struct error *e);

#endif
