/* What a name tells where a device is wanted: one that the list does not have, or one that means another device than it seems to.
 * Names of a form that no device has are the planner's to complain of, and nothing is said of them here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "core/plan/advise/advisor.h"
#include "core/plan/string/device_name.h"

const char *advisor_first_card(const struct advisor *a)
{
	for (size_t i = 0; i < a->request->device_count; i++) {
		if (strcmp(a->request->devices[i].name, "cpu") != 0)
			return a->request->devices[i].name;
	}
	return "cpu";
}

void advisor_list_devices(const struct advisor *a, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < a->request->device_count && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "", a->request->devices[i].name);
}

static void tell_absent(struct advisor *a, struct span name)
{
	char known[200];

	advisor_list_devices(a, known, sizeof(known));
	advisor_add(a, ADVICE_ABSENT_DEVICE, ADVICE_WARNING, name);
	advisor_found(a, "there is no device \"%.*s\" here", SHOWN(name));
	advisor_upstream(a, "the load fails where the device is looked up");
	advisor_instead(a, "one of %s", known);
}

static bool is_kind(struct span type)
{
	static const char *const kinds[] = { "cpu", "cuda", "xpu", "npu", "mlu", "mps", "directml", "corex" };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (span_is(type, kinds[i]))
			return true;
	}
	return false;
}

static void tell_of_cuda(struct advisor *a, struct span name, int64_t index)
{
	char meant[24];

	snprintf(meant, sizeof(meant), "cuda:%d", device_name_meant_index(index));
	if (index == DEVICE_NAME_NO_INDEX) {
		advisor_add(a, ADVICE_BARE_KIND, ADVICE_WARNING, name);
		advisor_found(a, "\"cuda\" has no index");
		advisor_upstream(a,
				 "it is sized as cuda:0 and is another row beside it; a node that is given it computes on cpu");
		advisor_instead(a, "cuda:0");
	} else if (device_name_meant_index(index) != index && advisor_device(a, span_of(meant)) != SIZE_MAX) {
		advisor_add(a, ADVICE_WRAPPED_INDEX, ADVICE_WARNING, name);
		advisor_found(a, "the index %" PRId64 " does not fit in a signed byte", index);
		advisor_upstream(a, "PyTorch cuts it: \"%.*s\" is %s", SHOWN(name), meant);
		advisor_instead(a, "%s", meant);
	} else {
		tell_absent(a, name);
	}
}

/* Takes a name apart that a listed device does not have. False for names that the planner complains of itself. */
static bool split_unlisted(const struct advisor *a, struct span text, struct device_name *name)
{
	return advisor_device(a, text) == SIZE_MAX && device_name_split(text, name) == DEVICE_NAME_OK && is_kind(name->type);
}

void advise_device(struct advisor *a, struct span text)
{
	struct device_name name;

	if (!split_unlisted(a, text, &name))
		return;
	if (span_is(name.type, "cuda")) {
		tell_of_cuda(a, text, name.index);
	} else if (span_is(name.type, "cpu") || span_is(name.type, "mps")) {
		advisor_add(a, ADVICE_HOST_ALIAS, ADVICE_WARNING, text);
		advisor_found(a, "\"%.*s\" is not in the list of devices", SHOWN(text));
		advisor_upstream(a, "it is sized as the host's memory, in a row of its own beside cpu");
		advisor_instead(a, "cpu, whose memory it means");
	} else {
		tell_absent(a, text);
	}
}

void advise_device_exact(struct advisor *a, struct span text)
{
	struct device_name name;

	if (split_unlisted(a, text, &name) && (name.index != DEVICE_NAME_NO_INDEX || span_is(name.type, "mps")))
		tell_absent(a, text);
}
