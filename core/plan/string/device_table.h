/* device_table.h - sizes of devices by name, and the table of fractions and quotas. Private to core/plan. */
#ifndef RESIDENCY_PLAN_DEVICE_TABLE_H
#define RESIDENCY_PLAN_DEVICE_TABLE_H

#include "core/plan/string/allocation.h"
#include "core/plan/string/trouble.h"

struct device_list {
	const struct plan_device *devices;
	size_t count;
};

/* Memory of the device of that name, after upstream's rules: what PyTorch takes for a device name, `cpu` and `mps` meaning the
 * host, `cuda` cuda:0, an index cut to a signed byte. */
bool device_table_total(const struct device_list *list, struct span name, double *total_bytes, const struct trouble *t);

/* Fills plan->final from `text`: every device of the list that it does not name is appended with fraction 0.0. */
bool device_table_append_absent(struct plan *plan, const char *text, const struct device_list *list, const struct trouble *t);

/* plan->final is `text`, whatever the list has. */
bool device_table_append_none(struct plan *plan, const char *text, const struct device_list *list, const struct trouble *t);

/* An item without a comma: an error. */
bool device_table_refuse_bare_item(const struct allocation_item *item, const struct trouble *t);

/* Reads plan->final into plan->shares, and sorts plan->donor_order. */
bool device_table_read(struct plan *plan, const struct device_list *list, const struct trouble *t);

/* The row of that name, or SIZE_MAX. */
size_t device_table_find(const struct plan *plan, struct span name);

#endif
