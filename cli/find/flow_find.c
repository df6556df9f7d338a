#include "cli/find/flow_find.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/nearest.h"
#include "core/base/string.h"
#include "scenarios/flow/flow_file.h"

static bool choose(struct flow_choice *choice, const struct flow *flow, struct error *e)
{
	for (size_t i = 0; i < choice->chosen_count; i++) {
		if (choice->chosen[i] == flow)
			return true;
	}
	if (!array_reserve(&choice->chosen, &choice->chosen_capacity, choice->chosen_count + 1, sizeof(*choice->chosen), e))
		return false;
	choice->chosen[choice->chosen_count++] = flow;
	return true;
}

static bool choose_file(struct flow_choice *choice, const char *path, struct error *e)
{
	size_t count = choice->known.count;
	size_t length;
	char *text = file_read_whole(path, &length, e);
	bool fine = text && flow_set_read(&choice->known, text, length, path, e);

	free(text);
	for (size_t i = count; fine && i < choice->known.count; i++)
		fine = choose(choice, choice->known.flows[i], e);
	return fine;
}

/* A folder of a flow's name hides no flow. */
static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

static bool refuse(const struct flow_set *known, const char *wanted, struct error *e)
{
	struct nearest nearest = nearest_to(wanted);

	for (size_t i = 0; i < known->count; i++)
		nearest_offer(&nearest, known->flows[i]->name);
	error_set(e, ERROR_USAGE, "there is no file and no flow called \"%.60s\"; `residency flows` lists them", wanted);
	return nearest_suggest(&nearest, e);
}

static bool choose_word(struct flow_choice *choice, size_t builtin_count, const char *word, struct error *e)
{
	const struct flow *flow;

	if (strcmp(word, "all") == 0) {
		for (size_t i = 0; i < builtin_count; i++) {
			if (!choose(choice, choice->known.flows[i], e))
				return false;
		}
		return true;
	}
	if (is_file(word))
		return choose_file(choice, word, e);
	flow = flow_set_find(&choice->known, word);
	return flow ? choose(choice, flow, e) : refuse(&choice->known, word, e);
}

bool flow_choose(struct flow_choice *choice, const char *list, struct error *e)
{
	size_t builtin_count;
	bool fine = flow_set_add_builtin(&choice->known, e);

	builtin_count = choice->known.count;
	for (size_t i = 0; fine && !list && flows_by_default[i]; i++)
		fine = choose_word(choice, builtin_count, flows_by_default[i], e);
	while (fine && list) {
		size_t length = strcspn(list, ",");
		char *word = string_copy_n(list, length, e);

		fine = word && choose_word(choice, builtin_count, word, e);
		free(word);
		list = list[length] ? list + length + 1 : NULL;
	}
	return fine;
}

void flow_choice_free(struct flow_choice *choice)
{
	free(choice->chosen);
	flow_set_free(&choice->known);
	choice->chosen = NULL;
	choice->chosen_count = 0;
}
