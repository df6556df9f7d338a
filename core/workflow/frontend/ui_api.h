/* ui_api.h - a prompt that was dropped on the canvas. Private to core/workflow/frontend. */
#ifndef RESIDENCY_WORKFLOW_FRONTEND_UI_API_H
#define RESIDENCY_WORKFLOW_FRONTEND_UI_API_H

#include "core/workflow/frontend/ui_load.h"

/* Whether a value is a prompt: an object whose members all have class_type. */
bool ui_api_is_prompt(const struct js_value *value);

/* Makes nodes of a prompt in load->root. False where it is not one. */
bool ui_api_load(struct ui_load *load, const struct js_value *prompt);

#endif
