/* Sums over links. What an iteration takes with every weight at hand is given; each donor adds the time in which its bytes
 * cross, at the rate of the link or of the two links through the host, and a latency for every copy.
 */
#include "core/plan/suggest/predict.h"

#include <math.h>

static bool are_cards(const struct topology *topology, unsigned a, unsigned b)
{
	return topology->devices[a].kind != DEVICE_CPU && topology->devices[b].kind != DEVICE_CPU;
}

static double expansion(const struct topology *topology, unsigned from, unsigned compute, const struct predict_terms *terms)
{
	return terms->converts_at_source && are_cards(topology, from, compute) ? terms->expansion : 1;
}

static double link_rate(const struct link_description *link)
{
	return link->bandwidth_bytes_per_s * (isnan(link->efficiency) ? 1 : link->efficiency);
}

double predict_seconds_per_byte(const struct topology *topology, unsigned from, unsigned compute,
				const struct predict_terms *terms)
{
	const struct link_description *links[2];
	double seconds = 0;
	unsigned count;

	if (from == compute)
		return 0;
	count = topology_route(topology, from, compute, links);
	for (unsigned i = 0; i < count; i++)
		seconds += expansion(topology, from, compute, terms) / link_rate(links[i]);
	return count ? seconds * terms->passes : (double)INFINITY;
}

static double latency_seconds(const struct topology *topology, unsigned from, unsigned compute)
{
	const struct link_description *links[2];
	unsigned count = topology_route(topology, from, compute, links);
	double seconds = 0;

	for (unsigned i = 0; i < count; i++)
		seconds += (double)links[i]->latency_ns / 1e9;
	return seconds;
}

struct prediction predict(const struct topology *topology, unsigned compute, const struct predict_load *load,
			  const struct predict_terms *terms)
{
	struct prediction result = { .copy_seconds = 0 };

	for (unsigned i = 0; i < topology->device_count; i++) {
		double bytes_seconds;

		if (i == compute || load->bytes_on[i] == 0)
			continue;
		bytes_seconds = (double)load->bytes_on[i] * predict_seconds_per_byte(topology, i, compute, terms);
		result.copy_seconds +=
			bytes_seconds + terms->passes * (double)load->copies_on[i] * latency_seconds(topology, i, compute);
		result.conversion_seconds += bytes_seconds * (1 - 1 / expansion(topology, i, compute, terms));
	}
	result.seconds = terms->resident_seconds + result.copy_seconds;
	return result;
}
