/* container.h - what a file holds: a canvas, or a prompt in one of its forms. Private to core/workflow/frontend. */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_CONTAINER_H
#define RESIDENCY_WORKFLOW_FRONTEND_CONTAINER_H

#include "core/workflow/frontend/ui_graph.h"

/* Just one of the two is there. */
struct contents {
	struct js_value *canvas; /* numbers are doubles */
	struct js_value *prompt; /* integers have their digits */
};

/* Reads load->request's file, a picture or video with a workflow inside included. False with load->e set: ERROR_FORMAT. */
bool container_read(struct ui_load *load, struct contents *contents);

#endif
