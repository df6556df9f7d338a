/* The rows of a plan and what upstream can say of a device's size. A row is an item of the string; a device named again replaces the
 * row's numbers and keeps its place, as a dictionary does. Sizes are looked up by PyTorch's rules for names, which let more pass than
 * the list of devices has.
 */
#include "core/plan/string/device_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/string.h"
#include "core/plan/string/device_name.h"
#include "core/plan/versions.h"

/* Device types that PyTorch knows without plug-ins; of them only these have a size that upstream can ask for. */
static const char *const known_types[] = {
	"cpu",	"cuda", "ipu", "xpu",  "mkldnn", "opengl", "opencl", "ideep", "hip",  "ve",
	"fpga", "maia", "xla", "lazy", "vulkan", "mps",	   "meta",   "hpu",   "mtia", "privateuseone",
};

static bool find_size(const struct device_list *list, struct span name, double *total_bytes)
{
	for (size_t i = 0; i < list->count; i++) {
		if (span_is(name, list->devices[i].name)) {
			*total_bytes = (double)list->devices[i].total_bytes;
			return true;
		}
	}
	return false;
}

static bool is_known_type(struct span type)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_types); i++) {
		if (span_is(type, known_types[i]))
			return true;
	}
	return false;
}

static bool cuda_total(const struct device_list *list, struct span name, int64_t index, double *total_bytes,
		       const struct trouble *t)
{
	char text[24];

	snprintf(text, sizeof(text), "cuda:%d", device_name_meant_index(index));
	if (find_size(list, span_of(text), total_bytes))
		return true;
	return trouble_at(t, EXCEPTION_RUNTIME, name.text, "there is no device \"%.*s\" here (%zu devices are listed)",
			  SHOWN(name), list->count);
}

bool device_table_total(const struct device_list *list, struct span name, double *total_bytes, const struct trouble *t)
{
	struct device_name parts;
	enum device_name_fault fault;

	if (name.length == 0)
		return trouble_at(t, EXCEPTION_RUNTIME, name.text,
				  "the device name is empty; wanted one such as cuda:0 or cpu");
	fault = device_name_split(name, &parts);
	if (fault == DEVICE_NAME_MALFORMED)
		return trouble_at(t, EXCEPTION_RUNTIME, name.text,
				  "\"%.*s\" is no device name; wanted type or type:index without spaces, such as cuda:0 or cpu",
				  SHOWN(name));
	if (fault == DEVICE_NAME_INDEX_TOO_LARGE)
		return trouble_at(t, EXCEPTION_RUNTIME, parts.type.text + parts.type.length + 1,
				  "the index of device \"%.*s\" is too large", SHOWN(name));
	if (span_is(parts.type, "cuda"))
		return cuda_total(list, name, parts.index, total_bytes, t);
	if (span_is(parts.type, "cpu") || span_is(parts.type, "mps")) {
		if (find_size(list, span_of("cpu"), total_bytes))
			return true;
		return trouble_at(t, EXCEPTION_RUNTIME, name.text, "the device list has no cpu, whose memory \"%.*s\" means",
				  SHOWN(name));
	}
	/* A device of another kind has a size where its machine lists one. */
	if (find_size(list, name, total_bytes))
		return true;
	if (!is_known_type(parts.type))
		return trouble_at(t, EXCEPTION_RUNTIME, name.text,
				  "\"%.*s\" is no device type; wanted lower case, such as cuda or cpu", SHOWN(parts.type));
	return trouble_at(t, EXCEPTION_VALUE, name.text, "there is no device \"%.*s\" here", SHOWN(name));
}

bool device_table_append_none(struct plan *plan, const char *text, const struct device_list *list, const struct trouble *t)
{
	(void)list;
	plan->final = string_copy(text, NULL);
	return plan->final || trouble_no_memory(t);
}

bool device_table_append_absent(struct plan *plan, const char *text, const struct device_list *list, const struct trouble *t)
{
	struct strbuf final = STRBUF_INIT;

	strbuf_append(&final, text);
	for (size_t i = 0; i < list->count; i++) {
		struct span rest = span_of(text);
		struct span device;
		struct span value;
		bool present = false;

		while (!present && allocation_next_pair(&rest, &device, &value))
			present = span_is(device, list->devices[i].name);
		if (!present)
			strbuf_printf(&final, ";%s,0.0", list->devices[i].name);
	}
	plan->final = strbuf_finish(&final, NULL);
	return plan->final || trouble_no_memory(t);
}

size_t device_table_find(const struct plan *plan, struct span name)
{
	for (size_t i = 0; i < plan->share_count; i++) {
		if (span_is(name, plan->shares[i].name))
			return i;
	}
	return SIZE_MAX;
}

static bool add_share(struct plan *plan, struct span name, const struct plan_share *share, const struct trouble *t)
{
	size_t row = device_table_find(plan, name);
	char *copy;

	if (row != SIZE_MAX) {
		copy = plan->shares[row].name;
		plan->shares[row] = *share;
		plan->shares[row].name = copy;
		return true;
	}
	if (!array_reserve(&plan->shares, &plan->share_capacity, plan->share_count + 1, sizeof(*plan->shares), NULL))
		return trouble_no_memory(t);
	copy = span_copy(name, NULL);
	if (!copy)
		return trouble_no_memory(t);
	plan->shares[plan->share_count] = *share;
	plan->shares[plan->share_count].name = copy;
	plan->share_count++;
	return true;
}

bool device_table_refuse_bare_item(const struct allocation_item *item, const struct trouble *t)
{
	return trouble_at(t, EXCEPTION_VALUE, item->whole.text, "\"%.*s\" has no ','; wanted device,fraction",
			  SHOWN(item->whole));
}

static bool read_item(struct plan *plan, const struct allocation_item *item, const struct device_list *list,
		      const struct trouble *t)
{
	struct plan_share share = { .name = NULL };
	struct span name = item->device;
	struct span value = item->value;
	int fault;

	if (!item->comma)
		return !plan->rules->read_bare_item || plan->rules->read_bare_item(item, t);
	if (span_find(value, ','))
		return trouble_at(t, EXCEPTION_VALUE, span_find(value, ','),
				  "a second ',' in one item; separate items with ';'");
	fault = text_to_double(value, &share.fraction);
	if (fault < 0)
		return trouble_no_memory(t);
	if (fault)
		return trouble_at(t, EXCEPTION_VALUE, value.text,
				  "\"%.*s\" is no number; wanted a fraction of the device such as 0.5", SHOWN(value));
	if (!device_table_total(list, name, &share.total_bytes, t))
		return false;
	share.quota_bytes = share.total_bytes * share.fraction;
	share.left_bytes = share.quota_bytes;
	return add_share(plan, name, &share, t);
}

static int compare_shares(const void *a, const void *b, void *shares)
{
	const struct plan_share *x = (const struct plan_share *)shares + *(const size_t *)a;
	const struct plan_share *y = (const struct plan_share *)shares + *(const size_t *)b;
	int x_last = strcmp(x->name, "cpu") == 0;
	int y_last = strcmp(y->name, "cpu") == 0;

	/* By code point, which is the order of UTF-8's bytes: cuda:10 comes before cuda:2. */
	return x_last != y_last ? x_last - y_last : strcmp(x->name, y->name);
}

bool device_table_read(struct plan *plan, const struct device_list *list, const struct trouble *t)
{
	struct span rest = span_of(plan->final);
	struct allocation_item item;

	while (allocation_next_item(&rest, &item)) {
		if (!read_item(plan, &item, list, t))
			return false;
	}
	plan->donor_order = array_new(plan->share_count ? plan->share_count : 1, sizeof(size_t), NULL);
	if (!plan->donor_order)
		return trouble_no_memory(t);
	for (size_t i = 0; i < plan->share_count; i++)
		plan->donor_order[i] = i;
	qsort_r(plan->donor_order, plan->share_count, sizeof(size_t), compare_shares, plan->shares);
	return true;
}
