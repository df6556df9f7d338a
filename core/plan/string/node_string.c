/* A node's class says how it writes donors and whether it names the compute device; the version says what is stored when
 * there is nothing to say. Each version is one function, and all write with the same one. Numbers and missing inputs are
 * printed as upstream's language prints them.
 */
#include "core/plan/string/node_string.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/plan/string/text.h"
#include "core/plan/versions.h"

static const char *const class_names[NODE_CLASS_COUNT] = {
#define NODE_CLASS_NAME(name, text) text,
	NODE_CLASSES(NODE_CLASS_NAME)
#undef NODE_CLASS_NAME
};

bool node_class_from_name(const char *name, enum node_class *class)
{
	for (unsigned i = 0; i < NODE_CLASS_COUNT; i++) {
		if (strcmp(class_names[i], name) == 0) {
			*class = (enum node_class)i;
			return true;
		}
	}
	return false;
}

/* What the language prints for a missing input. */
static const char *or_none(const char *text)
{
	return text ? text : "None";
}

static bool is_legacy(enum node_class class)
{
	return class == NODE_CLASS_GGUF || class == NODE_CLASS_CLIP || class == NODE_CLASS_CLIP_NO_DEVICE;
}

struct other_device {
	const char *name;
	int64_t index; /* the number after ':' */
	size_t place; /* in the device list */
};

static int compare_indexes(const void *a, const void *b)
{
	const struct other_device *x = a;
	const struct other_device *y = b;

	/* The language's sort is stable: equal numbers keep the order of the device list. */
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static bool read_index(struct other_device *device, struct plan_failure *failure, struct error *e)
{
	const char *colon = strchr(device->name, ':');
	char *end;

	device->index = colon ? strtoll(colon + 1, &end, 10) : 0;
	if (colon && end != colon + 1 && *end == '\0')
		return true;
	if (failure)
		*failure = (struct plan_failure) { colon ? EXCEPTION_VALUE : EXCEPTION_INDEX, 0 };
	return error_set(e, ERROR_FORMAT, "device \"%.80s\" has no number after ':', by which the donors are sorted",
			 device->name);
}

/* Every listed device but cpu and the compute device, by number, then cpu. */
static bool append_other_devices(const struct node_inputs *in, struct strbuf *b, struct plan_failure *failure, struct error *e)
{
	struct other_device *others = array_new(in->device_count ? in->device_count : 1, sizeof(*others), e);
	size_t count = 0;
	bool fine = others != NULL;

	for (size_t i = 0; fine && i < in->device_count; i++) {
		const char *name = in->device_names[i];

		if (strcmp(name, "cpu") == 0 || (in->compute && strcmp(name, in->compute) == 0))
			continue;
		others[count] = (struct other_device) { .name = name, .place = i };
		fine = read_index(&others[count], failure, e);
		count++;
	}
	if (fine && count)
		qsort(others, count, sizeof(*others), compare_indexes);
	for (size_t i = 0; fine && i < count; i++)
		strbuf_printf(b, "%s,", others[i].name);
	strbuf_append(b, "cpu");
	free(others);
	return fine;
}

static bool append_virtual_vram(const struct node_inputs *in, struct strbuf *b, struct plan_failure *failure, struct error *e)
{
	strbuf_printf(b, "%s;", or_none(in->compute));
	if (in->virtual_vram_is_whole)
		strbuf_printf(b, "%.0f", in->virtual_vram_gb);
	else
		text_append_double(b, in->virtual_vram_gb);
	strbuf_append_char(b, ';');
	if (!is_legacy(in->class))
		strbuf_append(b, or_none(in->donor));
	else if (in->use_other_vram)
		return append_other_devices(in, b, failure, e);
	else
		strbuf_append(b, "cpu");
	return true;
}

/* What a version stores beside virtual VRAM's part. */
struct node_form {
	const char *expert; /* before the '#' */
	bool has_vram;
	bool names_compute; /* without virtual VRAM; else the string ends in a bare '#' */
};

static char *write_node(const struct node_inputs *in, const struct node_form *form, struct plan_failure *failure,
			struct error *e)
{
	struct strbuf b = STRBUF_INIT;

	strbuf_printf(&b, "%s#", form->expert);
	if (form->has_vram) {
		if (!append_virtual_vram(in, &b, failure, e)) {
			strbuf_free(&b);
			return NULL;
		}
	} else if (form->names_compute) {
		strbuf_append(&b, or_none(in->compute));
	}
	return strbuf_finish(&b, e);
}

static bool has_expert(const struct node_inputs *in)
{
	return in->expert && in->expert[0];
}

char *node_string_01df082(const struct node_inputs *in, bool *stored, struct plan_failure *failure, struct error *e)
{
	struct node_form form = { .expert = or_none(in->expert),
				  .has_vram = in->virtual_vram_gb > 0 || in->class == NODE_CLASS_CHECKPOINT,
				  .names_compute = !is_legacy(in->class) && in->class != NODE_CLASS_GGUF_V2 };

	*stored = true;
	if (!has_expert(in) && !form.has_vram)
		return string_copy("", e);
	return write_node(in, &form, failure, e);
}

/* Nothing is stored where there is nothing to say, but by the checkpoint node. */
static char *write_newer(const struct node_inputs *in, const char *expert, bool *stored, struct plan_failure *failure,
			 struct error *e)
{
	struct node_form form = { .expert = expert,
				  .has_vram = in->virtual_vram_gb > 0,
				  .names_compute = !is_legacy(in->class) };

	*stored = has_expert(in) || form.has_vram || in->class == NODE_CLASS_CHECKPOINT;
	if (!has_expert(in) && !form.has_vram)
		return *stored ? string_copy("", e) : NULL;
	return write_node(in, &form, failure, e);
}

char *node_string_head(const struct node_inputs *in, bool *stored, struct plan_failure *failure, struct error *e)
{
	return write_newer(in, or_none(in->expert), stored, failure, e);
}

char *node_string_exact(const struct node_inputs *in, bool *stored, struct plan_failure *failure, struct error *e)
{
	return write_newer(in, in->expert ? in->expert : "", stored, failure, e);
}

char *node_string(const struct node_inputs *in, const struct plan_rules *rules, bool *stored, struct plan_failure *failure,
		  struct error *e)
{
	if (failure)
		*failure = (struct plan_failure) { .exception = EXCEPTION_NONE };
	return rules->node_string(in, stored, failure, e);
}
