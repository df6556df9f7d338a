/* print_links.c - `bench links`: a line for each link, and on a backend with bytes one for each size that was copied.
 *
 * The text is for people, with units; the JSON has every number as it was measured, in base units, under names that say which.
 */
#include "cli/bench/print.h"
#include "core/base/units.h"
#include "scenarios/bench/bench_links.h"

static void print_spread(FILE *out, const struct bench_link_point *point)
{
	char size[UNITS_TEXT_MAX];
	char rate[UNITS_TEXT_MAX];
	char least[UNITS_TEXT_MAX];
	char most[UNITS_TEXT_MAX];
	double bytes = (double)point->size_bytes;

	fprintf(out, "    %10s  %10s/s  (%s/s to %s/s)%s\n", units_bytes(point->size_bytes, size),
		units_bytes((uint64_t)(bytes / point->seconds.median), rate),
		units_bytes((uint64_t)(bytes / point->seconds.most), least),
		units_bytes((uint64_t)(bytes / point->seconds.least), most), point->steady ? "" : "  not steady");
}

static void print_links(FILE *out, const struct bench_request *request, const void *result)
{
	const struct bench_links *links = result;
	const struct topology *topology = request->topology;

	fprintf(out, "links of %s on %s%s\n", topology->name, request->backend->name,
		links->verified ? ", every byte compared" : "");
	for (size_t i = 0; i < links->link_count; i++) {
		const struct bench_link *link = &links->links[i];
		char rate[UNITS_TEXT_MAX];
		char latency[UNITS_TEXT_MAX];

		fprintf(out, "  %-8s -> %-8s %10s/s  latency %s\n", topology->devices[link->from].name,
			topology->devices[link->to].name, units_bytes((uint64_t)link->bandwidth_bytes_per_s, rate),
			units_duration((uint64_t)(link->latency_s * 1e9), latency));
		for (size_t j = 0; request->backend->bytes_exist && j < link->point_count; j++)
			print_spread(out, &link->points[j]);
	}
}

static json_t *link_to_json(const struct topology *topology, const struct bench_link *link)
{
	json_t *points = json_array();

	for (size_t i = 0; i < link->point_count; i++) {
		const struct bench_link_point *point = &link->points[i];

		json_array_append_new(points,
				      json_pack("{s:I, s:f, s:f, s:f, s:b}", "size_bytes", (json_int_t)point->size_bytes,
						"seconds_median", point->seconds.median, "seconds_min", point->seconds.least,
						"seconds_max", point->seconds.most, "steady", point->steady));
	}
	return json_pack("{s:s, s:s, s:f, s:f, s:o}", "from", topology->devices[link->from].name, "to",
			 topology->devices[link->to].name, "bandwidth_bytes_per_s", link->bandwidth_bytes_per_s, "latency_s",
			 link->latency_s, "points", points);
}

static json_t *to_json(const struct bench_request *request, const void *result)
{
	const struct bench_links *links = result;
	json_t *list = json_array();

	for (size_t i = 0; i < links->link_count; i++)
		json_array_append_new(list, link_to_json(request->topology, &links->links[i]));
	return json_pack("{s:b, s:o}", "verified", links->verified, "links", list);
}

const struct bench_printer bench_printer_links = {
	.bench = &bench_row_links,
	.print = print_links,
	.to_json = to_json,
};
