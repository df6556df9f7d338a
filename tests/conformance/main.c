/* The conformance runner: conformance DIR [--part NAME] [--listed FILE]. Runs every part it finds in a folder laid out as the
 * project's conformance data through the same library code as the product. A folder without a reader is printed as "not
 * built" with its cases, and counted apart. With --listed, a part that FILE names and that is not there, or has fewer cases,
 * is a failure (census.h). Ends with "N passed, N failed, N not built" a part and in all; exit code 0 when nothing failed or
 * vanished and something ran. */
#include <dirent.h>
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
#include "tests/conformance/census.h"
#include "tests/conformance/part.h"
#include "tests/harness/guarded.h"

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
	&part_frontend,
	&part_numerics,
	&part_files,
	&part_executor,
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

char *part_read_path(const char *path, size_t *length, struct error *e)
{
	char *bytes = file_read_whole(path, length, e);
	size_t path_length = strlen(path);
	char *text;

	if (bytes && path_length > 3 && strcmp(path + path_length - 3, ".gz") == 0) {
		text = gunzip(bytes, *length, path, length, e);
		free(bytes);
		bytes = text;
	}
	return bytes;
}

char *part_read(const char *folder, const char *name, size_t *length, struct error *e)
{
	struct strbuf path = STRBUF_INIT;
	char *bytes;

	strbuf_printf(&path, "%s/%s", folder, name);
	bytes = part_read_path(strbuf_text(&path), length, e);
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

const struct backend *part_backend = &host_backend;

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* What one call of the program is asked for, and what it counted. */
struct session {
	const char *root;
	const char *wanted; /* NULL: every part */
	const char *list; /* NULL: nothing is compared */
	struct census seen;
	size_t passed, failed, not_built;
	size_t parts_run;
	size_t unread_folders, unread_cases;
};

static bool run_part(const struct part *part, struct session *session, struct error *e)
{
	struct strbuf folder = STRBUF_INIT;
	struct error fault = ERROR_INIT;
	struct tally *tally = NULL;
	bool fine = true;

	strbuf_printf(&folder, "%s/%s", session->root, part->folder);
	if (!is_folder(strbuf_text(&folder)))
		goto out;
	tally = calloc(1, sizeof(*tally));
	if (!tally) {
		fine = false;
		error_set(e, ERROR_MEMORY, "no memory to count %s", part->name);
		goto out;
	}
	tally->part = part->name;
	if (!part->run(strbuf_text(&folder), tally, &fault))
		tally_fail(tally, strbuf_text(&folder), "%s", fault.text);
	print_tally(tally);
	session->passed += tally->passed;
	session->failed += tally->failed;
	session->not_built += tally->not_built;
	session->parts_run++;
	fine = census_add(&session->seen, part->name, tally->passed + tally->failed + tally->not_built, e);
	free(tally);
out:
	strbuf_free(&folder);
	return fine;
}

static bool run_parts(struct session *session, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (session->wanted && strcmp(session->wanted, parts[i]->name) != 0)
			continue;
		if (!run_part(parts[i], session, e))
			return false;
	}
	return true;
}

static bool has_reader(const char *folder)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (strcmp(parts[i]->folder, folder) == 0)
			return true;
	}
	return false;
}

static bool count_unread(const char *name, struct session *session, struct error *e)
{
	struct strbuf folder = STRBUF_INIT;
	size_t cases = 0;
	bool fine = true;

	strbuf_printf(&folder, "%s/%s", session->root, name);
	if (is_folder(strbuf_text(&folder)) && !has_reader(name)) {
		fine = census_cases_below(strbuf_text(&folder), &cases, e) && census_add(&session->seen, name, cases, e);
		printf("%s: not built (%zu cases)\n", name, cases);
		session->unread_folders++;
		session->unread_cases += cases;
	}
	strbuf_free(&folder);
	return fine;
}

static bool count_unread_folders(struct session *session, struct error *e)
{
	struct dirent **names;
	int count = scandir(session->root, &names, NULL, alphasort);
	bool fine = true;

	for (int i = 0; i < count; i++) {
		if (fine && names[i]->d_name[0] != '.')
			fine = count_unread(names[i]->d_name, session, e);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	if (session->unread_folders > 0)
		printf("without a reader: %zu folders, %zu cases\n", session->unread_folders, session->unread_cases);
	return fine;
}

static bool compare_with_list(struct session *session, size_t *lacking, struct error *e)
{
	struct census listed = { 0 };
	bool fine = census_read(&listed, session->list, e);

	if (fine)
		*lacking = census_compare(&listed, &session->seen);
	census_free(&listed);
	return fine;
}

/* The exit code. */
static int run_session(struct session *session)
{
	struct error e = ERROR_INIT;
	size_t lacking = 0;

	if (!run_parts(session, &e) || (!session->wanted && !count_unread_folders(session, &e)) ||
	    (session->list && !compare_with_list(session, &lacking, &e))) {
		fprintf(stderr, "conformance: %s\n", e.text);
		return 7;
	}
	if (!session->parts_run && !lacking) {
		fprintf(stderr, "conformance: %s holds no part%s%s\n", session->root, session->wanted ? " called " : "",
			session->wanted ? session->wanted : "");
		return 7;
	}
	printf("%zu passed, %zu failed, %zu not built\n", session->passed, session->failed, session->not_built);
	if (lacking)
		printf("%zu listed parts vanished or lost cases\n", lacking);
	return session->failed || lacking ? 1 : 0;
}

static int usage(void)
{
	fputs("usage: conformance DIR [--part NAME | --listed FILE] [--backend host | guarded]\n\nparts:", stderr);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		fprintf(stderr, " %s", parts[i]->name);
	fputs("\n", stderr);
	return 2;
}

static bool backend_named(const char *name)
{
	static const struct backend *const computing[] = { &host_backend, &guarded_backend };

	for (size_t i = 0; i < ARRAY_SIZE(computing); i++) {
		if (strcmp(computing[i]->name, name) == 0) {
			part_backend = computing[i];
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct session session = { 0 };
	int code;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--part") == 0 && i + 1 < argc)
			session.wanted = argv[++i];
		else if (strcmp(argv[i], "--listed") == 0 && i + 1 < argc)
			session.list = argv[++i];
		else if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc && backend_named(argv[i + 1]))
			i++;
		else if (!session.root && argv[i][0] != '-')
			session.root = argv[i];
		else
			return usage();
	}
	if (!session.root || (session.wanted && session.list))
		return usage();
	code = run_session(&session);
	census_free(&session.seen);
	return code;
}
