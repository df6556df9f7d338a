/* Real allocations on a host machine, accounted for. */
#include <string.h>

#include "core/base/units.h"
#include "core/device/device.h"
#include "core/model/model.h"
#include "probes/snapshot/ledger.h"
#include "tests/fixtures/machine.h"
#include "tests/harness/harness.h"

static struct machine *machine;
static struct error e;
static struct ledger lines[DEVICE_MAX];

static void begin(void)
{
	e = (struct error)ERROR_INIT;
	machine = fixture_card(&host_backend, 256 * MIB, 256 * MIB, &e);
	ck_assert_ok(machine, &e);
}

static void end(void)
{
	machine_close(machine);
}

static struct model *make_model(struct device *device)
{
	struct parameter_description parameter = { .name = "b.weight", .dtype = DTYPE_F32, .rank = 1, .shape = { 1000 } };
	struct block_description block = {
		.name = "b", .type = "Linear", .parameter_count = 1, .weight_size_bytes = 4000, .castable = true
	};
	struct model *model = model_new(machine, device, "A", MODEL_UNET, &block, 1, &parameter, 1, &e);

	ck_assert_ok(model, &e);
	return model;
}

START_TEST(weights_are_on_the_device_where_their_blocks_are)
{
	struct model *model = make_model(machine_device(machine, 1));
	const struct model *models[] = { model };

	ledger_take(lines, machine, models, 1, NULL);
	ck_assert_uint_eq(lines[1].weights_bytes, 4000);
	ck_assert_uint_eq(lines[0].weights_bytes, 0);
	model_free(model);
}
END_TEST

START_TEST(everything_used_is_accounted_for_to_the_byte)
{
	struct model *model = make_model(machine_device(machine, 1));
	const struct model *models[] = { model };

	ledger_take(lines, machine, models, 1, NULL);
	ck_assert_uint_ge(lines[1].used_bytes, 4000);
	ck_assert_uint_eq(lines[1].weights_bytes + lines[1].cache_bytes, lines[1].used_bytes);
	ck_assert_uint_eq(lines[1].unattributed_bytes, 0);
	model_free(model);
}
END_TEST

START_TEST(a_buffer_nobody_told_of_is_unattributed)
{
	struct buffer buffer;

	ck_assert_ok(device_alloc(machine_device(machine, 1), 3 * MIB, &buffer, &e), &e);
	ledger_take(lines, machine, NULL, 0, NULL);
	ck_assert_uint_eq(lines[1].unattributed_bytes, 3 * MIB);
	device_free(&buffer);
}
END_TEST

START_TEST(a_buffer_that_was_announced_is_attributed)
{
	struct ledger_known known = { .activations_bytes = { 0, 3 * MIB } };
	struct buffer buffer;

	ck_assert_ok(device_alloc(machine_device(machine, 1), 3 * MIB, &buffer, &e), &e);
	ledger_take(lines, machine, NULL, 0, &known);
	ck_assert_uint_eq(lines[1].activations_bytes, 3 * MIB);
	ck_assert_uint_eq(lines[1].unattributed_bytes, 0);
	device_free(&buffer);
}
END_TEST

START_TEST(what_was_freed_stays_as_cache_until_it_is_emptied)
{
	struct buffer buffer;

	ck_assert_ok(device_alloc(machine_device(machine, 1), 3 * MIB, &buffer, &e), &e);
	device_free(&buffer);
	ledger_take(lines, machine, NULL, 0, NULL);
	ck_assert_uint_ge(lines[1].cache_bytes, 3 * MIB);
	device_empty_cache(machine_device(machine, 1));
	ledger_take(lines, machine, NULL, 0, NULL);
	ck_assert_uint_eq(lines[1].used_bytes, 0);
}
END_TEST

static uint64_t put_sum;

static void add_up(void *context, enum record_type type, const void *record, uint32_t size_bytes)
{
	const struct record_memory *memory = record;

	(void)context;
	(void)size_bytes;
	ck_assert_int_eq(type, RECORD_MEMORY);
	if (strcmp(memory->line, "used") == 0)
		put_sum -= memory->size_bytes;
	else if (strcmp(memory->line, "pinned") != 0 && strcmp(memory->line, "largest_free") != 0) /* told besides */
		put_sum += memory->size_bytes;
}

START_TEST(the_lines_put_add_up_to_what_is_used)
{
	struct record_sink sink = { .put = add_up };
	struct buffer buffer;

	ck_assert_ok(device_alloc(machine_device(machine, 1), 5000, &buffer, &e), &e);
	ledger_take(lines, machine, NULL, 0, NULL);
	ledger_put(&lines[1], 1, 1, 1, &sink);
	ck_assert_uint_eq(put_sum, 0);
	device_free(&buffer);
}
END_TEST

START_TEST(pinned_memory_is_told_besides_what_it_is_used_for)
{
	struct buffer buffer;

	ck_assert_ok(device_alloc_pinned(machine_device(machine, 0), 5000, &buffer, &e), &e);
	ledger_take(lines, machine, NULL, 0, NULL);
	ck_assert_uint_eq(lines[0].pinned_bytes, 5000);
	ck_assert_uint_ge(lines[0].unattributed_bytes, 5000);
	device_free(&buffer);
}
END_TEST

HARNESS_SUITE(ledger_suite)
{
	Suite *suite = suite_create("ledger");
	TCase *tests = tcase_create("ledger");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, weights_are_on_the_device_where_their_blocks_are);
	tcase_add_test(tests, everything_used_is_accounted_for_to_the_byte);
	tcase_add_test(tests, a_buffer_nobody_told_of_is_unattributed);
	tcase_add_test(tests, a_buffer_that_was_announced_is_attributed);
	tcase_add_test(tests, what_was_freed_stays_as_cache_until_it_is_emptied);
	tcase_add_test(tests, the_lines_put_add_up_to_what_is_used);
	tcase_add_test(tests, pinned_memory_is_told_besides_what_it_is_used_for);
	suite_add_tcase(suite, tests);
	return suite;
}
