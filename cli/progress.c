#include "cli/progress.h"

#include "core/base/clock.h"
#include "core/base/units.h"

#define BAR_WIDTH 24u

void progress_begin(struct progress *progress, struct cli *cli, const char *what, size_t total)
{
	*progress = (struct progress) { .cli = cli, .what = what, .total = total, .started_ns = clock_now_ns() };
}

void progress_begin_bytes(struct progress *progress, struct cli *cli, const char *what, uint64_t total_bytes)
{
	progress_begin(progress, cli, what, (size_t)total_bytes);
	progress->is_bytes = true;
}

static void print_bytes(const struct progress *progress, const char *bar, uint64_t done, uint64_t elapsed_ns)
{
	char some[UNITS_TEXT_MAX];
	char all[UNITS_TEXT_MAX];
	char rate[UNITS_TEXT_MAX];

	fprintf(progress->cli->err, "\r[%s] %s: %s of %s, %s/s\033[K", bar, progress->what, units_bytes(done, some),
		units_bytes(progress->total, all),
		units_bytes((uint64_t)((double)done * 1e9 / (double)(elapsed_ns + 1)), rate));
}

static void draw(struct progress *progress, size_t done, uint64_t elapsed_ns)
{
	char elapsed[UNITS_TEXT_MAX];
	char bar[BAR_WIDTH + 1];
	size_t filled = progress->total ? done * BAR_WIDTH / progress->total : 0;

	for (size_t i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	units_duration(elapsed_ns, elapsed);
	if (progress->is_bytes)
		print_bytes(progress, bar, done, elapsed_ns);
	else if (progress->total)
		fprintf(progress->cli->err, "\r[%s] %zu of %zu %s, %s\033[K", bar, done, progress->total, progress->what,
			elapsed);
	else
		fprintf(progress->cli->err, "\r%zu %s, %s\033[K", done, progress->what, elapsed);
	fflush(progress->cli->err);
}

void progress_update(struct progress *progress, size_t done)
{
	uint64_t now_ns;

	if (!progress->cli->err_is_tty)
		return;
	now_ns = clock_now_ns();
	if (now_ns - progress->started_ns < NS_PER_S || now_ns - progress->drawn_ns < NS_PER_S / 10)
		return;
	draw(progress, done, now_ns - progress->started_ns);
	progress->drawn_ns = now_ns;
	progress->drawn = true;
}

void progress_end(struct progress *progress)
{
	if (progress->drawn) {
		fputs("\r\033[K", progress->cli->err);
		fflush(progress->cli->err);
	}
	progress->drawn = false;
}
