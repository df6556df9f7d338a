/* sweep_cell.c - names of cells, a filter's words against a cell's, and one query for the newest verdict that can be trusted.
 *
 * A filter's words stand in any order, so that "both/abc" finds what "abc/both" does. The query binds what names a cell besides the
 * setting one by one, since query_begin knows a text and a number only.
 */
#include "db/sweep_cell.h"

#include <stdio.h>
#include <string.h>

#include "core/base/array.h"
#include "db/query.h"
#include "db/records/cell_axes.h"

#define VALUE(NAME, member, capacity, option, usual, cell) (cell)->member,
#define USUAL(NAME, member, capacity, option, usual, ...) usual,
#define EQUAL(NAME, member, capacity, option, usual, alias) " AND " alias "." #member " = ?"

/* By the axes of a sweep, in their order. */
static const char *const usual_values[] = { SWEEP_AXES(USUAL, ) };

/* ---- a cell's name ---- */

static bool is_usual(const char *const values[ARRAY_SIZE(usual_values)])
{
	for (size_t i = 0; i < ARRAY_SIZE(usual_values); i++) {
		if (usual_values[i][0] && strcmp(values[i], usual_values[i]) != 0)
			return false;
	}
	return true;
}

void sweep_cell_name(const struct record_sweep_cell *cell, char name[SWEEP_CELL_NAME_MAX])
{
	const char *const values[] = { SWEEP_AXES(VALUE, cell) };
	bool by_default = is_usual(values);
	size_t length = 0;

	for (size_t i = 0; i < ARRAY_SIZE(values) && length < SWEEP_CELL_NAME_MAX; i++) {
		if (!by_default || !usual_values[i][0])
			length += (size_t)snprintf(name + length, SWEEP_CELL_NAME_MAX - length, "%s%s", length ? "/" : "",
						   values[i]);
	}
}

static bool is_word(const char *text, const char *word, size_t length)
{
	return strlen(text) == length && strncmp(text, word, length) == 0;
}

static bool is_value(const char *const *values, const char *word, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(usual_values); i++) {
		if (is_word(values[i], word, length))
			return true;
	}
	return false;
}

bool sweep_cell_matches(const struct record_sweep_cell *cell, const char *filter)
{
	const char *const values[] = { SWEEP_AXES(VALUE, cell) };

	for (const char *word = filter;; word++) {
		size_t length = strcspn(word, "/");

		if (!is_value(values, word, length))
			return false;
		word += length;
		if (*word == '\0')
			return true;
	}
}

/* ---- one verdict ---- */

enum known sweep_known_from_verdict(const char *verdict)
{
	return strcmp(verdict, "PASS") == 0 ? KNOWN_PASS : strcmp(verdict, "FAIL") == 0 ? KNOWN_FAIL : KNOWN_NOT;
}

bool sweep_known(struct store *store, const char *setting, const char *commit, const struct record_sweep_cell *cell,
		 enum known *known, struct error *e)
{
	const char *const values[] = { commit, SWEEP_AXES(VALUE, cell) };
	struct query q;

	*known = KNOWN_NOT;
	query_begin(
		&q, store,
		"SELECT c.verdict FROM v_run_commits r JOIN v_cells c ON c.run = r.run WHERE r.setting = ?1"
		" AND r.commit_id = ?2" SWEEP_AXES(
			EQUAL, "c") " AND c.verdict IN ('PASS', 'FAIL') ORDER BY r.started_wall_ns DESC, c.cell DESC LIMIT 1",
		setting, 0, e);
	for (int i = 0; !q.failed && i < (int)ARRAY_SIZE(values); i++)
		sqlite3_bind_text(q.statement, i + 2, values[i], -1, SQLITE_TRANSIENT);
	while (query_next(&q))
		*known = sweep_known_from_verdict(query_text(&q, 0));
	return query_end(&q);
}
