-- Evidence: why an object is alive, where the plan wanted its blocks, and what shows that something is wrong.

ALTER TABLE residency ADD COLUMN device INTEGER; -- where its model was last loaded to run

ALTER TABLE residency ADD COLUMN foreign_patches INTEGER NOT NULL DEFAULT 0; -- those in its weights are another patcher's

CREATE TABLE retaining_path (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	snapshot INTEGER NOT NULL,
	model INTEGER NOT NULL,
	length INTEGER NOT NULL, -- strong references; 0: garbage until the next collection
	path TEXT NOT NULL,
	PRIMARY KEY (run, cell, snapshot, model),
	FOREIGN KEY (run, cell, snapshot) REFERENCES snapshot(run, cell, number) ON DELETE CASCADE,
	FOREIGN KEY (run, cell, model) REFERENCES model(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE block_plan (
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

CREATE TABLE allocation (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	snapshot INTEGER NOT NULL,
	model INTEGER NOT NULL,
	own TEXT NOT NULL, -- the string that the model's loader set; empty: none
	used TEXT NOT NULL, -- the one that it was placed by
	PRIMARY KEY (run, cell, snapshot, model),
	FOREIGN KEY (run, cell, snapshot) REFERENCES snapshot(run, cell, number) ON DELETE CASCADE,
	FOREIGN KEY (run, cell, model) REFERENCES model(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

ALTER TABLE finding ADD COLUMN object INTEGER; -- number of the model's object; NULL: no model is to blame
ALTER TABLE finding ADD COLUMN size_bytes INTEGER;
ALTER TABLE finding ADD COLUMN device INTEGER;
ALTER TABLE finding ADD COLUMN planned_device INTEGER; -- where the plan wants what is misplaced
ALTER TABLE finding ADD COLUMN action TEXT NOT NULL DEFAULT ''; -- the one before that stage
ALTER TABLE finding ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN state TEXT; -- at that stage
ALTER TABLE finding ADD COLUMN end_state TEXT;
ALTER TABLE finding ADD COLUMN holders_before TEXT NOT NULL DEFAULT '[]'; -- JSON lists of {"label","kind","strength"}
ALTER TABLE finding ADD COLUMN holders_after TEXT NOT NULL DEFAULT '[]';
ALTER TABLE finding ADD COLUMN missing_holder TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN path TEXT NOT NULL DEFAULT ''; -- shortest retaining path
ALTER TABLE finding ADD COLUMN bytes_before INTEGER; -- on its device, one stage earlier and at that stage
ALTER TABLE finding ADD COLUMN bytes_after INTEGER;
ALTER TABLE finding ADD COLUMN weak_state TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN place TEXT NOT NULL DEFAULT ''; -- blocks, tensor and element, ledger line, place in the list
ALTER TABLE finding ADD COLUMN expected TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN actual TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN facts TEXT NOT NULL DEFAULT ''; -- codes, one space between
ALTER TABLE finding ADD COLUMN failure_class INTEGER; -- likely known cause; NULL: none that is known
ALTER TABLE finding ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN threads TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN why TEXT NOT NULL DEFAULT '';

CREATE VIEW v_paths AS
	SELECT p.run, p.cell, p.snapshot, 'c' || s.cycle || '.' || s.stage AS stage_name, p.model, m.name, m.generation, p.length,
		p.path
	FROM retaining_path p
	JOIN snapshot s ON s.run = p.run AND s.cell = p.cell AND s.number = p.snapshot
	JOIN model m ON m.run = p.run AND m.cell = p.cell AND m.number = p.model;

CREATE VIEW v_plans AS
	SELECT p.run, p.cell, p.snapshot, p.model, p.first_block, p.block_count, p.device, d.name AS device_name
	FROM block_plan p
	JOIN cell c ON c.run = p.run AND c.number = p.cell
	LEFT JOIN device d ON d.run = p.run AND d.topology = c.topology AND d.number = p.device;

CREATE VIEW v_allocations AS
	SELECT a.run, a.cell, a.snapshot, 'c' || s.cycle || '.' || s.stage AS stage_name, a.model, m.name, m.generation, a.own, a.used
	FROM allocation a
	JOIN snapshot s ON s.run = a.run AND s.cell = a.cell AND s.number = a.snapshot
	JOIN model m ON m.run = a.run AND m.cell = a.cell AND m.number = a.model;

DROP VIEW v_timeline;
CREATE VIEW v_timeline AS
	SELECT r.run, r.cell, r.snapshot, s.cycle, s.stage, 'c' || s.cycle || '.' || s.stage AS stage_name, s.time_ns, r.model,
		m.name, m.generation, m.kind, m.keep, m.size_bytes, r.state, r.listed, r.patcher_alive, r.model_alive, r.anchored,
		r.bytes_on_compute, r.bytes_elsewhere, r.device, d.name AS device_name, r.foreign_patches
	FROM residency r
	JOIN snapshot s ON s.run = r.run AND s.cell = r.cell AND s.number = r.snapshot
	JOIN model m ON m.run = r.run AND m.cell = r.cell AND m.number = r.model
	JOIN cell c ON c.run = r.run AND c.number = r.cell
	LEFT JOIN device d ON d.run = r.run AND d.topology = c.topology AND d.number = r.device;

DROP VIEW v_findings;
CREATE VIEW v_findings AS
	SELECT f.run, f.cell, f.number, c.subject, c.policy, c.matrix, c.flow, c.cache, c.device_mode, c.node_flags, c.workflow,
		f.class, f.model, f.stage, f.detail, c.topology, f.object, f.size_bytes, f.device, d.name AS device_name,
		f.planned_device, w.name AS planned_device_name, f.action,
		f.reason, f.state, f.end_state, f.holders_before, f.holders_after, f.missing_holder, f.path, f.bytes_before,
		f.bytes_after, f.weak_state, f.place, f.expected, f.actual, f.facts, f.failure_class, f.cause, f.threads, f.why
	FROM finding f JOIN cell c ON c.run = f.run AND c.number = f.cell
	LEFT JOIN device d ON d.run = f.run AND d.topology = c.topology AND d.number = f.device
	LEFT JOIN device w ON w.run = f.run AND w.topology = c.topology AND w.number = f.planned_device;
