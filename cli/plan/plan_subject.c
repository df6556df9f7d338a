#include "cli/plan/plan_subject.h"

#include <stdio.h>
#include <string.h>

#include "cli/find/topology_find.h"
#include "core/base/nearest.h"
#include "core/base/strbuf.h"
#include "core/base/units.h"
#include "core/model/families/family.h"
#include "core/plan/versions.h"

static const struct plan_rules *find_rules(const char *name, struct error *e)
{
	const struct plan_rules *rules = plan_rules_find(name);
	struct nearest nearest = nearest_to(name);
	struct strbuf names = STRBUF_INIT;

	if (rules)
		return rules;
	for (const struct plan_rules *known = plan_rules; known->name; known++) {
		strbuf_printf(&names, "%s%s", known == plan_rules ? "" : ", ", known->name);
		nearest_offer(&nearest, known->name);
	}
	error_set(e, ERROR_USAGE, "--planner: there is no \"%.40s\"; there are %s", name, strbuf_text(&names));
	nearest_suggest(&nearest, e);
	strbuf_free(&names);
	return NULL;
}

static bool read_blocks(struct plan_subject *subject, const struct plan_words *words, bool needs_blocks, struct error *e)
{
	struct block_source source = { .family = NULL };

	if (words->model && words->loadlist)
		return error_set(e, ERROR_USAGE, "--model and --loadlist are two models; say one");
	if (needs_blocks && !words->model && !words->loadlist)
		return error_set(e, ERROR_USAGE, "say what to place: --model FILE or --loadlist FILE.tsv");
	if (!words->model && !words->loadlist)
		return true;
	if (words->model) {
		subject->has_blocks = block_list_from_weights(&subject->list, words->model, &source, e);
		/* A text encoder's file says that it is one. */
		subject->is_clip = subject->is_clip || (source.family && source.family->kind == MODEL_CLIP);
		snprintf(subject->source, sizeof(subject->source), "%.600s (%s)", words->model, source.note);
	} else {
		subject->has_blocks = block_list_read(&subject->list, words->loadlist, e);
		snprintf(subject->source, sizeof(subject->source), "%.600s", words->loadlist);
	}
	return subject->has_blocks;
}

/* One NAME=SIZE. */
static bool read_free_item(struct plan_subject *subject, struct span item, struct error *e)
{
	const char *equals = span_find(item, '=');
	char name[DEVICE_NAME_MAX];
	char size[64];
	int device;

	if (!equals)
		return error_set(e, ERROR_USAGE, "--free: \"%.*s\" is not DEVICE=SIZE", (int)item.length, item.text);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - item.text), item.text);
	snprintf(size, sizeof(size), "%.*s", (int)(item.length - (size_t)(equals - item.text) - 1), equals + 1);
	device = topology_find(subject->topology, name);
	if (device < 0)
		return error_set(e, ERROR_USAGE, "--free: topology %s has no device \"%s\"", subject->topology->name, name);
	if (!units_parse_bytes(size, &subject->free_bytes[device]))
		return error_set(e, ERROR_USAGE, "--free: \"%s\" is no size such as 20GB or 512MiB", size);
	if (subject->free_bytes[device] > subject->devices[device].total_bytes)
		return error_set(e, ERROR_USAGE, "--free: %s has less than %s in all", name, size);
	return true;
}

static bool read_devices(struct plan_subject *subject, const char *free_words, struct error *e)
{
	struct span rest = { free_words, free_words ? strlen(free_words) : 0 };
	struct span item;

	for (size_t i = 0; i < subject->topology->device_count; i++) {
		const struct device_description *device = &subject->topology->devices[i];

		subject->devices[i] = (struct plan_device) { device->name, device->capacity_bytes };
		subject->free_bytes[i] = device->capacity_bytes;
	}
	while (span_next(&rest, ',', &item)) {
		if (!read_free_item(subject, item, e))
			return false;
	}
	return true;
}

bool plan_subject_open(struct plan_subject *subject, const struct plan_words *words, bool needs_blocks, struct error *e)
{
	*subject = (struct plan_subject) { .is_clip = words->is_clip };
	subject->rules = find_rules(words->planner, e);
	if (!subject->rules || !read_blocks(subject, words, needs_blocks, e))
		return false;
	subject->topology = topology_find_named(words->topology, e);
	return subject->topology && read_devices(subject, words->free, e);
}

void plan_subject_close(struct plan_subject *subject)
{
	if (subject->has_blocks)
		block_list_free(&subject->list);
	if (subject->topology)
		topology_free(subject->topology);
}
