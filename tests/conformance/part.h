/* part.h - one part of the conformance runner: a folder of a data directory laid out as the project's conformance data.
 *
 * A part runs every case it finds through the product's library code and counts. "Not built" counts cases of what no closed
 * issue has asked for (families, policies, planner versions, matrices, flows ...), by name; never a case that fails.
 */
#ifndef RESIDENCY_TESTS_CONFORMANCE_PART_H
#define RESIDENCY_TESTS_CONFORMANCE_PART_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/json.h"

struct backend;
struct tally; /* counts of one part */

struct part {
	const char *name; /* for --part */
	const char *folder; /* under the data directory; the part is skipped, and said to be, when it is not there */
	/* Returns false only when the data itself cannot be read (e set): that counts as a failure too. */
	bool (*run)(const char *folder, struct tally *tally, struct error *e);
};

void tally_pass(struct tally *tally);
/* The first few are printed: which case, what was found, what was wanted. */
__attribute__((format(printf, 3, 4))) void tally_fail(struct tally *tally, const char *case_name, const char *format, ...);
/* `what` groups: "policy dde3480", "family wan_vae". */
void tally_not_built(struct tally *tally, const char *what, size_t count);

/* Whether a part's folder has a file: a smaller data directory may leave some out. */
bool part_has(const char *folder, const char *name);

/* A whole file, gunzipped when its name ends in .gz. The caller frees. */
char *part_read(const char *folder, const char *name, size_t *length, struct error *e);

/* The same of a path. */
char *part_read_path(const char *path, size_t *length, struct error *e);

/* A JSON file whose numbers are all read as doubles: some are whole and past 2^63. The caller owns it. */
json_t *part_listing(const char *folder, const char *name, struct error *e);

/* SHA-256 as 64 hexadecimal digits and a NUL. */
void part_sha256(const void *bytes, size_t size_bytes, char text[65]);

/* What computes, where bytes are needed: host, or guarded with --backend. */
extern const struct backend *part_backend;

extern const struct part part_planner;
extern const struct part part_retention;
extern const struct part part_forward;
extern const struct part part_pressure;
extern const struct part part_numerics;
extern const struct part part_files;
extern const struct part part_manifests;
extern const struct part part_loadlists;
extern const struct part part_lorakeys;
extern const struct part part_frontend;
extern const struct part part_executor;

#endif
