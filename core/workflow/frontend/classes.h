/* classes.h - what struct frontend_classes is. Private to core/workflow/frontend. */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_CLASSES_H
#define RESIDENCY_WORKFLOW_FRONTEND_CLASSES_H

#include "core/workflow/frontend/frontend.h"
#include "core/workflow/frontend/js_value.h"

struct frontend_classes {
	struct arena arena;
	struct js_value *rows; /* rows of object_info by class */
};

#endif
