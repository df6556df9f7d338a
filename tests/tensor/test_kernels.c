/* Every slot of every table against scalar's, on bytes that make NaNs, infinities and subnormals too. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mt19937.h"
#include "core/tensor/kernels/kernels.h"
#include "tests/harness/harness.h"

#define BLOCKS 37u
#define VALUES 65536u

static uint8_t blocks[BLOCKS * 300];
static float found[BLOCKS * QUANT_BLOCK_ELEMENTS_MAX + VALUES];
static float wanted[BLOCKS * QUANT_BLOCK_ELEMENTS_MAX + VALUES];

static void fill(struct mt19937 *generator, void *bytes, size_t size_bytes)
{
	for (size_t i = 0; i < size_bytes; i++)
		((uint8_t *)bytes)[i] = (uint8_t)mt19937_next(generator);
}

static void check_same(const char *table, const char *what, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(memcmp(&found[i], &wanted[i], sizeof(float)) == 0 || (isnan(found[i]) && isnan(wanted[i])),
			      "%s, %s: element %zu is %a, scalar's %a", table, what, i, (double)found[i], (double)wanted[i]);
}

static void check_dequantise(const struct kernels *kernels, enum quant type, enum quant_way way)
{
	size_t count = (size_t)BLOCKS * quant_block_elements(type);
	struct mt19937 generator;

	mt19937_seed(&generator, type);
	for (unsigned round = 0; round < 12; round++) {
		fill(&generator, blocks, sizeof(blocks));
		kernels->dequantise[type][way](blocks + 1, found, BLOCKS);
		kernels_scalar.dequantise[type][way](blocks + 1, wanted, BLOCKS);
		check_same(kernels->name, quant_name(type), count);
	}
}

START_TEST(dequantised_elements_are_scalars)
{
	const struct kernels *kernels = kernels_all[_i];

	for (unsigned type = 0; kernels->runs_here() && type < QUANT_COUNT; type++) {
		for (unsigned way = 0; way < QUANT_WAYS; way++) {
			if (!kernels->dequantise[type][way])
				continue;
			ck_assert_msg(kernels_scalar.dequantise[type][way], "scalar lacks %s", quant_name(type));
			check_dequantise(kernels, (enum quant)type, (enum quant_way)way);
		}
	}
}
END_TEST

/* The widest that runs here and fills it. */
static kernel_dequantise first_filled(unsigned type, unsigned way)
{
	for (size_t i = 0; kernels_all[i]; i++) {
		if (kernels_all[i]->runs_here() && kernels_all[i]->dequantise[type][way])
			return kernels_all[i]->dequantise[type][way];
	}
	return NULL;
}

START_TEST(a_slot_that_a_table_leaves_is_the_next_narrower_tables)
{
	size_t left = 0;

	for (unsigned type = 0; type < QUANT_COUNT; type++) {
		for (unsigned way = 0; way < QUANT_WAYS; way++) {
			ck_assert(kernels_dequantise((enum quant)type, (enum quant_way)way) == first_filled(type, way));
			left += kernels_scalar.dequantise[type][way] && !kernels_all[0]->dequantise[type][way];
		}
	}
	ck_assert(left > 0 || kernels_all[0] == &kernels_scalar);
}
END_TEST

/* Every code of the small types. */
START_TEST(every_code_becomes_scalars_float)
{
	const struct kernels *kernels = kernels_all[_i];
	static uint8_t codes[VALUES * 8];

	for (uint32_t i = 0; i < VALUES; i++)
		memcpy(codes + 2 * i, &i, 2);
	for (unsigned dtype = 0; kernels->runs_here() && dtype < DTYPE_COUNT; dtype++) {
		if (!kernels->to_f32[dtype])
			continue;
		kernels->to_f32[dtype](codes, found, VALUES);
		kernels_scalar.to_f32[dtype](codes, wanted, VALUES);
		check_same(kernels->name, dtype_name((enum dtype)dtype), VALUES);
		for (size_t count = 0; count < 40; count++) {
			found[count] = -7;
			kernels->to_f32[dtype](codes + 1, found, count);
			ck_assert(found[count] == -7);
		}
	}
}
END_TEST

/* Halves and their neighbours, where ties are, then bits at random. */
static void fill_values(float *values, size_t count)
{
	struct mt19937 generator;

	mt19937_seed(&generator, 5);
	for (size_t i = 0; i < count; i++) {
		uint16_t half = (uint16_t)i;
		uint32_t bits = mt19937_next(&generator);

		if (i < VALUES) {
			kernels_scalar.to_f32[DTYPE_F16](&half, &values[i], 1);
			memcpy(&bits, &values[i], sizeof(bits));
			bits += mt19937_next(&generator) % 3 - 1;
		}
		memcpy(&values[i], &bits, sizeof(bits));
	}
}

START_TEST(floats_become_scalars_codes)
{
	const struct kernels *kernels = kernels_all[_i];
	static float values[3 * VALUES + 5];
	static uint8_t codes[2][sizeof(values) * 2];

	fill_values(values, 3 * VALUES + 5);
	for (unsigned dtype = 0; kernels->runs_here() && dtype < DTYPE_COUNT; dtype++) {
		if (!kernels->from_f32[dtype])
			continue;
		kernels->from_f32[dtype](values, codes[0], 3 * VALUES + 5);
		kernels_scalar.from_f32[dtype](values, codes[1], 3 * VALUES + 5);
		for (size_t i = 0; i < (3 * VALUES + 5) * dtype_size_bytes((enum dtype)dtype); i++)
			ck_assert_msg(codes[0][i] == codes[1][i], "%s, %s: byte %zu is %x, scalar's %x (%a)", kernels->name,
				      dtype_name((enum dtype)dtype), i, codes[0][i], codes[1][i],
				      (double)values[i / dtype_size_bytes((enum dtype)dtype)]);
	}
}
END_TEST

START_TEST(chance_rounds_as_scalar_does)
{
	const struct kernels *kernels = kernels_all[_i];
	static float values[3 * VALUES + 5];
	static uint32_t draws[3 * VALUES + 5];
	static uint8_t codes[2][3 * VALUES + 5];
	struct mt19937 generator;

	fill_values(values, 3 * VALUES + 5);
	mt19937_seed(&generator, 9);
	for (size_t i = 0; i < 3 * VALUES + 5; i++)
		draws[i] = mt19937_next(&generator);
	for (unsigned dtype = 0; kernels->runs_here() && dtype < DTYPE_COUNT; dtype++) {
		if (!kernels->stochastic[dtype])
			continue;
		kernels->stochastic[dtype](values, draws, codes[0], 3 * VALUES + 5);
		kernels_scalar.stochastic[dtype](values, draws, codes[1], 3 * VALUES + 5);
		for (size_t i = 0; i < 3 * VALUES + 5; i++)
			ck_assert_msg(codes[0][i] == codes[1][i], "%s, %s: %a became %02x, scalar's %02x", kernels->name,
				      dtype_name((enum dtype)dtype), (double)values[i], codes[0][i], codes[1][i]);
	}
}
END_TEST

START_TEST(no_more_is_written_than_asked_for)
{
	const struct kernels *kernels = kernels_all[_i];
	float from[64] = { 1 };
	uint8_t to[256];

	for (unsigned dtype = 0; kernels->runs_here() && dtype < DTYPE_COUNT; dtype++) {
		for (size_t count = 0; kernels->from_f32[dtype] && count < 40; count++) {
			size_t size = count * dtype_size_bytes((enum dtype)dtype);

			memset(to, 0xa5, sizeof(to));
			if (size >= sizeof(to))
				break;
			kernels->from_f32[dtype](from, to, count);
			ck_assert_uint_eq(to[size], 0xa5);
		}
	}
}
END_TEST

HARNESS_SUITE(kernels_suite)
{
	Suite *suite = suite_create("kernels");
	TCase *cases = tcase_create("kernels");
	int count = 0;

	while (kernels_all[count])
		count++;
	tcase_set_timeout(cases, 60);
	tcase_add_loop_test(cases, dequantised_elements_are_scalars, 0, count);
	tcase_add_test(cases, a_slot_that_a_table_leaves_is_the_next_narrower_tables);
	tcase_add_loop_test(cases, every_code_becomes_scalars_float, 0, count);
	tcase_add_loop_test(cases, floats_become_scalars_codes, 0, count);
	tcase_add_loop_test(cases, chance_rounds_as_scalar_does, 0, count);
	tcase_add_loop_test(cases, no_more_is_written_than_asked_for, 0, count);
	suite_add_tcase(suite, cases);
	return suite;
}
