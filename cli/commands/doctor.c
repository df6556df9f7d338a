#include "cli/commands/doctor.h"

#include <cblas.h>
#include <dlfcn.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "core/base/array.h"
#include "core/base/units.h"

const char *doctor_state_name(enum doctor_state state)
{
	static const char *const names[] = { [DOCTOR_FINE] = "fine", [DOCTOR_LESS] = "less", [DOCTOR_MISSING] = "missing" };

	return names[state];
}

__attribute__((format(printf, 2, 3))) static void say(char text[DOCTOR_TEXT_MAX], const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(text, DOCTOR_TEXT_MAX, format, arguments) < 0)
		text[0] = '\0';
	va_end(arguments);
}

static void look_at_processor(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	(void)cli;
	(void)store;
	say(finding->found, "%ld cores online", sysconf(_SC_NPROCESSORS_ONLN));
}

/* What the kernel thinks can be had without swapping; 0 where it does not say. */
static uint64_t available_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file && !kib && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
			kib = 0;
	if (file)
		fclose(file);
	return (uint64_t)kib * KIB;
}

static void look_at_memory(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	uint64_t available = available_bytes();
	struct sysinfo system;
	char total_text[UNITS_TEXT_MAX];
	char available_text[UNITS_TEXT_MAX];

	(void)cli;
	(void)store;
	if (sysinfo(&system) != 0) {
		finding->state = DOCTOR_LESS;
		say(finding->found, "unknown: %s", strerror(errno));
		return;
	}
	say(finding->found, "%s, %s of it available", units_bytes((uint64_t)system.totalram * system.mem_unit, total_text),
	    units_bytes(available, available_text));
	if (available < 2 * GIB) {
		finding->state = DOCTOR_LESS;
		say(finding->remedy,
		    "bench links on host copies 256 MiB and holds it twice: give --largest 16MiB, or free memory");
	}
}

static void look_at_blas(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	(void)cli;
	(void)store;
	say(finding->found, "%s kernels, %d threads; %s", openblas_get_corename(), openblas_get_num_threads(),
	    openblas_get_config());
}

static void look_at_sqlite(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	(void)cli;
	(void)store;
	say(finding->found, "SQLite %s", sqlite3_libversion());
	if (sqlite3_libversion_number() < 3037000) {
		finding->state = DOCTOR_MISSING;
		say(finding->remedy, "the store needs STRICT tables: SQLite 3.37 or newer; until then --store none");
	}
}

/* The first of the names that can be loaded. */
static void *load_any(const char *const *names, const char **loaded)
{
	for (; *names; names++) {
		void *library = dlopen(*names, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);

		*loaded = *names;
		if (library)
			return library;
	}
	return NULL;
}

static void look_for_library(const char *const *names, const char *remedy, struct doctor_finding *finding)
{
	const char *loaded = NULL;
	void *library = load_any(names, &loaded);

	if (library) {
		say(finding->found, "%s", loaded);
		dlclose(library);
		return;
	}
	finding->state = DOCTOR_LESS;
	say(finding->found, "no %s", names[0]);
	say(finding->remedy, "%s", remedy);
}

static void look_for_cuda_driver(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	static const char *const names[] = { "libcuda.so.1", NULL };

	(void)cli;
	(void)store;
	look_for_library(
		names,
		"NVIDIA cards need NVIDIA's driver, whose package brings this library; without it topologies with cuda "
		"devices run on sim and host",
		finding);
}

static void look_for_cuda_runtime(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	static const char *const names[] = { "libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0", NULL };

	(void)cli;
	(void)store;
	look_for_library(names, "CUDA's runtime comes with the CUDA toolkit, or with a CUDA build of PyTorch", finding);
}

static void look_for_cupti(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	static const char *const names[] = { "libcupti.so", "libcupti.so.13", "libcupti.so.12", "libcupti.so.11.8", NULL };

	(void)cli;
	(void)store;
	look_for_library(names,
			 "CUPTI, which sees transfers and kernels of CUDA programs, comes with the CUDA toolkit (extras/CUPTI)",
			 finding);
}

static bool is_in_path(const char *program, char where[DOCTOR_TEXT_MAX])
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t length = strcspn(path, ":");

		say(where, "%.*s/%s", (int)length, path, program);
		if (length && access(where, X_OK) == 0)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

static void look_for_gnuplot(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	(void)cli;
	(void)store;
	if (is_in_path("gnuplot", finding->found))
		return;
	finding->state = DOCTOR_LESS;
	say(finding->found, "not in PATH");
	say(finding->remedy, "install gnuplot (Debian: gnuplot-nox) for the curves of `residency report --html`");
}

static void look_at_store(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	const char *slash = store ? strrchr(store, '/') : NULL;
	char folder[DOCTOR_TEXT_MAX] = ".";
	struct statvfs system;
	char room[UNITS_TEXT_MAX];

	(void)cli;
	if (!store) {
		finding->state = DOCTOR_LESS;
		say(finding->found, "none: nothing will be recorded");
		say(finding->remedy, "unset RESIDENCY_STORE, or give --store FILE");
		return;
	}
	if (slash)
		say(folder, "%.*s", slash == store ? 1 : (int)(slash - store), store);
	if (access(folder, W_OK) != 0 || (access(store, F_OK) == 0 && access(store, W_OK) != 0)) {
		finding->state = DOCTOR_MISSING;
		say(finding->found, "%.100s cannot be written: %s", store, strerror(errno));
		say(finding->remedy, "give --store FILE in a folder of yours, or --store none");
		return;
	}
	if (statvfs(folder, &system) != 0)
		say(finding->found, "%s can be written", store);
	else
		say(finding->found, "%.160s can be written, %s free", store,
		    units_bytes((uint64_t)system.f_bavail * system.f_frsize, room));
}

static void look_at_terminal(const struct cli *cli, const char *store, struct doctor_finding *finding)
{
	(void)store;
	if (cli->out_is_tty)
		say(finding->found, "%u columns, %s", cli->width, cli->colour ? "in colour" : "no colour");
	else
		say(finding->found, "output is not a terminal: no colour, no progress");
}

const struct doctor_check doctor_checks[] = {
	{ .name = "processor", .look = look_at_processor },
	{ .name = "memory", .look = look_at_memory },
	{ .name = "OpenBLAS", .look = look_at_blas },
	{ .name = "SQLite", .look = look_at_sqlite },
	{ .name = "store", .look = look_at_store },
	{ .name = "gnuplot", .look = look_for_gnuplot },
	{ .name = "CUDA driver", .look = look_for_cuda_driver },
	{ .name = "CUDA runtime", .look = look_for_cuda_runtime },
	{ .name = "CUPTI", .look = look_for_cupti },
	{ .name = "terminal", .look = look_at_terminal },
	{ .name = NULL, .look = NULL },
};
