/* value.h - what nodes pass to each other.
 *
 * A value is a number, a seed (any unsigned 64-bit integer), a text, an object of the heap (MODEL, CLIP, VAE, GUIDER),
 * or plain counted data (CONDITIONING, LATENT, IMAGE, SIGMAS, NOISE, SAMPLER), which holds no model and so cannot keep
 * one alive.
 */
#ifndef RESIDENCY_WORKFLOW_VALUE_H
#define RESIDENCY_WORKFLOW_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/compute/inference.h"
#include "core/object/heap.h"

enum node_value_kind {
	VALUE_NONE,
	VALUE_INTEGER,
	VALUE_SEED,
	VALUE_NUMBER,
	VALUE_BOOLEAN,
	VALUE_TEXT,
	VALUE_OBJECT,
	VALUE_DATA
};

struct data;

struct value {
	enum node_value_kind kind;
	union {
		int64_t integer;
		uint64_t seed;
		double number;
		bool boolean;
		const char *text; /* borrowed from the prompt or from static text */
		struct object *object;
		struct data *data;
	};
};

enum data_kind { DATA_TENSOR, DATA_CONDITIONING, DATA_SIGMAS, DATA_NOISE };

/* Counted: value_data_keep and value_data_drop. Immutable once it is passed on. */
struct data {
	enum data_kind kind;
	unsigned count;
	union {
		struct values tensor; /* LATENT, IMAGE; owned */
		struct {
			struct data *cond, *pooled; /* tensors; counted */
			double guidance; /* NAN: none set */
		} conditioning;
		struct {
			float *sigmas; /* owned */
			size_t sigma_count;
		};
		uint64_t seed; /* NOISE */
	};
};

/* Counted once. NULL when there is no memory. */
struct data *value_data_new(enum data_kind kind, struct error *e);
struct data *value_data_keep(struct data *data);
void value_data_drop(struct data *data);

/* Takes the tensor over, also on failure. */
struct data *value_data_tensor(struct values *tensor, struct error *e);

/* For inference.h: borrowed from data. */
struct conditioning value_data_conditioning(const struct data *data);

/* The values of one node's outputs: an object, so that what it holds is held. Owners of it are looked through by heap_holders. */
struct output {
	struct value value;
	struct reference reference; /* while the value is an object */
};

struct outputs {
	struct object object;
	size_t count;
	struct output slots[];
};

struct outputs *value_outputs_new(struct heap *heap, size_t count, struct error *e);
void value_outputs_set_object(struct outputs *outputs, size_t slot, struct object *object, const char *label);
/* Takes the count over. */
void value_outputs_set_data(struct outputs *outputs, size_t slot, struct data *data);

#endif
