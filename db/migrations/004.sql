-- A sweep: a matrix over a repository's history. One run holds the list of commits and cells; the cells of each commit are runs of
-- their own, which say what they ran. `setting` is canonical JSON of all else that decides a verdict: verdicts of the same commit
-- under the same setting are the same cell's, whichever sweep they were made for.

CREATE TABLE sweep (
	run TEXT NOT NULL PRIMARY KEY REFERENCES run(id) ON DELETE CASCADE,
	repository TEXT NOT NULL,
	sweep_of TEXT NOT NULL, -- nodes, comfyui
	commit_range TEXT NOT NULL, -- as it was asked for
	setting TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sweep_commit (
	run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	number INTEGER NOT NULL, -- oldest first; 0: the one before the range
	commit_id TEXT NOT NULL,
	committed_wall_ns INTEGER NOT NULL,
	summary TEXT NOT NULL,
	PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE sweep_cell (
	run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	number INTEGER NOT NULL,
	matrix TEXT NOT NULL,
	flow TEXT NOT NULL,
	device_mode TEXT NOT NULL,
	node_flags TEXT NOT NULL,
	PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_commit (
	run TEXT NOT NULL PRIMARY KEY REFERENCES run(id) ON DELETE CASCADE,
	repository TEXT NOT NULL,
	commit_id TEXT NOT NULL,
	setting TEXT NOT NULL,
	why TEXT NOT NULL -- it could not start; empty: it did
) STRICT, WITHOUT ROWID;

CREATE VIEW v_sweeps AS
	SELECT s.run, r.started_wall_ns, s.repository, s.sweep_of, s.commit_range, s.setting,
		(SELECT count(*) FROM sweep_commit c WHERE c.run = s.run) AS commits,
		(SELECT count(*) FROM sweep_cell c WHERE c.run = s.run) AS cells
	FROM sweep s JOIN run r ON r.id = s.run;

CREATE VIEW v_sweep_commits AS SELECT run, number, commit_id, committed_wall_ns, summary FROM sweep_commit;

CREATE VIEW v_sweep_cells AS SELECT run, number, matrix, flow, device_mode, node_flags FROM sweep_cell;

CREATE VIEW v_run_commits AS
	SELECT c.run, r.started_wall_ns, r.environment, c.repository, c.commit_id, c.setting, c.why
	FROM run_commit c JOIN run r ON r.id = c.run;
