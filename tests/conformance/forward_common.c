#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "core/tensor/convert/convert.h"
#include "core/tensor/dtype/rounding.h"
#include "tests/conformance/forward.h"
#include "tests/conformance/part.h"
#include "tests/fixtures/machine.h"

/* Integers that need more than 63 bits (seeds do) become strings: jansson has no room for them. */
static json_t *parse_with_large_integers(const char *path, struct error *e)
{
	struct strbuf text = STRBUF_INIT;
	size_t length;
	char *read = file_read_whole(path, &length, e);
	json_t *root = NULL;

	for (const char *c = read; c && *c;) {
		size_t digits = strspn(c, "0123456789");
		bool is_large = digits >= 19 && (c[-1] == ' ' || c[-1] == ':' || c[-1] == '[') && strchr(",]} \n", c[digits]);

		if (is_large)
			strbuf_append_char(&text, '"');
		strbuf_append_n(&text, c, digits ? digits : 1);
		if (is_large)
			strbuf_append_char(&text, '"');
		c += digits ? digits : 1;
	}
	if (read)
		root = json_parse(strbuf_text(&text), text.length, path, false, e);
	strbuf_free(&text);
	free(read);
	return root;
}

bool forward_open(struct forward_data *f, struct error *e)
{
	struct strbuf path = STRBUF_INIT;
	struct stat st;
	bool fine = true;

	strbuf_printf(&path, "%s/%s.json", f->folder, f->name);
	f->json = parse_with_large_integers(strbuf_text(&path), e);
	strbuf_clear(&path);
	strbuf_printf(&path, "%s/%s.safetensors", f->folder, f->name);
	if (stat(strbuf_text(&path), &st) == 0) {
		f->tensors = safetensors_open(strbuf_text(&path), e);
		fine = f->tensors != NULL;
	}
	strbuf_free(&path);
	if (!fine || !f->json)
		return false;
	f->machine = fixture_card(part_backend, 8 * GIB, 4 * GIB, e);
	if (!f->machine)
		return false;
	f->device = machine_device(f->machine, 1);
	return true;
}

void forward_close(struct forward_data *f)
{
	machine_close(f->machine);
	safetensors_close(f->tensors);
	json_decref(f->json);
}

float *forward_values(const struct forward_data *f, const struct safetensors_tensor *tensor)
{
	float *values;
	struct error e = ERROR_INIT;

	if (!tensor)
		return NULL;
	values = array_new(tensor->element_count, sizeof(*values), &e);
	if (values && convert_to_f32(tensor->dtype, tensor->bytes, values, tensor->element_count, &e))
		return values;
	tally_fail(f->tally, tensor->name, "%s", e.text);
	free(values);
	return NULL;
}

const struct safetensors_tensor *forward_tensor(const struct forward_data *f, const char *format, ...)
{
	char name[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	return safetensors_find(f->tensors, name);
}

float *forward_input(const struct forward_data *f, const char *format, ...)
{
	char name[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	return forward_values(f, safetensors_find(f->tensors, name));
}

int64_t *forward_ids(const struct forward_data *f, const char *case_name, const char *input, size_t *count)
{
	const struct safetensors_tensor *tensor = forward_tensor(f, "%s.in.%s", case_name, input);
	int64_t *ids;

	if (!tensor || tensor->dtype != DTYPE_I64)
		return NULL;
	ids = array_new(tensor->element_count, sizeof(*ids), NULL);
	if (ids)
		memcpy(ids, tensor->bytes, tensor->size_bytes);
	*count = tensor->element_count;
	return ids;
}

static bool is_scaled(const struct parameter_description *parameter)
{
	size_t length = strlen(parameter->name);

	return parameter->rank >= 2 || (length > 5 && strcmp(parameter->name + length - 5, ".bias") == 0);
}

/* The weight as the case has it: float32 of the file, scaled, rounded to the case's type. */
static void *case_weight(const struct safetensors_tensor *tensor, const struct parameter_description *parameter, float factor,
			 struct error *e)
{
	float *values = array_new(tensor->element_count, sizeof(*values), e);
	void *bytes = array_new(tensor->element_count, dtype_size_bytes(parameter->dtype), e);

	if (!values || !bytes || !convert_to_f32(tensor->dtype, tensor->bytes, values, tensor->element_count, e)) {
		free(bytes);
		free(values);
		return NULL;
	}
	for (size_t i = 0; factor != 1.0F && is_scaled(parameter) && i < tensor->element_count; i++)
		values[i] *= factor;
	if (!convert_from_f32(parameter->dtype, values, bytes, tensor->element_count, e)) {
		free(bytes);
		bytes = NULL;
	}
	free(values);
	return bytes;
}

static bool fill_weights(struct architecture *a, const struct safetensors *file, const char *prefix, float factor,
			 struct error *e)
{
	for (size_t i = 0; i < a->parameter_count; i++) {
		struct parameter_description *parameter = &a->parameters[i];
		const struct safetensors_tensor *tensor;
		char name[320];

		snprintf(name, sizeof(name), "%s%s", prefix, parameter->name);
		tensor = safetensors_find(file, name);
		if (!tensor || tensor->rank != parameter->rank)
			return error_set(e, ERROR_FORMAT, "%s is not there, or of another shape", name);
		for (unsigned j = 0; j < parameter->rank; j++) {
			if ((int64_t)tensor->shape[j] != parameter->shape[j])
				return error_set(e, ERROR_FORMAT, "%s is of another shape", name);
		}
		parameter->bytes = case_weight(tensor, parameter, factor, e);
		if (!parameter->bytes)
			return false;
	}
	return true;
}

struct model *forward_model(struct forward_data *f, const struct family *family, const json_t *config,
			    const struct safetensors *file, const char *prefix, enum dtype dtype, float factor, struct error *e)
{
	void *made = array_new(1, family->config_size_bytes, e);
	struct model *model = NULL;
	struct architecture a;

	architecture_begin(&a, dtype, e);
	if (!made || !family_read_config(family, made, config, f->name, e))
		goto out;
	family->describe(made, &a);
	if (!architecture_ok(&a) || !fill_weights(&a, file, prefix, factor, e))
		goto out;
	model = model_new(f->machine, machine_device(f->machine, 0), f->name, family->kind, a.blocks, a.block_count,
			  a.parameters, a.parameter_count, e);
	if (model) {
		model->family = family;
		model->config = made;
		made = NULL;
	}
out:
	for (size_t i = 0; i < a.parameter_count; i++)
		free((void *)(uintptr_t)a.parameters[i].bytes);
	architecture_end(&a);
	free(made);
	return model;
}

void forward_compare(const struct forward_data *f, const char *case_name, const char *what,
		     const struct safetensors_tensor *golden, const float *values, size_t count, double tolerance)
{
	float *wanted = forward_values(f, golden);
	double largest = 0;
	double difference = 0;
	char name[320];

	snprintf(name, sizeof(name), "%s %s %s", f->name, case_name, what);
	if (!wanted || !values || golden->element_count != count) {
		tally_fail(f->tally, name, "%zu values where %llu are wanted", values ? count : 0,
			   golden ? (unsigned long long)golden->element_count : 0ULL);
		free(wanted);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		double d = fabs((double)wanted[i] - (double)values[i]);

		largest = fmax(largest, fabs((double)wanted[i]));
		difference = d > difference || isnan(d) ? d : difference;
	}
	if (difference <= tolerance * largest || (largest == 0 && difference == 0))
		tally_pass(f->tally);
	else
		tally_fail(f->tally, name, "differs by %.3g of the largest value; %.3g is allowed", difference / largest,
			   tolerance);
	free(wanted);
}

/* ---- taps ---- */

static void compare_told(struct forward_tap *tap, const char *golden_name, const struct tensor *value)
{
	const struct safetensors_tensor *golden = safetensors_find(tap->f->tensors, golden_name);
	struct mapping place = { .bytes = NULL };

	if (!golden)
		return;
	tap->compared++;
	/* A value that cannot be read is counted as a failure by the comparison. */
	if (stream_synchronize(device_stream(value->buffer.device), NULL))
		device_map(&value->buffer, MAP_READ, &place, NULL);
	forward_compare(tap->f, tap->case_name, golden_name, golden, place.bytes, tensor_count(value), tap->tolerance);
	device_unmap(&place, true, NULL);
}

static void told(void *context, const char *module, int part, const struct tensor *value)
{
	struct forward_tap *tap = context;
	char name[320];

	if (tap->strip && strncmp(module, tap->strip, strlen(tap->strip)) == 0)
		module += strlen(tap->strip);
	if (tap->probes) {
		snprintf(name, sizeof(name), "probe.%s.%s", module, part == TAP_INPUT ? "in" : "out");
		if (part == TAP_INPUT || part == TAP_WHOLE)
			compare_told(tap, name, value);
		return;
	}
	if (part == TAP_INPUT)
		return;
	if (part == TAP_WHOLE)
		snprintf(name, sizeof(name), "%s.act.%s", tap->case_name, module);
	else
		snprintf(name, sizeof(name), "%s.act.%s#%d", tap->case_name, module, part);
	compare_told(tap, name, value);
}

void forward_tap_begin(struct forward_tap *tap, const struct forward_data *f, const char *case_name, double tolerance)
{
	*tap = (struct forward_tap) { .tap = { .told = told }, .f = f, .case_name = case_name, .tolerance = tolerance };
	tap->tap.context = tap;
}

void forward_tap_end(const struct forward_tap *tap)
{
	char prefix[128];
	size_t there = 0;

	if (tap->probes)
		snprintf(prefix, sizeof(prefix), "probe.");
	else
		snprintf(prefix, sizeof(prefix), "%s.act.", tap->case_name);
	for (size_t i = 0; i < safetensors_count(tap->f->tensors); i++)
		there += strncmp(safetensors_tensor(tap->f->tensors, i)->name, prefix, strlen(prefix)) == 0;
	if (there != tap->compared)
		tally_fail(tap->f->tally, tap->case_name, "%zu of the %zu activations of %s were compared", tap->compared,
			   there, tap->f->name);
}

double forward_tolerance(const char *case_name)
{
	size_t length = strlen(case_name);

	if (length >= 4 && strcmp(case_name + length - 4, "bf16") == 0)
		return 2e-2;
	if (length >= 3 && strcmp(case_name + length - 3, "f16") == 0)
		return 3e-3;
	return 1e-5;
}
