/* operations.c - the checks before each operation, and what becomes of its inputs.
 *
 * An operation with weights is a row of what it needs and a function that runs it: with_weights() fetches, runs and releases, so
 * that a function checks its shapes, makes the output and calls the table, and no more. Inputs are dropped by all, unless the
 * pass failed.
 */
#include "core/compute/compute.h"

#include <stdarg.h>
#include <string.h>

#include "core/compute/fetch.h"
#include "core/compute/pass.h"

static struct tensor *new_like(struct compute *c, const struct tensor *x)
{
	return c->failed ? NULL : compute_new(c, x->rank, x->shape);
}

/* ---- operations with weights ---- */

/* One under way: its module or, of those that take one alone, its parameter is at the compute device. */
struct weighted {
	const char *name;
	struct fetched_module module;
	struct tensor *x; /* NULL where the input is no tensor */
	const void *how; /* the operation's own parameters */
};

/* Checks that the weights fit the input, makes the output and computes it; NULL where the pass failed. */
typedef struct tensor *(*weighted_operation)(struct compute *c, struct weighted *w);

/* What an operation with weights is: what it is called, how many weights it has, and how it runs. */
struct weighted_kind {
	enum operation operation;
	bool has_module; /* weight and perhaps a bias; else one parameter alone, by its whole name */
	weighted_operation run;
};

/* Names and fetches the weights, runs, and releases them and the input. */
static struct tensor *with_weights(struct compute *c, const struct weighted_kind *kind, struct tensor *x, const void *how,
				   const char *format, va_list arguments)
{
	struct weighted w = { .x = x, .how = how };
	char name[PASS_NAME_MAX];
	struct tensor *out = NULL;

	if (c->failed)
		return NULL;
	pass_write_name(c, name, format, arguments);
	w.name = name;
	if (kind->has_module ? fetch_module(c, &w.module, kind->operation, name)
			     : fetch_parameter(c, &w.module, kind->operation, name))
		out = kind->run(c, &w);
	fetch_release(c, &w.module);
	compute_drop(c, x);
	return out;
}

static struct tensor *misfit(struct compute *c, const struct weighted *w)
{
	return compute_fail(c, ERROR_FORMAT, "%s: %s does not fit its input", c->model->name, w->name);
}

static struct tensor *linear(struct compute *c, struct weighted *operation)
{
	const struct operand *w = &operation->module.weight.weight;
	struct tensor *scaled = fetch_apply_scale(c, &operation->module, operation->name, operation->x);
	const struct tensor *input = scaled ? scaled : operation->x;
	int64_t shape[TENSOR_RANK_MAX];
	struct tensor *out;

	if (w->rank != 2 || w->shape[1] != input->shape[input->rank - 1] || !fetch_bias_fits(&operation->module, w->shape[0]))
		return compute_fail(c, ERROR_FORMAT, "%s: %s does not fit its input of %lld channels", c->model->name,
				    operation->name, (long long)input->shape[input->rank - 1]);
	memcpy(shape, input->shape, sizeof(shape));
	shape[input->rank - 1] = w->shape[0];
	out = compute_new(c, input->rank, shape);
	if (out && !c->ops->linear(c, input, w, operation->module.b, out))
		out = pass_fail_as_set(c);
	compute_drop(c, scaled);
	return out;
}

struct tensor *compute_linear(struct compute *c, struct tensor *x, const char *module, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_LINEAR, .has_module = true, .run = linear };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, module);
	out = with_weights(c, &kind, x, NULL, module, arguments);
	va_end(arguments);
	return out;
}

static struct tensor *convolve(struct compute *c, struct weighted *operation)
{
	const struct operand *w = &operation->module.weight.weight;
	const struct convolution *how = operation->how;
	const struct tensor *x = operation->x;
	struct tensor *out;

	if (w->rank != 4 || w->shape[1] != x->shape[1] || !fetch_bias_fits(&operation->module, w->shape[0]) ||
	    x->shape[2] + how->top + how->bottom < w->shape[2] || x->shape[3] + how->left + how->right < w->shape[3])
		return compute_fail(c, ERROR_FORMAT, "%s: %s does not fit its input of %lld channels, %lld x %lld",
				    c->model->name, operation->name, (long long)x->shape[1], (long long)x->shape[2],
				    (long long)x->shape[3]);
	out = compute_new(c, 4,
			  (int64_t[]) { x->shape[0], w->shape[0],
					(x->shape[2] + how->top + how->bottom - w->shape[2]) / how->stride + 1,
					(x->shape[3] + how->left + how->right - w->shape[3]) / how->stride + 1 });
	if (out && !c->ops->convolve(c, x, w, operation->module.b, how, out))
		out = pass_fail_as_set(c);
	return out;
}

struct tensor *compute_convolve(struct compute *c, struct tensor *x, const struct convolution *how, const char *module, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_CONVOLVE, .has_module = true, .run = convolve };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, module);
	out = with_weights(c, &kind, x, how, module, arguments);
	va_end(arguments);
	return out;
}

static struct tensor *layer_norm(struct compute *c, struct weighted *w)
{
	int64_t channels = w->x->shape[w->x->rank - 1];
	struct tensor *out;

	if (w->module.weight.weight.count != (size_t)channels || !fetch_bias_fits(&w->module, channels))
		return misfit(c, w);
	out = new_like(c, w->x);
	if (out && !c->ops->layer_norm(c, w->x, &w->module.weight.weight, w->module.b, *(const double *)w->how, out))
		out = pass_fail_as_set(c);
	return out;
}

static struct tensor *plain_layer_norm(struct compute *c, struct tensor *x, double eps)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->layer_norm(c, x, NULL, NULL, eps, out))
		out = pass_fail_as_set(c);
	compute_drop(c, x);
	return out;
}

struct tensor *compute_layer_norm(struct compute *c, struct tensor *x, double eps, const char *module, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_LAYER_NORM, .has_module = true, .run = layer_norm };
	struct tensor *out;
	va_list arguments;

	if (!module)
		return plain_layer_norm(c, x, eps);
	va_start(arguments, module);
	out = with_weights(c, &kind, x, &eps, module, arguments);
	va_end(arguments);
	return out;
}

static struct tensor *rms_norm(struct compute *c, struct weighted *w)
{
	struct tensor *out;

	if (w->module.weight.weight.count != (size_t)w->x->shape[w->x->rank - 1])
		return misfit(c, w);
	out = new_like(c, w->x);
	if (out && !c->ops->rms_norm(c, w->x, &w->module.weight.weight, *(const double *)w->how, out))
		out = pass_fail_as_set(c);
	return out;
}

struct tensor *compute_rms_norm(struct compute *c, struct tensor *x, double eps, const char *parameter, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_RMS_NORM, .run = rms_norm };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, parameter);
	out = with_weights(c, &kind, x, &eps, parameter, arguments);
	va_end(arguments);
	return out;
}

struct grouping {
	unsigned groups;
	double eps;
};

static struct tensor *group_norm(struct compute *c, struct weighted *w)
{
	const struct grouping *how = w->how;
	int64_t channels = w->x->shape[1];
	struct tensor *out;

	if (channels % how->groups != 0 || w->module.weight.weight.count != (size_t)channels ||
	    !fetch_bias_fits(&w->module, channels))
		return misfit(c, w);
	out = new_like(c, w->x);
	if (out && !c->ops->group_norm(c, w->x, how->groups, &w->module.weight.weight, w->module.b, how->eps, out))
		out = pass_fail_as_set(c);
	return out;
}

struct tensor *compute_group_norm(struct compute *c, struct tensor *x, unsigned groups, double eps, const char *module, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_GROUP_NORM, .has_module = true, .run = group_norm };
	const struct grouping how = { .groups = groups, .eps = eps };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, module);
	out = with_weights(c, &kind, x, &how, module, arguments);
	va_end(arguments);
	return out;
}

struct token_row {
	const int64_t *ids;
	size_t count;
};

static struct tensor *embed(struct compute *c, struct weighted *w)
{
	const struct operand *table = &w->module.weight.weight;
	const struct token_row *row = w->how;
	struct tensor *out;

	for (size_t i = 0; i < row->count; i++) {
		if (row->ids[i] < 0 || row->ids[i] >= table->shape[0])
			return compute_fail(c, ERROR_FORMAT, "%s: token %lld is not in %s, which has %lld rows", c->model->name,
					    (long long)row->ids[i], w->name, (long long)table->shape[0]);
	}
	out = compute_new(c, 2, (int64_t[]) { (int64_t)row->count, table->shape[1] });
	if (out && !c->ops->embed(c, table, row->ids, row->count, out))
		out = pass_fail_as_set(c);
	return out;
}

struct tensor *compute_embed(struct compute *c, const int64_t *ids, size_t count, const char *parameter, ...)
{
	static const struct weighted_kind kind = { .operation = OPERATION_EMBED, .run = embed };
	const struct token_row row = { .ids = ids, .count = count };
	struct tensor *out;
	va_list arguments;

	va_start(arguments, parameter);
	out = with_weights(c, &kind, NULL, &row, parameter, arguments);
	va_end(arguments);
	return out;
}

/* ---- operations of tensors alone ---- */

struct tensor *compute_attend(struct compute *c, struct tensor *q, struct tensor *k, struct tensor *v, struct tensor *bias,
			      double scale)
{
	struct tensor *out = new_like(c, q);

	if (out && !c->ops->attend(c, q, k, v, bias, scale, out))
		out = pass_fail_as_set(c);
	compute_drop(c, q);
	compute_drop(c, k);
	compute_drop(c, v);
	compute_drop(c, bias);
	return out;
}

struct tensor *compute_unary(struct compute *c, enum unary kind, struct tensor *x)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->unary(c, kind, x, out))
		out = pass_fail_as_set(c);
	compute_drop(c, x);
	return out;
}

static struct tensor *binary(struct compute *c, enum binary kind, struct tensor *x, struct tensor *y)
{
	struct tensor *out = new_like(c, x);

	if (!out)
		return NULL;
	if (tensor_count(x) != tensor_count(y))
		return compute_fail(c, ERROR_BUG, "%s: two tensors of %zu and %zu elements were to be combined", c->model->name,
				    tensor_count(x), tensor_count(y));
	if (!c->ops->binary(c, kind, x, y, out))
		return pass_fail_as_set(c);
	compute_drop(c, x);
	compute_drop(c, y);
	return out;
}

struct tensor *compute_add(struct compute *c, struct tensor *x, struct tensor *y)
{
	return binary(c, BINARY_ADD, x, y);
}

struct tensor *compute_multiply(struct compute *c, struct tensor *x, struct tensor *y)
{
	return binary(c, BINARY_MULTIPLY, x, y);
}

struct tensor *compute_modulate(struct compute *c, struct tensor *x, struct tensor *scale, struct tensor *shift)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->modulate(c, x, scale, shift, out))
		out = pass_fail_as_set(c);
	compute_drop(c, x);
	compute_drop(c, scale);
	compute_drop(c, shift);
	return out;
}

struct tensor *compute_gate(struct compute *c, struct tensor *x, struct tensor *gate, struct tensor *y)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->gate(c, x, gate, y, out))
		out = pass_fail_as_set(c);
	compute_drop(c, x);
	compute_drop(c, gate);
	compute_drop(c, y);
	return out;
}

struct tensor *compute_rotate(struct compute *c, struct tensor *x, struct tensor *angles)
{
	struct tensor *out = new_like(c, x);

	if (out && !c->ops->rotate(c, x, angles, out))
		out = pass_fail_as_set(c);
	compute_drop(c, x);
	compute_drop(c, angles);
	return out;
}
