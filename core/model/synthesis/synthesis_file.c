/* Values are made in batches by several threads, each a part of the tensor into its own buffer, and written in order by the
 * caller's. A thread that cannot be started costs time only: its part is made by the caller. Pieces that are all zeros are
 * skipped instead of written, and so become holes.
 */
#include "core/model/synthesis/synthesis_file.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/model/detect/detect.h"
#include "core/model/synthesis/synthesis.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/safetensors/safetensors.h"

#define LANE_ELEMENTS (1u << 18) /* that one thread makes at a time */
#define LANES_MAX 8

/* One thread's part of a batch. */
struct lane {
	const struct parameter_description *parameter;
	const char *type;
	uint64_t seed;
	uint64_t first;
	size_t count;
	float *values; /* owned; room for LANE_ELEMENTS */
	unsigned char *bytes; /* owned */
	struct error error;
	bool threaded; /* runs on `thread` */
	pthread_t thread;
};

struct maker {
	const struct synthesis_order *order;
	struct safetensors_writer *writer;
	struct synthesis_result *result;
	struct lane lanes[LANES_MAX];
	size_t lane_count;
	uint64_t done_bytes;
};

/* ---- values ---- */

/* Positions, the only whole numbers in these files, count up. */
static bool count_up(struct lane *lane)
{
	int64_t *numbers = (int64_t *)lane->bytes;

	for (size_t i = 0; i < lane->count; i++)
		numbers[i] = (int64_t)(lane->first + i);
	return true;
}

static void *make_lane(void *context)
{
	struct lane *lane = context;

	if (lane->parameter->dtype == DTYPE_I64) {
		count_up(lane);
		return NULL;
	}
	if (lane->parameter->rank == 0) /* a scale, a temperature: something that changes little */
		lane->values[0] = 1;
	else
		synthesis_values(lane->parameter, lane->type, lane->seed, lane->first, lane->count, lane->values);
	convert_from_f32(lane->parameter->dtype, lane->values, lane->bytes, lane->count, &lane->error);
	return NULL;
}

/* All lanes at once; one that gets no thread is made here. */
static bool make_batch(struct maker *maker, size_t used, struct error *e)
{
	for (size_t i = 1; i < used; i++)
		maker->lanes[i].threaded = pthread_create(&maker->lanes[i].thread, NULL, make_lane, &maker->lanes[i]) == 0;
	make_lane(&maker->lanes[0]);
	for (size_t i = 1; i < used; i++) {
		if (maker->lanes[i].threaded)
			pthread_join(maker->lanes[i].thread, NULL);
		else
			make_lane(&maker->lanes[i]);
	}
	for (size_t i = 0; i < used; i++) {
		if (error_is_set(&maker->lanes[i].error)) {
			*e = maker->lanes[i].error;
			return false;
		}
	}
	return true;
}

static bool is_zero(const unsigned char *bytes, size_t size_bytes)
{
	return size_bytes == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size_bytes - 1) == 0);
}

/* ---- writing ---- */

static bool tell(struct maker *maker, uint64_t size_bytes, struct error *e)
{
	const struct synthesis_order *order = maker->order;

	maker->done_bytes += size_bytes;
	if (!order->told || order->told(order->context, maker->done_bytes, maker->result->data_bytes))
		return true;
	return error_set(e, ERROR_INTERRUPTED, "interrupted");
}

static bool put(struct maker *maker, const unsigned char *bytes, size_t size_bytes, struct error *e)
{
	if (is_zero(bytes, size_bytes))
		return safetensors_writer_skip(maker->writer, size_bytes, e) && tell(maker, size_bytes, e);
	maker->result->written_bytes += size_bytes;
	return safetensors_writer_put(maker->writer, bytes, size_bytes, e) && tell(maker, size_bytes, e);
}

static bool write_values(struct maker *maker, const struct parameter_description *parameter, const char *type, struct error *e)
{
	size_t element_bytes = dtype_size_bytes(parameter->dtype);
	uint64_t count = architecture_parameter_size_bytes(parameter) / element_bytes;

	for (uint64_t first = 0; first < count;) {
		size_t used = 0;

		for (; used < maker->lane_count && first < count; used++) {
			struct lane *lane = &maker->lanes[used];

			lane->parameter = parameter;
			lane->type = type;
			lane->seed = maker->order->seed;
			lane->first = first;
			lane->count = count - first < LANE_ELEMENTS ? (size_t)(count - first) : LANE_ELEMENTS;
			first += lane->count;
		}
		if (!make_batch(maker, used, e))
			return false;
		for (size_t i = 0; i < used; i++) {
			if (!put(maker, maker->lanes[i].bytes, maker->lanes[i].count * element_bytes, e))
				return false;
		}
	}
	return true;
}

static bool write_all(struct maker *maker, const struct architecture *a, struct error *e)
{
	size_t at = 0;

	for (size_t i = 0; i < a->block_count; i++) {
		for (size_t j = 0; j < a->blocks[i].parameter_count; j++, at++) {
			const struct parameter_description *parameter = &a->parameters[at];
			uint64_t size_bytes = architecture_parameter_size_bytes(parameter);

			if (maker->order->zeros
				    ? !safetensors_writer_skip(maker->writer, size_bytes, e) || !tell(maker, size_bytes, e)
				    : !write_values(maker, parameter, a->blocks[i].type, e))
				return false;
		}
	}
	return true;
}

/* ---- around it ---- */

static bool begin_lanes(struct maker *maker, struct error *e)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	maker->lane_count = processors < 1 ? 1 : processors > LANES_MAX ? LANES_MAX : (size_t)processors;
	for (size_t i = 0; i < maker->lane_count; i++) {
		maker->lanes[i].values = array_new(LANE_ELEMENTS, sizeof(float), e);
		maker->lanes[i].bytes = array_new(LANE_ELEMENTS, sizeof(int64_t), e);
		if (!maker->lanes[i].values || !maker->lanes[i].bytes)
			return false;
	}
	return true;
}

static void end_lanes(struct maker *maker)
{
	for (size_t i = 0; i < maker->lane_count; i++) {
		free(maker->lanes[i].values);
		free(maker->lanes[i].bytes);
	}
}

/* Small shapes do not say all of a configuration: the file does, where it is of one model. */
static void write_metadata(const struct synthesis_order *order, char text[1024])
{
	const char *config = order->small ? recipe_config(order->recipe, true) : NULL;

	text[0] = '\0';
	if (config)
		snprintf(text, 1024, "{\"family\":\"%s\",\"config\":%s}", order->recipe->parts[0].family->name, config);
}

static struct safetensors_writer *open_writer(const struct synthesis_order *order, const struct architecture *a,
					      const char *path, struct error *e)
{
	struct safetensors_entry *entries = array_new(a->parameter_count, sizeof(*entries), e);
	struct safetensors_writer *writer;
	char word[1024];
	const char *metadata[] = { FAMILY_METADATA, word, NULL };

	if (!entries)
		return NULL;
	write_metadata(order, word);
	for (size_t i = 0; i < a->parameter_count; i++) {
		const struct parameter_description *parameter = &a->parameters[i];

		entries[i] = (struct safetensors_entry) {
			.name = parameter->name, .dtype = parameter->dtype, .rank = parameter->rank, .shape = parameter->shape
		};
	}
	writer = safetensors_writer_open(path, entries, a->parameter_count, word[0] ? metadata : NULL, e);
	free(entries);
	return writer;
}

bool synthesis_write_file(const struct synthesis_order *order, const char *path, struct synthesis_result *result,
			  struct error *e)
{
	struct maker maker = { .order = order, .result = result };
	struct architecture a;
	bool fine = recipe_describe(order->recipe, order->small, order->dtype, order->scaled, &a, e) &&
		    (order->zeros || begin_lanes(&maker, e));

	*result = (struct synthesis_result) { .data_bytes = architecture_size_bytes(&a), .tensor_count = a.parameter_count };
	maker.writer = fine ? open_writer(order, &a, path, e) : NULL;
	fine = maker.writer && write_all(&maker, &a, e);
	if (fine)
		fine = safetensors_writer_finish(maker.writer, e);
	else
		safetensors_writer_abandon(maker.writer);
	end_lanes(&maker);
	architecture_end(&a);
	return fine;
}
