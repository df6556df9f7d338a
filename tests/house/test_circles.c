/* No circle of includes: a folder is one thing, so that what it includes must not include it, nor lead back to it.
 *
 * Each folder below a room ("core/tensor/dtype/") is a node, with all its files, since they belong together. A file in the room's
 * own folder is a node by itself: its headers are the contracts that the room's folders share, and a .c there may stand above
 * them (patch.c includes apply/, which includes patch.h). Nodes are searched in depth; an include of a node on the way there closes
 * a circle, which is printed. There are no exceptions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/array.h"
#include "tests/harness/harness.h"
#include "tests/house/source.h"

struct include_edge {
	size_t from, to; /* nodes */
	char *path, *included; /* the first include that leads there */
};

struct include_graph {
	char **nodes;
	size_t node_count, node_capacity;
	struct include_edge *edges; /* of two nodes there is one */
	size_t edge_count, edge_capacity;
	size_t *way; /* of a search: the edges to where it is */
	size_t way_length;
	enum { UNSEEN, ON_THE_WAY, DONE } * seen; /* by node */
};

/* How much of a path names its node: its folder, or all of it where that is the room's own. */
static size_t node_length(const char *path)
{
	const char *room = strchr(path, '/');
	const char *file = strrchr(path, '/');

	if (room && strncmp(path, "core/", 5) == 0)
		room = strchr(room + 1, '/');
	return room && file > room ? (size_t)(file - path) + 1 : strlen(path);
}

static size_t node_of(struct include_graph *graph, const char *path)
{
	size_t length = node_length(path);

	for (size_t i = 0; i < graph->node_count; i++) {
		if (strncmp(graph->nodes[i], path, length) == 0 && !graph->nodes[i][length])
			return i;
	}
	ck_assert(array_reserve(&graph->nodes, &graph->node_capacity, graph->node_count + 1, sizeof(*graph->nodes), NULL));
	graph->nodes[graph->node_count] = strndup(path, length);
	return graph->node_count++;
}

static void add_include(void *context, const char *path, const char *included)
{
	struct include_graph *graph = context;
	size_t from = node_of(graph, path);
	size_t to = node_of(graph, included);

	for (size_t i = 0; i < graph->edge_count; i++) {
		if (graph->edges[i].from == from && graph->edges[i].to == to)
			return;
	}
	if (from == to)
		return;
	ck_assert(array_reserve(&graph->edges, &graph->edge_capacity, graph->edge_count + 1, sizeof(*graph->edges), NULL));
	graph->edges[graph->edge_count++] =
		(struct include_edge) { .from = from, .to = to, .path = strdup(path), .included = strdup(included) };
}

/* The last edges of the way, from where it left the node that the newest one comes back to. */
static void print_circle(const struct include_graph *graph)
{
	size_t back = graph->edges[graph->way[graph->way_length - 1]].to;
	size_t first = graph->way_length - 1;

	while (graph->edges[graph->way[first]].from != back)
		first--;
	fprintf(stderr, "a circle of includes:\n");
	for (size_t i = first; i < graph->way_length; i++) {
		const struct include_edge *edge = &graph->edges[graph->way[i]];

		fprintf(stderr, "  %s to %s: %s includes %s\n", graph->nodes[edge->from], graph->nodes[edge->to], edge->path,
			edge->included);
	}
}

/* How many edges below this node close a circle. */
static size_t search_from(struct include_graph *graph, size_t node) // NOLINT(misc-no-recursion): as deep as there are nodes
{
	size_t found = 0;

	graph->seen[node] = ON_THE_WAY;
	for (size_t i = 0; i < graph->edge_count; i++) {
		size_t to = graph->edges[i].to;

		if (graph->edges[i].from != node || graph->seen[to] == DONE)
			continue;
		graph->way[graph->way_length++] = i;
		if (graph->seen[to] == ON_THE_WAY) {
			print_circle(graph);
			found++;
		} else {
			found += search_from(graph, to);
		}
		graph->way_length--;
	}
	graph->seen[node] = DONE;
	return found;
}

/* 0 where there is no circle. */
static size_t circles_of(struct include_graph *graph)
{
	size_t found = 0;

	free(graph->seen);
	free(graph->way);
	graph->seen = calloc(graph->node_count + 1, sizeof(*graph->seen));
	graph->way = calloc(graph->edge_count + 1, sizeof(*graph->way));
	ck_assert(graph->seen && graph->way);
	for (size_t i = 0; i < graph->node_count; i++) {
		if (graph->seen[i] == UNSEEN)
			found += search_from(graph, i);
	}
	return found;
}

static void graph_end(struct include_graph *graph)
{
	for (size_t i = 0; i < graph->node_count; i++)
		free(graph->nodes[i]);
	for (size_t i = 0; i < graph->edge_count; i++) {
		free(graph->edges[i].path);
		free(graph->edges[i].included);
	}
	free(graph->nodes);
	free(graph->edges);
	free(graph->way);
	free(graph->seen);
}

START_TEST(no_folders_include_each_other_in_a_circle)
{
	struct include_graph graph = { .nodes = NULL };

	source_each_include(add_include, &graph);
	ck_assert_uint_gt(graph.edge_count, 500);
	ck_assert_uint_eq(circles_of(&graph), 0);
	graph_end(&graph);
}
END_TEST

START_TEST(two_folders_that_include_each_other_are_a_circle)
{
	struct include_graph graph = { .nodes = NULL };

	add_include(&graph, "core/tensor/dtype/convert.c", "core/tensor/kernels/kernels.h");
	add_include(&graph, "core/tensor/dtype/convert.c", "core/tensor/dtype/convert.h");
	ck_assert_uint_eq(circles_of(&graph), 0);
	add_include(&graph, "core/tensor/kernels/scalar.c", "core/tensor/dtype/dtype.h");
	ck_assert_uint_eq(circles_of(&graph), 1);
	graph_end(&graph);
}
END_TEST

START_TEST(a_circle_may_go_by_a_third_folder)
{
	struct include_graph graph = { .nodes = NULL };

	add_include(&graph, "scenarios/flow/flow.h", "scenarios/matrix/models.h");
	add_include(&graph, "scenarios/matrix/matrix.c", "scenarios/subject/subject.h");
	add_include(&graph, "scenarios/replay/replay.c", "scenarios/subject/subject.h");
	add_include(&graph, "scenarios/replay/replay.c", "scenarios/flow/flow.h");
	ck_assert_uint_eq(circles_of(&graph), 0);
	add_include(&graph, "scenarios/subject/live.c", "scenarios/flow/flow.h");
	ck_assert_uint_eq(circles_of(&graph), 1);
	graph_end(&graph);
}
END_TEST

START_TEST(a_header_of_the_room_does_not_hide_a_circle)
{
	struct include_graph graph = { .nodes = NULL };

	add_include(&graph, "core/patch/patch.c", "core/patch/apply/stored.h");
	add_include(&graph, "core/patch/apply/stored.h", "core/patch/patch.h");
	add_include(&graph, "core/patch/adapter.h", "core/patch/keys/key_map.h");
	ck_assert_uint_eq(circles_of(&graph), 0);
	add_include(&graph, "core/patch/keys/match.c", "core/patch/adapter.h");
	ck_assert_uint_eq(circles_of(&graph), 1);
	graph_end(&graph);
}
END_TEST

HARNESS_SUITE(circles_suite)
{
	Suite *suite = suite_create("circles");
	TCase *tests = tcase_create("circles");

	tcase_add_test(tests, no_folders_include_each_other_in_a_circle);
	tcase_add_test(tests, two_folders_that_include_each_other_are_a_circle);
	tcase_add_test(tests, a_circle_may_go_by_a_third_folder);
	tcase_add_test(tests, a_header_of_the_room_does_not_hide_a_circle);
	suite_add_tcase(suite, tests);
	return suite;
}
