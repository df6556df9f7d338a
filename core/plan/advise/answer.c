/* Objects are built member by member, each function giving back a new reference or NULL. What the versions have in common is
 * written by the same functions; the two forms differ in their members and in whether bytes are whole numbers. The checksum
 * is of the order of assignment, which the runs of devices do not show.
 */
#include "core/plan/advise/answer.h"

#include <math.h>
#include <string.h>
#include <zlib.h>

#include "core/base/units.h"

json_t *answer_number(double value)
{
	if (isnan(value))
		return json_string("nan");
	if (isinf(value))
		return json_string(value < 0 ? "-inf" : "inf");
	return json_real(value);
}

/* json_object_set_new with a NULL value fails and frees nothing: every failure ends in one place. */
static bool put(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

static bool put_size(json_t *object, const char *key, uint64_t value)
{
	return put(object, key, json_integer((json_int_t)value));
}

static json_t *quotas(const struct plan *plan, double divisor)
{
	json_t *rows = json_array();

	for (size_t i = 0; rows && i < plan->share_count; i++) {
		const struct plan_share *share = &plan->shares[i];
		json_t *row = json_pack("[s,o,o]", share->name, answer_number(share->fraction),
					answer_number(share->quota_bytes / divisor));

		if (json_array_append_new(rows, row) != 0) {
			json_decref(rows);
			rows = NULL;
		}
	}
	return rows;
}

static json_t *donor_order(const struct plan *plan)
{
	json_t *names = json_array();

	for (size_t i = 0; names && i < plan->share_count; i++) {
		if (json_array_append_new(names, json_string(plan->shares[plan->donor_order[i]].name)) != 0) {
			json_decref(names);
			names = NULL;
		}
	}
	return names;
}

static json_t *left(const struct plan *plan)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < plan->share_count; i++) {
		const struct plan_share *share = &plan->shares[plan->donor_order[i]];

		if (!put(object, share->name, answer_number(share->left_bytes))) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

/* Where a block is, as a name; NULL for nowhere. Only V1 leaves listed blocks nowhere: elsewhere that is an error. */
static const char *device_of(const struct plan *plan, size_t block)
{
	return plan->share_of[block] == PLAN_NO_DEVICE ? NULL : plan->shares[plan->share_of[block]].name;
}

/* Run lengths over the blocks that the version looks at, in module order. */
static json_t *assignment(const struct plan *plan)
{
	json_t *runs = json_array();
	uint32_t row = 0;
	json_int_t count = 0;

	for (size_t i = 0; runs && i <= plan->block_count; i++) {
		bool end = i == plan->block_count;

		if (!end && plan->reason_of[i] == PLAN_REASON_UNLISTED)
			continue;
		if (count && (end || plan->share_of[i] != row)) {
			const char *name = row == PLAN_NO_DEVICE ? NULL : plan->shares[row].name;

			if (json_array_append_new(runs, json_pack("[s?,I]", name, count)) != 0) {
				json_decref(runs);
				return NULL;
			}
			count = 0;
		}
		if (!end) {
			row = plan->share_of[i];
			count++;
		}
	}
	return runs;
}

/* V1 estimates bytes by layer type, which are no whole numbers. */
static json_t *estimated_bytes(double bytes)
{
	return json_real(bytes);
}

static json_t *whole_bytes(double bytes)
{
	return json_integer((json_int_t)bytes);
}

static json_t *per_device(const struct plan *plan, json_t *(*bytes_of)(double bytes))
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < plan->share_count; i++) {
		const struct plan_share *share = &plan->shares[i];
		json_int_t blocks = (json_int_t)share->block_count;

		if (!put(object, share->name, json_pack("[I,o]", blocks, bytes_of(share->block_bytes)))) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

/* CRC-32 of "name=device" lines in the order of assignment. */
static uint32_t order_checksum(const struct plan *plan, const struct plan_request *request)
{
	uLong crc = crc32(0, NULL, 0);

	for (size_t i = 0; i < plan->order_count; i++) {
		const char *name = request->blocks[plan->order[i]].name;
		const char *device = device_of(plan, plan->order[i]);

		if (i)
			crc = crc32(crc, (const Bytef *)"\n", 1);
		crc = crc32(crc, (const Bytef *)name, (uInt)strlen(name));
		crc = crc32(crc, (const Bytef *)"=", 1);
		crc = crc32(crc, (const Bytef *)device, (uInt)strlen(device));
	}
	return (uint32_t)crc;
}

static bool put_text(json_t *object, const char *key, const char *text)
{
	return put(object, key, text ? json_string(text) : json_null());
}

static bool put_counts(json_t *object, const struct plan *plan, const struct plan_request *request)
{
	if (request->is_clip &&
	    (!put_size(object, "n_head", plan->head_count) || !put_size(object, "head_bytes", plan->head_bytes)))
		return false;
	if (plan->mode == PLAN_VVRAM && !put_size(object, "model_size", plan->model_size_bytes))
		return false;
	return put_size(object, "total", plan->total_bytes) && put(object, "threshold", answer_number(plan->threshold_bytes)) &&
	       put_size(object, "n_dist", plan->distributed_count) && put_size(object, "n_tiny", plan->tiny_count);
}

json_t *answer_plan(const struct plan *plan, const struct plan_request *request)
{
	json_t *object = json_object();

	if (object && put_text(object, "mode", plan_mode_name(plan->mode)) && put_text(object, "compute", plan->compute) &&
	    put_text(object, "converted", plan->converted) && put_text(object, "final", plan->final) &&
	    put(object, "quotas", quotas(plan, 1)) && put(object, "left", left(plan)) &&
	    put(object, "donor_order", donor_order(plan)) && put_counts(object, plan, request) &&
	    put(object, "assign", assignment(plan)) && put_size(object, "order_crc32", order_checksum(plan, request)) &&
	    put(object, "per_device", per_device(plan, whole_bytes)) && put_size(object, "warnings", plan->warning_count))
		return object;
	json_decref(object);
	return NULL;
}

json_t *answer_slices(const struct plan *plan, const struct plan_request *request)
{
	json_t *object = json_object();

	(void)request;
	if (object && put_text(object, "converted", plan->converted) && put_text(object, "final", plan->final) &&
	    put(object, "devices", quotas(plan, GIB)) && put(object, "assign", assignment(plan)) &&
	    put(object, "per_device", per_device(plan, estimated_bytes)) && put_size(object, "total", plan->total_bytes) &&
	    put_size(object, "warnings", plan->warning_count))
		return object;
	json_decref(object);
	return NULL;
}
