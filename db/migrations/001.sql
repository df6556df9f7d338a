-- The first layout of a store. RECORDS.md explains it. Rows are keyed by the run's text id and numbers that count within it,
-- so stores of many machines merge by copying rows. Times are nanoseconds, sizes bytes, both integers; unknown is NULL.

CREATE TABLE run (
	id TEXT NOT NULL PRIMARY KEY,
	command TEXT NOT NULL,
	version TEXT NOT NULL,
	started_wall_ns INTEGER NOT NULL,
	ended_wall_ns INTEGER, -- NULL: unfinished
	exit_code INTEGER,
	dropped INTEGER NOT NULL DEFAULT 0,
	environment TEXT NOT NULL -- canonical JSON: what decides which runs may be compared
) STRICT, WITHOUT ROWID;

CREATE TABLE device (
	run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	topology TEXT NOT NULL,
	number INTEGER NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	capacity_bytes INTEGER,
	PRIMARY KEY (run, topology, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
	run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	topology TEXT NOT NULL,
	from_device INTEGER NOT NULL,
	to_device INTEGER NOT NULL,
	bandwidth_bytes_per_s REAL,
	efficiency REAL,
	latency_ns INTEGER,
	PRIMARY KEY (run, topology, from_device, to_device)
) STRICT, WITHOUT ROWID;

CREATE TABLE cell (
	run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	number INTEGER NOT NULL, -- 0: what belongs to no cell
	subject TEXT NOT NULL DEFAULT '',
	policy TEXT NOT NULL DEFAULT '',
	matrix TEXT NOT NULL DEFAULT '',
	flow TEXT NOT NULL DEFAULT '',
	cache TEXT NOT NULL DEFAULT '',
	device_mode TEXT NOT NULL DEFAULT '',
	node_flags TEXT NOT NULL DEFAULT '',
	workflow TEXT NOT NULL DEFAULT '',
	topology TEXT NOT NULL DEFAULT '', -- whose devices its rows number
	dropped INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE model (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	name TEXT NOT NULL,
	generation INTEGER NOT NULL,
	inner_model INTEGER NOT NULL, -- number of the first object with the same model
	kind TEXT NOT NULL,
	keep INTEGER, -- NULL: no keep flag
	size_bytes INTEGER,
	block_count INTEGER NOT NULL,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE load (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	model INTEGER NOT NULL,
	after_snapshot INTEGER NOT NULL,
	from_disk INTEGER NOT NULL,
	time_ns INTEGER,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell, model) REFERENCES model(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE action (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	cycle INTEGER NOT NULL,
	kind TEXT NOT NULL,
	asks INTEGER NOT NULL,
	detail TEXT NOT NULL,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE request (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	after_snapshot INTEGER NOT NULL,
	unload_models INTEGER NOT NULL,
	free_memory INTEGER NOT NULL,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE stage (
	name TEXT NOT NULL PRIMARY KEY,
	position INTEGER NOT NULL, -- within a cycle
	meaning TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO stage (name, position, meaning) VALUES
	('loaded', 0, 'end of the first prompt'),
	('next_prompt', 1, 'end of a later prompt'),
	('before_unload', 2, 'the worker has taken flags that ask models to go'),
	('after_unload', 3, 'models were unloaded'),
	('after_reset', 4, 'the executor has dropped its caches'),
	('after_gc', 5, 'garbage was collected'),
	('after_empty_cache', 6, 'the devices'' caches were emptied'),
	('after_direct_soft_empty', 7, 'soft_empty_cache was called directly'),
	('after_free_memory', 8, 'free_memory was called directly'),
	('worker_died', 9, 'an exception ended the prompt worker'),
	('end', 10, 'nothing more happens in the cell');

CREATE TABLE snapshot (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	cycle INTEGER NOT NULL,
	stage TEXT NOT NULL REFERENCES stage(name),
	time_ns INTEGER,
	anchor_count INTEGER, -- NULL: the policy has no anchors
	listed_count INTEGER NOT NULL,
	exception TEXT NOT NULL,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE residency (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	snapshot INTEGER NOT NULL,
	model INTEGER NOT NULL,
	state TEXT NOT NULL,
	listed INTEGER, -- index in the loaded list, newest first; NULL: not in it
	patcher_alive INTEGER NOT NULL,
	model_alive INTEGER NOT NULL,
	anchored INTEGER, -- NULL: the policy has no anchors, or the object is dead
	bytes_on_compute INTEGER,
	bytes_elsewhere INTEGER,
	PRIMARY KEY (run, cell, snapshot, model),
	FOREIGN KEY (run, cell, snapshot) REFERENCES snapshot(run, cell, number) ON DELETE CASCADE,
	FOREIGN KEY (run, cell, model) REFERENCES model(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE holder (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	snapshot INTEGER NOT NULL,
	model INTEGER NOT NULL,
	label TEXT NOT NULL,
	kind TEXT NOT NULL,
	strong INTEGER NOT NULL,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell, snapshot) REFERENCES snapshot(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE memory (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	snapshot INTEGER NOT NULL,
	device INTEGER NOT NULL,
	line TEXT NOT NULL, -- used, context, weights, activations, cache, other, unattributed
	size_bytes INTEGER,
	PRIMARY KEY (run, cell, snapshot, device, line),
	FOREIGN KEY (run, cell, snapshot) REFERENCES snapshot(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE block_placement (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	snapshot INTEGER NOT NULL,
	model INTEGER NOT NULL,
	first_block INTEGER NOT NULL,
	block_count INTEGER NOT NULL,
	device INTEGER NOT NULL,
	PRIMARY KEY (run, cell, snapshot, model, first_block),
	FOREIGN KEY (run, cell, snapshot) REFERENCES snapshot(run, cell, number) ON DELETE CASCADE,
	FOREIGN KEY (run, cell, model) REFERENCES model(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE departure (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	model INTEGER NOT NULL,
	after_snapshot INTEGER NOT NULL, -- before the next
	reason TEXT NOT NULL,
	time_ns INTEGER,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell, model) REFERENCES model(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE transfer (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	from_device INTEGER NOT NULL,
	to_device INTEGER NOT NULL,
	stream INTEGER NOT NULL,
	size_bytes INTEGER,
	start_ns INTEGER,
	end_ns INTEGER,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE step (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	node INTEGER NOT NULL, -- counts sampler runs
	step INTEGER NOT NULL,
	pass_count INTEGER NOT NULL,
	start_ns INTEGER,
	end_ns INTEGER,
	moved_bytes INTEGER,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE link_sample (
	run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	number INTEGER NOT NULL,
	series TEXT NOT NULL, -- links, offload
	topology TEXT NOT NULL,
	backend TEXT NOT NULL,
	label TEXT NOT NULL,
	x REAL,
	value REAL,
	repeat INTEGER NOT NULL,
	PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict_model (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	model INTEGER NOT NULL,
	name TEXT NOT NULL,
	generation INTEGER NOT NULL,
	judged INTEGER NOT NULL,
	keep INTEGER,
	outcome TEXT NOT NULL,
	first_lost_stage TEXT NOT NULL,
	reason TEXT NOT NULL,
	first_lost_state TEXT, -- NULL: it never left
	end_state TEXT NOT NULL,
	died_stage TEXT NOT NULL,
	holders_before TEXT NOT NULL, -- JSON lists of {"label","kind","strength"}
	holders_after TEXT NOT NULL,
	disk_loads INTEGER NOT NULL,
	PRIMARY KEY (run, cell, model),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	verdict TEXT NOT NULL,
	dropped INTEGER NOT NULL,
	why TEXT NOT NULL,
	PRIMARY KEY (run, cell),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE finding (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	number INTEGER NOT NULL,
	class TEXT NOT NULL,
	model TEXT NOT NULL,
	stage TEXT NOT NULL,
	detail TEXT NOT NULL,
	PRIMARY KEY (run, cell, number),
	FOREIGN KEY (run, cell) REFERENCES cell(run, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE artifact (
	run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	number INTEGER NOT NULL,
	cell INTEGER NOT NULL,
	kind TEXT NOT NULL,
	path TEXT NOT NULL,
	hash TEXT NOT NULL,
	PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

-- Runs that later ones are compared with, and findings that are known and accepted until a day.
CREATE TABLE baseline (
	name TEXT NOT NULL PRIMARY KEY,
	run TEXT NOT NULL REFERENCES run(id) ON DELETE CASCADE,
	made_wall_ns INTEGER NOT NULL,
	note TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TABLE suppression (
	number INTEGER NOT NULL PRIMARY KEY,
	class TEXT NOT NULL,
	policy TEXT NOT NULL DEFAULT '*',
	matrix TEXT NOT NULL DEFAULT '*',
	flow TEXT NOT NULL DEFAULT '*',
	model TEXT NOT NULL DEFAULT '*',
	reason TEXT NOT NULL,
	until_wall_ns INTEGER
) STRICT, WITHOUT ROWID;

-- The public face. Tables may change with a migration, views only grow.

CREATE VIEW v_cells AS
	SELECT c.run, c.number AS cell, c.subject, c.policy, c.matrix, c.flow, c.cache, c.device_mode, c.node_flags, c.workflow,
		c.topology, c.dropped + coalesce(v.dropped, 0) AS dropped,
		CASE WHEN v.verdict IS NULL OR c.dropped > 0 THEN 'UNTRUSTWORTHY' ELSE v.verdict END AS verdict,
		CASE WHEN v.verdict IS NULL THEN 'the run ended before the verdict'
			WHEN c.dropped > 0 THEN 'records were dropped' ELSE v.why END AS why
	FROM cell c LEFT JOIN verdict v ON v.run = c.run AND v.cell = c.number
	WHERE c.number > 0;

CREATE VIEW v_runs AS
	SELECT r.id AS run, r.command, r.version, r.started_wall_ns, r.ended_wall_ns, r.exit_code, r.dropped, r.environment,
		CASE WHEN r.ended_wall_ns IS NULL THEN 'unfinished' ELSE 'finished' END AS state,
		(SELECT count(*) FROM cell c WHERE c.run = r.id AND c.number > 0) AS cells,
		(SELECT count(*) FROM v_cells c WHERE c.run = r.id AND c.verdict = 'PASS') AS passed,
		(SELECT count(*) FROM v_cells c WHERE c.run = r.id AND c.verdict = 'FAIL') AS failed,
		(SELECT count(*) FROM v_cells c WHERE c.run = r.id AND c.verdict = 'UNTRUSTWORTHY') AS untrustworthy,
		(SELECT count(*) FROM link_sample s WHERE s.run = r.id) AS samples
	FROM run r;

CREATE VIEW v_devices AS SELECT run, topology, number AS device, name, kind, capacity_bytes FROM device;

CREATE VIEW v_links AS
	SELECT l.run, l.topology, l.from_device, l.to_device, f.name AS from_name, t.name AS to_name, l.bandwidth_bytes_per_s, l.efficiency,
		l.latency_ns
	FROM link l
	LEFT JOIN device f ON f.run = l.run AND f.topology = l.topology AND f.number = l.from_device
	LEFT JOIN device t ON t.run = l.run AND t.topology = l.topology AND t.number = l.to_device;

CREATE VIEW v_objects AS
	SELECT run, cell, number AS model, name, generation, inner_model, kind, keep, size_bytes, block_count FROM model;

CREATE VIEW v_models AS
	SELECT v.run, v.cell, c.subject, c.policy, c.matrix, c.flow, c.cache, c.device_mode, c.node_flags, c.workflow, v.model,
		v.name, v.generation, v.judged, v.keep, v.outcome, v.first_lost_stage, v.reason, v.first_lost_state, v.end_state,
		v.died_stage, v.holders_before, v.holders_after, v.disk_loads, m.kind, m.size_bytes
	FROM verdict_model v
	JOIN cell c ON c.run = v.run AND c.number = v.cell
	LEFT JOIN model m ON m.run = v.run AND m.cell = v.cell AND m.number = v.model;

CREATE VIEW v_stages AS
	SELECT run, cell, number AS snapshot, cycle, stage, 'c' || cycle || '.' || stage AS name, time_ns, anchor_count,
		listed_count, exception
	FROM snapshot;

CREATE VIEW v_timeline AS
	SELECT r.run, r.cell, r.snapshot, s.cycle, s.stage, 'c' || s.cycle || '.' || s.stage AS stage_name, s.time_ns, r.model,
		m.name, m.generation, m.kind, m.keep, m.size_bytes, r.state, r.listed, r.patcher_alive, r.model_alive, r.anchored,
		r.bytes_on_compute, r.bytes_elsewhere
	FROM residency r
	JOIN snapshot s ON s.run = r.run AND s.cell = r.cell AND s.number = r.snapshot
	JOIN model m ON m.run = r.run AND m.cell = r.cell AND m.number = r.model;

CREATE VIEW v_holders AS SELECT run, cell, snapshot, model, number, label, kind, strong FROM holder;

CREATE VIEW v_actions AS SELECT run, cell, number, cycle, kind, asks, detail FROM action;

CREATE VIEW v_departures AS
	SELECT d.run, d.cell, d.number, d.model, m.name, m.generation, d.after_snapshot, d.reason, d.time_ns
	FROM departure d JOIN model m ON m.run = d.run AND m.cell = d.cell AND m.number = d.model;

CREATE VIEW v_memory AS
	SELECT m.run, m.cell, m.snapshot, s.cycle, s.stage, m.device, d.name AS device_name, m.line, m.size_bytes
	FROM memory m
	JOIN snapshot s ON s.run = m.run AND s.cell = m.cell AND s.number = m.snapshot
	JOIN cell c ON c.run = m.run AND c.number = m.cell
	LEFT JOIN device d ON d.run = m.run AND d.topology = c.topology AND d.number = m.device;

CREATE VIEW v_placements AS
	SELECT p.run, p.cell, p.snapshot, p.model, p.first_block, p.block_count, p.device, d.name AS device_name
	FROM block_placement p
	JOIN cell c ON c.run = p.run AND c.number = p.cell
	LEFT JOIN device d ON d.run = p.run AND d.topology = c.topology AND d.number = p.device;

CREATE VIEW v_steps AS
	SELECT run, cell, number, node, step, pass_count, start_ns, end_ns, end_ns - start_ns AS duration_ns, moved_bytes FROM step;

CREATE VIEW v_transfers AS
	SELECT t.run, t.cell, t.number, t.from_device, t.to_device, f.name AS from_name, d.name AS to_name, t.stream, t.size_bytes,
		t.start_ns, t.end_ns
	FROM transfer t
	JOIN cell c ON c.run = t.run AND c.number = t.cell
	LEFT JOIN device f ON f.run = t.run AND f.topology = c.topology AND f.number = t.from_device
	LEFT JOIN device d ON d.run = t.run AND d.topology = c.topology AND d.number = t.to_device;

CREATE VIEW v_samples AS
	SELECT run, number, series, topology, backend, label, x, value, repeat FROM link_sample;

CREATE VIEW v_findings AS
	SELECT f.run, f.cell, f.number, c.subject, c.policy, c.matrix, c.flow, c.cache, c.device_mode, c.node_flags, c.workflow,
		f.class, f.model, f.stage, f.detail
	FROM finding f JOIN cell c ON c.run = f.run AND c.number = f.cell;

CREATE VIEW v_artifacts AS SELECT run, number, cell, kind, path, hash FROM artifact;
