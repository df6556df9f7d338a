/* plans.c - plans, advice and suggestions of every version of the rules.
 *
 * A string that a version cannot plan is no failure here. It must be rejected for what it is: when an allocation failed, only
 * an out-of-memory error may be the reason. */
#include <math.h>
#include <stdio.h>

#include "core/base/array.h"
#include "core/plan/advise/advise.h"
#include "core/plan/place/blocks.h"
#include "core/plan/suggest/costs.h"
#include "core/plan/suggest/suggest.h"
#include "core/plan/versions.h"
#include "scenarios/placed/plan_trial.h"
#include "tests/torture/torture.h"

static const char machine[] =
	"{\"schema\":1,\"name\":\"t\",\"devices\":[{\"name\":\"cpu\",\"capacity_bytes\":40000000000,\"flops_per_s\":1e11},"
	"{\"name\":\"cuda:0\",\"capacity_bytes\":6000000000,\"flops_per_s\":1e12}],\"links\":[{\"from\":\"cpu\",\"to\":\"cuda:"
	"0\","
	"\"bandwidth_bytes_per_s\":1e9}]}";

static const struct plan_device devices[] = { { "cpu", 40000000000 }, { "cuda:0", 6000000000 } };

static const char *const strings[] = {
	"#cuda:0;4.0;cpu",	     "cuda:0,2gb;cpu,5gb*#cuda:0",    "cuda:0,40%;cpu,60%#",
	"cuda:0,0.5;cpu,0.5#cuda:0", "cuda:7,50%;cpu;mps,1tb#cuda:9", "#cuda:0;4gb;cpu",
};

static bool make_blocks(struct block_list *list, struct error *e)
{
	*list = (struct block_list) { .blocks = NULL };
	for (unsigned i = 0; i < 12; i++) {
		struct plan_block block = { .size_bytes = 1000000000, .weight_size_bytes = 1000000000, .has_bias = i % 3 > 0 };
		char name[32];

		snprintf(name, sizeof(name), "blocks.%u.embed", i);
		if (!block_list_add(list, &block, span_of(name), "Linear", e)) {
			block_list_free(list);
			return false;
		}
	}
	return true;
}

static bool look(const struct plan *plan, const struct block_list *list, struct error *e)
{
	static const uint64_t free_bytes[DEVICE_MAX] = { 40000000000, 6000000000 };
	struct topology *topology = topology_parse(machine, sizeof(machine) - 1, "torture", e);
	struct picture picture = { 1024, 1024, 1 };
	struct pass_costs costs = { .blocks = NULL };
	struct plan_trial_request request = {
		.topology = topology, .free_bytes = free_bytes, .blocks = list->blocks, .costs = &costs, .resident_seconds = NAN
	};
	struct plan_outlook outlook = { .block_copy_seconds = NULL };
	bool fine = topology && costs_make(list->blocks, list->count, &picture, &costs, e) &&
		    plan_outlook(plan, &request, &outlook, e);

	plan_outlook_free(&outlook);
	costs_free(&costs);
	if (topology)
		topology_free(topology);
	return fine;
}

/* A string that cannot be planned is no failure here: it must be refused for what it is, or for want of memory. */
static bool plan_one(const struct plan_rules *rules, const char *allocation, const struct block_list *list, struct error *e)
{
	struct plan_request request = { .rules = rules,
					.allocation = allocation,
					.is_clip = true,
					.blocks = list->blocks,
					.block_count = list->count,
					.devices = devices,
					.device_count = ARRAY_SIZE(devices) };
	struct error why = ERROR_INIT;
	struct plan *plan = plan_make(&request, NULL, &why);
	bool fine = plan ? look(plan, list, e) : why.kind != ERROR_MEMORY || error_no_memory(e);

	plan_free(plan);
	return fine;
}

TORTURE_PIECE(torture_plans, "plans")
{
	struct block_list list;
	bool fine = make_blocks(&list, e);

	for (const struct plan_rules *rules = plan_rules; fine && rules->name; rules++) {
		for (size_t i = 0; fine && i < ARRAY_SIZE(strings); i++)
			fine = plan_one(rules, strings[i], &list, e);
	}
	block_list_free(&list);
	return fine;
}

TORTURE_PIECE(torture_advice, "advice")
{
	struct block_list list;
	bool fine = make_blocks(&list, e);

	for (const struct plan_rules *rules = plan_rules; fine && rules->name; rules++) {
		for (size_t i = 0; fine && i < ARRAY_SIZE(strings); i++) {
			struct advise_request request = { .rules = rules,
							  .allocation = strings[i],
							  .blocks = list.blocks,
							  .block_count = list.count,
							  .devices = devices,
							  .device_count = ARRAY_SIZE(devices) };
			struct advice_list advice;

			fine = advise(&request, &advice, e);
			advise_list_free(&advice);
		}
	}
	block_list_free(&list);
	return fine;
}

/* One small transformer's beginning, so that its family's modules are made; the rest are blocks of none. */
static bool make_known_blocks(struct block_list *list, struct error *e)
{
	struct plan_block block = { .size_bytes = 33570816, .weight_size_bytes = 33570816, .has_bias = true };

	return make_blocks(list, e) &&
	       block_list_add(list, &block, span_of("diffusion_model.transformer_blocks.0.ff.net.0.proj"), "Linear", e);
}

TORTURE_PIECE(torture_suggestions, "suggestions")
{
	static const uint64_t rooms[DEVICE_MAX] = { 30000000000, 5000000000 };
	static const uint64_t free_bytes[DEVICE_MAX] = { 40000000000, 6000000000 };
	struct topology *topology = topology_parse(machine, sizeof(machine) - 1, "torture", e);
	struct block_list list = { .blocks = NULL };
	struct picture picture = { 1024, 1024, 1 };
	struct pass_costs costs = { .blocks = NULL };
	struct plan_trial *trial = NULL;
	struct suggest_runner runner;
	struct plan_trial_request trial_request = { .topology = topology,
						    .free_bytes = free_bytes,
						    .costs = &costs,
						    .resident_seconds = 3,
						    .converts_at_source = true };
	struct suggest_request request = { .rules = plan_rules_find("HEAD"),
					   .topology = topology,
					   .room_bytes = rooms,
					   .compute = -1,
					   .profile = &costs.profile,
					   .resident_seconds = NAN,
					   .runner = &runner,
					   .wanted = 3 };
	struct suggestions suggestions = { .items = NULL };
	bool fine = topology && make_known_blocks(&list, e) && costs_make(list.blocks, list.count, &picture, &costs, e);

	if (fine) {
		request.blocks = list.blocks;
		request.block_count = list.count;
		trial_request.blocks = list.blocks;
		trial = plan_trial_new(&trial_request, e);
		fine = trial != NULL;
	}
	if (fine) {
		runner = plan_trial_runner(trial);
		fine = suggest(&request, &suggestions, e);
	}
	suggest_free(&suggestions);
	plan_trial_free(trial);
	costs_free(&costs);
	block_list_free(&list);
	if (topology)
		topology_free(topology);
	return fine;
}
