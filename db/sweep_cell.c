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

#define DEVICE_MODE_DEFAULT "split"
#define NODE_FLAGS_DEFAULT "real"

/* ---- a cell's name ---- */

void sweep_cell_name(const struct record_sweep_cell *cell, char name[SWEEP_CELL_NAME_MAX])
{
	bool by_default =
		strcmp(cell->device_mode, DEVICE_MODE_DEFAULT) == 0 && strcmp(cell->node_flags, NODE_FLAGS_DEFAULT) == 0;

	if (by_default)
		snprintf(name, SWEEP_CELL_NAME_MAX, "%s/%s", cell->matrix, cell->flow);
	else
		snprintf(name, SWEEP_CELL_NAME_MAX, "%s/%s/%s/%s", cell->matrix, cell->flow, cell->device_mode,
			 cell->node_flags);
}

static bool is_word(const char *text, const char *word, size_t length)
{
	return strlen(text) == length && strncmp(text, word, length) == 0;
}

bool sweep_cell_matches(const struct record_sweep_cell *cell, const char *filter)
{
	for (const char *word = filter;; word++) {
		size_t length = strcspn(word, "/");

		if (!is_word(cell->matrix, word, length) && !is_word(cell->flow, word, length) &&
		    !is_word(cell->device_mode, word, length) && !is_word(cell->node_flags, word, length))
			return false;
		word += length;
		if (*word == '\0')
			return true;
	}
}

/* ---- one verdict ---- */

enum known known_from_verdict(const char *verdict)
{
	return strcmp(verdict, "PASS") == 0 ? KNOWN_PASS : strcmp(verdict, "FAIL") == 0 ? KNOWN_FAIL : KNOWN_NOT;
}

bool sweep_known(struct store *store, const char *setting, const char *commit, const struct record_sweep_cell *cell,
		 enum known *known, struct error *e)
{
	const char *const values[] = { commit, cell->matrix, cell->flow, cell->device_mode, cell->node_flags };
	struct query q;

	*known = KNOWN_NOT;
	query_begin(&q, store,
		    "SELECT c.verdict FROM v_run_commits r JOIN v_cells c ON c.run = r.run WHERE r.setting = ?1"
		    " AND r.commit_id = ?2 AND c.matrix = ?3 AND c.flow = ?4 AND c.device_mode = ?5 AND c.node_flags = ?6"
		    " AND c.verdict IN ('PASS', 'FAIL') ORDER BY r.started_wall_ns DESC, c.cell DESC LIMIT 1",
		    setting, 0, e);
	for (int i = 0; !q.failed && i < (int)ARRAY_SIZE(values); i++)
		sqlite3_bind_text(q.statement, i + 2, values[i], -1, SQLITE_TRANSIENT);
	while (query_next(&q))
		*known = known_from_verdict(query_text(&q, 0));
	return query_end(&q);
}
