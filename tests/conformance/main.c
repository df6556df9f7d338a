/* The conformance runner: conformance DIR [--part NAME]. Runs every part it finds in a folder laid out as the project's
 * conformance data through the same library code as the product. Ends with "N passed, N failed, N not built" a part and
 * in all; exit code 0 when nothing failed and something ran. */
#include <errno.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "core/base/array.h"
#include "core/base/file.h"
#include "core/base/strbuf.h"
#include "tests/conformance/part.h"

#define FAILURES_SHOWN 12
#define NAMES_MAX 256

/* A row a part. */
/* clang-format off */
static const struct part *const parts[] = {
	&part_planner,
	&part_retention,
	&part_forward,
	&part_pressure,
	&part_manifests,
	&part_loadlists,
	&part_lorakeys,
	&part_numerics,
	&part_files,
};
/* clang-format on */

struct tally {
	const char *part;
	size_t passed, failed, not_built;
	struct {
		char what[96];
		size_t count;
	} names[NAMES_MAX];
	size_t name_count;
};

void tally_pass(struct tally *tally)
{
	tally->passed++;
}

void tally_fail(struct tally *tally, const char *case_name, const char *format, ...)
{
	va_list arguments;

	if (tally->failed++ >= FAILURES_SHOWN)
		return;
	printf("  FAIL %s: ", case_name);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

void tally_not_built(struct tally *tally, const char *what, size_t count)
{
	size_t i;

	tally->not_built += count;
	for (i = 0; i < tally->name_count; i++) {
		if (strcmp(tally->names[i].what, what) == 0)
			break;
	}
	if (i == NAMES_MAX)
		return;
	if (i == tally->name_count) {
		snprintf(tally->names[i].what, sizeof(tally->names[i].what), "%s", what);
		tally->name_count++;
	}
	tally->names[i].count += count;
}

static void print_tally(const struct tally *tally)
{
	if (tally->failed > FAILURES_SHOWN)
		printf("  ... and %zu more\n", tally->failed - FAILURES_SHOWN);
	for (size_t i = 0; i < tally->name_count; i++)
		printf("  not built: %s: %zu\n", tally->names[i].what, tally->names[i].count);
	printf("%s: %zu passed, %zu failed, %zu not built\n", tally->part, tally->passed, tally->failed, tally->not_built);
	fflush(stdout);
}

static char *gunzip(const char *packed, size_t packed_length, const char *path, size_t *length, struct error *e)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)packed, .avail_in = (uInt)packed_length };
	char *text = NULL;
	size_t capacity = 0;
	int status = inflateInit2(&stream, 15 + 16);

	while (status == Z_OK) {
		if (!array_reserve(&text, &capacity, stream.total_out + 65536, 1, e))
			break;
		stream.next_out = (Bytef *)text + stream.total_out;
		stream.avail_out = (uInt)(capacity - stream.total_out - 1);
		status = inflate(&stream, Z_NO_FLUSH);
	}
	inflateEnd(&stream);
	if (status != Z_STREAM_END) {
		free(text);
		error_set(e, ERROR_FORMAT, "%s: cannot be unpacked", path);
		return NULL;
	}
	*length = stream.total_out;
	text[*length] = '\0';
	return text;
}

bool part_has(const char *folder, const char *name)
{
	struct strbuf path = STRBUF_INIT;
	struct stat st;
	bool there;

	strbuf_printf(&path, "%s/%s", folder, name);
	there = stat(strbuf_text(&path), &st) == 0;
	strbuf_free(&path);
	return there;
}

char *part_read(const char *folder, const char *name, size_t *length, struct error *e)
{
	struct strbuf path = STRBUF_INIT;
	char *bytes;
	char *text;

	strbuf_printf(&path, "%s/%s", folder, name);
	bytes = file_read_whole(strbuf_text(&path), length, e);
	if (bytes && strlen(name) > 3 && strcmp(name + strlen(name) - 3, ".gz") == 0) {
		text = gunzip(bytes, *length, strbuf_text(&path), length, e);
		free(bytes);
		bytes = text;
	}
	strbuf_free(&path);
	return bytes;
}

json_t *part_listing(const char *folder, const char *name, struct error *e)
{
	json_error_t fault;
	size_t length;
	char *text = part_read(folder, name, &length, e);
	json_t *listing = text ? json_loadb(text, length, JSON_DECODE_INT_AS_REAL, &fault) : NULL;

	if (text && !listing)
		error_set(e, ERROR_FORMAT, "%s/%s: line %d: %s", folder, name, fault.line, fault.text);
	free(text);
	return listing;
}

void part_sha256(const void *bytes, size_t size_bytes, char text[65])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sum;

	sha256_init(&sum);
	sha256_update(&sum, size_bytes, bytes);
	sha256_digest(&sum, sizeof(digest), digest);
	for (unsigned i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool run_part(const struct part *part, const char *root, struct tally *all)
{
	struct tally *tally = calloc(1, sizeof(*tally));
	struct strbuf folder = STRBUF_INIT;
	struct error e = ERROR_INIT;
	bool there;

	if (!tally)
		return false;
	tally->part = part->name;
	strbuf_printf(&folder, "%s/%s", root, part->folder);
	there = is_folder(strbuf_text(&folder));
	if (there) {
		if (!part->run(strbuf_text(&folder), tally, &e))
			tally_fail(tally, strbuf_text(&folder), "%s", e.text);
		print_tally(tally);
	}
	all->passed += tally->passed;
	all->failed += tally->failed;
	all->not_built += tally->not_built;
	strbuf_free(&folder);
	free(tally);
	return there;
}

static int usage(void)
{
	fputs("usage: conformance DIR [--part NAME]\n\nparts:", stderr);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		fprintf(stderr, " %s", parts[i]->name);
	fputs("\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static struct tally all;
	const char *wanted = NULL;
	const char *root = NULL;
	size_t ran = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--part") == 0 && i + 1 < argc)
			wanted = argv[++i];
		else if (!root && argv[i][0] != '-')
			root = argv[i];
		else
			return usage();
	}
	if (!root)
		return usage();
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!wanted || strcmp(wanted, parts[i]->name) == 0)
			ran += run_part(parts[i], root, &all);
	}
	if (!ran) {
		fprintf(stderr, "conformance: %s holds no part%s%s\n", root, wanted ? " called " : "", wanted ? wanted : "");
		return 7;
	}
	printf("%zu passed, %zu failed, %zu not built\n", all.passed, all.failed, all.not_built);
	return all.failed ? 1 : 0;
}
