/* flow_file.c - reads flows and scenarios from JSON, and says exactly what is wrong with one.
 *
 * Each object is first checked for members that nothing reads, then its members are taken by kind. An action is a list: its word
 * picks the row that says which arguments follow. Texts are borrowed from the JSON, which the flow keeps.
 */
#include "scenarios/flow/flow_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "core/base/json.h"
#include "core/base/nearest.h"
#include "core/manager/policy.h"
#include "scenarios/flow/flow_words.h"

#define TEXT_SIZE_MAX ((size_t)4 << 20)
#define NAME_LENGTH_MAX 40 /* fits a record's name with what clones and generations add */
#define WORDS_LENGTH_MAX 1000
#define SIZE_MB_MAX 1000000

/* A flow that was read: texts are borrowed from the JSON, which it keeps. */
struct read_flow {
	struct flow flow;
	json_t *source;
	struct matrix_model *models;
	struct flow_step *steps;
	const char **reports;
	char name[NAME_LENGTH_MAX + 1]; /* where the file says none */
};

/* ---- words ---- */

const char *const flow_kind_words[3] = { [MODEL_UNET] = "unet", [MODEL_CLIP] = "clip", [MODEL_VAE] = "vae" };
const char *const flow_lora_words[4] = { "none", "only", "base_then_clone", "clone_then_base" };

/* ---- members ---- */

static bool refuse_member(const char *key, const char *where, const char *const *known, struct error *e)
{
	char list[256] = "";
	size_t length = 0;

	for (size_t i = 0; known[i] && length < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "", known[i]);
	return error_set(e, ERROR_FORMAT, "%s: \"%.40s\" is no member here; known are %s", where, key, list);
}

static bool check_members(const json_t *object, const char *where, const char *const *known, struct error *e)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return refuse_member(key, where, known, e);
	}
	return true;
}

/* A text that fits a record, or a page; without control characters. */
static bool check_text(const char *text, const char *key, const char *where, size_t length_max, struct error *e)
{
	size_t length = strlen(text);

	if (length > length_max)
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" has %zu bytes; %zu are the most", where, key, length, length_max);
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)text[i] < ' ')
			return error_set(e, ERROR_FORMAT, "%s: \"%s\" has a control character at byte %zu", where, key, i);
	}
	return true;
}

static bool read_text(const json_t *object, const char *key, const char *where, size_t length_max, const char *fallback,
		      const char **text, struct error *e)
{
	return json_get_string_or(object, key, where, fallback, text, e) &&
	       (!*text || check_text(*text, key, where, length_max, e));
}

/* ---- models ---- */

static bool find_word(const char *const *words, size_t count, const char *text, unsigned *index)
{
	for (*index = 0; *index < count; ++*index) {
		if (strcmp(words[*index], text) == 0)
			return true;
	}
	return false;
}

static bool read_keep(const json_t *row, const char *where, enum keep_request *keep, struct error *e)
{
	const json_t *value = json_object_get(row, "keep");

	if (value && !json_is_null(value) && !json_is_boolean(value))
		return error_set(e, ERROR_FORMAT, "%s: \"keep\" is %s; it must be true, false or null", where,
				 json_type_words(value));
	*keep = !json_is_boolean(value) ? KEEP_NONE : json_is_true(value) ? KEEP_YES : KEEP_NO;
	return true;
}

static bool read_model(const json_t *row, const char *where, struct matrix_model *model, struct error *e)
{
	static const char *const known[] = { "name",	"kind",	   "keep",   "lora", "strength",
					     "preview", "size_mb", "device", "file", NULL };
	const char *kind;
	const char *lora;
	unsigned kind_index = 0;
	unsigned lora_index = 0;
	int64_t size_mb;

	if (!json_is_object(row))
		return error_set(e, ERROR_FORMAT, "%s is %s; it must be an object", where, json_type_words(row));
	if (!check_members(row, where, known, e) || !json_get_string(row, "name", where, &model->name, e) ||
	    !check_text(model->name, "name", where, NAME_LENGTH_MAX, e) || !json_get_string(row, "kind", where, &kind, e) ||
	    !read_keep(row, where, &model->keep, e) || !json_get_string_or(row, "lora", where, "none", &lora, e) ||
	    !json_get_number_or(row, "strength", where, 1.0, &model->strength, e) ||
	    !json_get_bool_or(row, "preview", where, false, &model->preview, e) ||
	    !json_get_integer_or(row, "size_mb", where, 0, &size_mb, e) ||
	    !read_text(row, "device", where, NAME_LENGTH_MAX, NULL, &model->device, e))
		return false;
	if (size_mb < 0 || size_mb > SIZE_MB_MAX)
		return error_set(e, ERROR_FORMAT, "%s: \"size_mb\" is %lld; it must be 1 to %d", where, (long long)size_mb,
				 SIZE_MB_MAX);
	model->size_mb = (unsigned)size_mb;
	if (!model->name[0])
		return error_set(e, ERROR_FORMAT, "%s: \"name\" is empty", where);
	if (!find_word(flow_kind_words, ARRAY_SIZE(flow_kind_words), kind, &kind_index))
		return error_set(e, ERROR_FORMAT, "%s: \"kind\" is \"%.40s\"; it must be unet, clip or vae", where, kind);
	if (!find_word(flow_lora_words, ARRAY_SIZE(flow_lora_words), lora, &lora_index))
		return error_set(e, ERROR_FORMAT,
				 "%s: \"lora\" is \"%.40s\"; it must be only, base_then_clone or clone_then_base", where, lora);
	if (!(fabs(model->strength) <= 100))
		return error_set(e, ERROR_FORMAT, "%s: \"strength\" is %g; it must be -100 to 100", where, model->strength);
	model->kind = (enum model_kind)kind_index;
	model->lora = (enum lora_use)lora_index;
	if (model->lora != LORA_NONE && model->kind != MODEL_UNET)
		return error_set(e, ERROR_FORMAT, "%s: only a unet takes a \"lora\"", where);
	return true;
}

static bool read_models(const json_t *list, const char *where, struct matrix_model **models, size_t *count, struct error *e)
{
	size_t wanted = json_array_size(list);

	*count = 0;
	if (!json_is_array(list))
		return error_set(e, ERROR_FORMAT, "%s: the models are %s; they must be a list", where, json_type_words(list));
	if (wanted == 0 || wanted > FLOW_MODELS_MAX)
		return error_set(e, ERROR_FORMAT, "%s: %zu models; 1 to %d may be there", where, wanted, FLOW_MODELS_MAX);
	*models = array_new(wanted, sizeof(**models), e);
	if (!*models)
		return false;
	for (*count = 0; *count < wanted; ++*count) {
		char place[160];

		snprintf(place, sizeof(place), "%.120s, model %zu", where, *count + 1);
		if (!read_model(json_array_get(list, *count), place, &(*models)[*count], e))
			return false;
	}
	return true;
}

/* ---- actions ---- */

/* An action that is read. */
struct read_action {
	const json_t *list;
	const char *where;
	const struct action_row *row;
	struct flow_step *step;
};

static bool wants(const struct read_action *a, const char *what, const json_t *found, struct error *e)
{
	return error_set(e, ERROR_FORMAT, "%s: \"%s\" wants %s, not %s", a->where, a->row->word, what, json_type_words(found));
}

static bool take_tag(const struct read_action *a, size_t at, struct error *e)
{
	const json_t *value = json_array_get(a->list, at);

	if (!value)
		return true;
	if (!json_is_string(value))
		return wants(a, "a tag, a string", value, e);
	a->step->tag = json_string_value(value);
	return check_text(a->step->tag, "tag", a->where, NAME_LENGTH_MAX, e);
}

static bool take_number(const struct read_action *a, size_t at, struct error *e)
{
	const json_t *value = json_array_get(a->list, at);
	uint64_t number;

	if (!json_read_unsigned(value, &number)) {
		if (!json_is_integer(value) && fabs(json_number_value(value)) < 0x1p63)
			return wants(a, a->row->unit, value, e);
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" takes %s of %llu to %llu, not %.17g", a->where, a->row->word,
				 a->row->unit, (unsigned long long)a->row->least, (unsigned long long)a->row->most,
				 json_any_number(value));
	}
	if (number < a->row->least || number > a->row->most)
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" takes %s of %llu to %llu, not %llu", a->where, a->row->word,
				 a->row->unit, (unsigned long long)a->row->least, (unsigned long long)a->row->most,
				 (unsigned long long)number);
	a->step->action.number = number;
	return true;
}

static bool take_flag(const struct read_action *a, const json_t *body, const char *key, enum wanted *wanted, struct error *e)
{
	const json_t *value = json_object_get(body, key);

	if (value && !json_is_boolean(value))
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" is %s; it must be a boolean", a->where, key,
				 json_type_words(value));
	*wanted = !value ? WANTED_ABSENT : json_is_true(value) ? WANTED_TRUE : WANTED_FALSE;
	return true;
}

static bool take_body(const struct read_action *a, struct error *e)
{
	static const char *const known[] = { "unload_models", "free_memory", "release_kept", NULL };
	const json_t *body = json_array_get(a->list, 1);

	if (!json_is_object(body))
		return wants(a, "the request's body, an object", body, e);
	return check_members(body, a->where, known, e) && take_flag(a, body, known[0], &a->step->unload_models, e) &&
	       take_flag(a, body, known[1], &a->step->free_memory, e) &&
	       take_flag(a, body, known[2], &a->step->release_kept, e);
}

static bool take_target(const struct read_action *a, struct error *e)
{
	const json_t *value = json_array_get(a->list, 1);
	json_int_t number = json_integer_value(value);

	if (json_is_string(value)) {
		a->step->action.name = json_string_value(value);
		return check_text(a->step->action.name, "model", a->where, RECORD_NAME_MAX - 1, e);
	}
	if (!json_is_integer(value))
		return wants(a, "a model, its name or its number", value, e);
	if (number < 1 || number > FLOW_MODELS_MAX)
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" takes model 1 to %d, not %lld", a->where, a->row->word,
				 FLOW_MODELS_MAX, (long long)number);
	a->step->index = (size_t)number - 1;
	return true;
}

static bool take_patch(const struct read_action *a, struct error *e)
{
	const json_t *value = json_array_get(a->list, 1);

	a->step->action.name = json_string_value(value);
	if (!a->step->action.name || (strcmp(a->step->action.name, "throw") != 0 && strcmp(a->step->action.name, "none") != 0))
		return wants(a, "\"throw\" or \"none\"", value, e);
	return true;
}

static bool take_device(const struct read_action *a, struct error *e)
{
	const json_t *value = json_array_get(a->list, 1);

	a->step->action.name = json_string_value(value);
	if (!a->step->action.name)
		return wants(a, "a device's name, or \"compute\"", value, e);
	return check_text(a->step->action.name, "device", a->where, NAME_LENGTH_MAX, e);
}

static bool take_models(const struct read_action *a, struct error *e)
{
	struct matrix_model *models = NULL;
	bool fine = read_models(json_array_get(a->list, 1), a->where, &models, &a->step->model_count, e);

	a->step->models = models; /* flow_free frees it, read to the end or not */
	return fine && take_tag(a, 2, e);
}

static bool take_argument(const struct read_action *a, struct error *e)
{
	switch (a->row->takes) {
	case TAKES_NOTHING:
		return true;
	case TAKES_TAG:
		return take_tag(a, 1, e);
	case TAKES_NUMBER:
		return take_number(a, 1, e);
	case TAKES_OPTIONAL_NUMBER:
		return json_array_size(a->list) == 1 || take_number(a, 1, e);
	case TAKES_PATCH:
		return take_patch(a, e);
	case TAKES_DEVICE:
		return take_device(a, e) && take_number(a, 2, e);
	case TAKES_BODY:
		return take_body(a, e);
	case TAKES_TARGET:
		return take_target(a, e);
	case TAKES_MODELS:
		return take_models(a, e);
	}
	return error_set(e, ERROR_BUG, "action %s takes nothing known", a->row->word);
}

static size_t arguments_most(enum action_takes takes)
{
	return takes == TAKES_NOTHING ? 0 : takes == TAKES_MODELS || takes == TAKES_DEVICE ? 2 : 1;
}

static bool refuse_word(const char *where, const char *word, struct error *e)
{
	struct nearest nearest = nearest_to(word);
	char list[400] = "";
	size_t length = 0;

	for (unsigned i = 0; i < ACTION_KIND_COUNT; i++)
		nearest_offer(&nearest, action_word((enum action_kind)i));
	for (unsigned i = 0; i < ACTION_KIND_COUNT && length < sizeof(list); i++)
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s", i ? ", " : "",
					   action_word((enum action_kind)i));
	error_set(e, ERROR_FORMAT, "%s: \"%.40s\" is no action; there are %s", where, word, list);
	return nearest_suggest(&nearest, e);
}

static bool read_step(const json_t *list, const char *where, struct flow_step *step, struct error *e)
{
	const char *word = json_string_value(json_array_get(list, 0));
	struct read_action read = { .list = list, .where = where, .step = step };
	unsigned kind = 0;
	size_t most;

	if (!word)
		return error_set(e, ERROR_FORMAT, "%s is %s; it must be a list that begins with a word", where,
				 json_type_words(list));
	while (kind < ACTION_KIND_COUNT && strcmp(action_word((enum action_kind)kind), word) != 0)
		kind++;
	if (kind == ACTION_KIND_COUNT)
		return refuse_word(where, word, e);
	step->action.kind = (enum action_kind)kind;
	read.row = action_row(step->action.kind);
	most = arguments_most(read.row->takes);
	if (json_array_size(list) - 1 > most)
		return error_set(e, ERROR_FORMAT, "%s: \"%s\" takes %zu arguments at most, not %zu", where, word, most,
				 json_array_size(list) - 1);
	return take_argument(&read, e);
}

static bool read_steps(struct read_flow *read, const char *where, struct error *e)
{
	json_t *list;
	size_t count;

	if (!json_get_array(read->source, "actions", where, &list, e))
		return false;
	count = json_array_size(list);
	if (count == 0 || count > FLOW_STEPS_MAX)
		return error_set(e, ERROR_FORMAT, "%s: %zu actions; 1 to %d may be there", where, count, FLOW_STEPS_MAX);
	read->steps = array_new(count, sizeof(*read->steps), e);
	if (!read->steps)
		return false;
	read->flow.steps = read->steps;
	for (size_t i = 0; i < count; i++) {
		char place[160];

		read->flow.step_count = i + 1; /* what it took so far is freed with the flow */
		snprintf(place, sizeof(place), "%.120s: action %zu", where, i + 1);
		if (!read_step(json_array_get(list, i), place, &read->steps[i], e))
			return false;
	}
	return true;
}

/* ---- the rest ---- */

static bool read_setting(const json_t *json, const char *where, struct flow_setting *setting, struct error *e)
{
	const char *policy;
	const char *cache;
	const char *mode;
	const char *flags;
	bool suppressed;

	if (!json_get_string_or(json, "policy", where, NULL, &policy, e) ||
	    !json_get_string_or(json, "cache", where, NULL, &cache, e) ||
	    !json_get_string_or(json, "device_mode", where, NULL, &mode, e) ||
	    !json_get_string_or(json, "node_flags", where, NULL, &flags, e) ||
	    !json_get_bool_or(json, "suppress_node_flags", where, false, &suppressed, e) ||
	    !json_get_unsigned_or(json, "seed", where, 0, &setting->seed, e))
		return false;
	setting->policy = policy ? policy_find(policy) : NULL;
	if (policy && !setting->policy) {
		error_set(e, ERROR_FORMAT, "%s: there is no policy \"%.40s\"; `residency policies` lists them", where, policy);
		return policy_suggest(policy, e);
	}
	setting->has_cache = cache != NULL;
	if (cache && !cache_kind_from_name(cache, &setting->cache))
		return error_set(e, ERROR_FORMAT, "%s: there is no cache \"%.40s\"", where, cache);
	setting->has_device_mode = mode != NULL;
	if (mode && !subject_device_mode_from_name(mode, &setting->device_mode))
		return error_set(e, ERROR_FORMAT, "%s: \"device_mode\" is split or same, not \"%.40s\"", where, mode);
	setting->has_node_flags = flags || suppressed;
	setting->node_flags = suppressed ? NODE_FLAGS_SUPPRESSED : NODE_FLAGS_REAL;
	if (flags && !subject_node_flags_from_name(flags, &setting->node_flags))
		return error_set(e, ERROR_FORMAT, "%s: \"node_flags\" is real or suppressed, not \"%.40s\"", where, flags);
	setting->has_seed = json_object_get(json, "seed") != NULL;
	return true;
}

static bool read_reports(struct read_flow *read, const char *where, struct error *e)
{
	const json_t *list = json_object_get(read->source, "reports");
	size_t count = json_array_size(list);

	if (!list)
		return true;
	if (!json_is_array(list) || count > FLOW_REPORTS_MAX)
		return error_set(e, ERROR_FORMAT, "%s: \"reports\" must be a list of %d threads at most", where,
				 FLOW_REPORTS_MAX);
	read->reports = array_new(count, sizeof(*read->reports), e);
	if (!read->reports)
		return false;
	read->flow.reports = read->reports;
	for (size_t i = 0; i < count; i++) {
		const json_t *report = json_array_get(list, i);

		if (!json_is_string(report))
			return error_set(e, ERROR_FORMAT, "%s: \"reports\" number %zu is %s; it must be a string", where, i + 1,
					 json_type_words(report));
		read->reports[i] = json_string_value(report);
		if (!check_text(read->reports[i], "reports", where, NAME_LENGTH_MAX, e))
			return false;
		read->flow.report_count = i + 1;
	}
	return true;
}

/* "both" of "scenarios/flows/both.json". */
static void name_from(const char *where, char name[NAME_LENGTH_MAX + 1])
{
	const char *slash = strrchr(where, '/');
	const char *base = slash ? slash + 1 : where;
	size_t length = strcspn(base, ".");

	snprintf(name, NAME_LENGTH_MAX + 1, "%.*s", (int)(length < NAME_LENGTH_MAX ? length : NAME_LENGTH_MAX), base);
}

static bool read_names(struct read_flow *read, const char *where, struct error *e)
{
	const json_t *json = read->source;
	struct flow *flow = &read->flow;
	int64_t failure_class;

	name_from(where, read->name);
	if (!read_text(json, "flow", where, NAME_LENGTH_MAX, read->name, &flow->name, e) ||
	    !read_text(json, "name", where, NAME_LENGTH_MAX, flow->name, &flow->name, e) ||
	    !read_text(json, "alias", where, NAME_LENGTH_MAX, "", &flow->alias, e) ||
	    !read_text(json, "summary", where, WORDS_LENGTH_MAX, "", &flow->summary, e) ||
	    !read_text(json, "help", where, WORDS_LENGTH_MAX, "", &flow->help, e) ||
	    !read_text(json, "matrix", where, NAME_LENGTH_MAX, NULL, &flow->matrix, e) ||
	    !json_get_integer_or(json, "class", where, 0, &failure_class, e))
		return false;
	if (failure_class < 0 || failure_class > 1000)
		return error_set(e, ERROR_FORMAT, "%s: \"class\" is %lld; failure classes count from 1", where,
				 (long long)failure_class);
	flow->failure_class = (unsigned)failure_class;
	if (!flow->name[0])
		flow->name = read->name; /* an empty name does not count */
	if (flow->matrix && !flow->matrix[0])
		flow->matrix = NULL;
	return true;
}

static bool check_fit(const struct flow *flow, const char *where, struct error *e)
{
	struct error why = ERROR_INIT;

	return flow_fits(flow, flow->model_count, &why) || error_set(e, ERROR_FORMAT, "%s: %s", where, why.text);
}

static bool read_flow(struct read_flow *read, const char *where, struct error *e)
{
	static const char *const known[] = { "name",
					     "alias",
					     "summary",
					     "help",
					     "reports",
					     "class",
					     "policy",
					     "cache",
					     "device_mode",
					     "node_flags",
					     "seed",
					     "matrix",
					     "models",
					     "actions",
					     "id",
					     "flow",
					     "suppress_node_flags",
					     NULL };
	const json_t *models = json_object_get(read->source, "models");

	if (!json_is_object(read->source))
		return error_set(e, ERROR_FORMAT, "%s is %s; it must be an object with \"actions\"", where,
				 json_type_words(read->source));
	if (!check_members(read->source, where, known, e) || !read_names(read, where, e) || !read_reports(read, where, e) ||
	    !read_setting(read->source, where, &read->flow.setting, e))
		return false;
	if (models && !read_models(models, where, &read->models, &read->flow.model_count, e))
		return false;
	read->flow.models = read->models;
	return read_steps(read, where, e) && (!models || check_fit(&read->flow, where, e));
}

struct flow *flow_from_json(json_t *json, const char *where, struct error *e)
{
	struct read_flow *read = array_new(1, sizeof(*read), e);

	if (!read)
		return NULL;
	read->source = json_incref(json);
	if (read_flow(read, where, e))
		return &read->flow;
	flow_free(&read->flow);
	return NULL;
}

struct flow *flow_parse(const char *text, size_t length, const char *where, struct error *e)
{
	struct flow *flow;
	json_t *json;

	if (length > TEXT_SIZE_MAX) {
		error_set(e, ERROR_FORMAT, "%s has %zu bytes; a flow has %zu at most", where, length, TEXT_SIZE_MAX);
		return NULL;
	}
	json = json_parse(text, length, where, false, e);
	if (!json)
		return NULL;
	flow = flow_from_json(json, where, e);
	json_decref(json);
	return flow;
}

void flow_free(struct flow *flow)
{
	struct read_flow *read = (struct read_flow *)flow;

	if (!read)
		return;
	for (size_t i = 0; i < flow->step_count; i++)
		free((void *)(uintptr_t)flow->steps[i].models);
	free(read->models);
	free(read->steps);
	free(read->reports);
	json_decref(read->source);
	free(read);
}

bool flow_is_json(const json_t *json)
{
	return json_is_array(json_object_get(json, "actions"));
}
