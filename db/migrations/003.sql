-- Which device models run on whose loader names none, and which one the manager takes for its own now.

ALTER TABLE snapshot ADD COLUMN load_device INTEGER; -- at the start; NULL: unknown
ALTER TABLE snapshot ADD COLUMN current_device INTEGER; -- what a loader may have changed, and an unload goes by

DROP VIEW v_stages;
CREATE VIEW v_stages AS
	SELECT s.run, s.cell, s.number AS snapshot, s.cycle, s.stage, 'c' || s.cycle || '.' || s.stage AS name, s.time_ns, s.anchor_count,
		s.listed_count, s.exception, s.load_device, s.current_device, l.name AS load_device_name, d.name AS current_device_name
	FROM snapshot s
	JOIN cell c ON c.run = s.run AND c.number = s.cell
	LEFT JOIN device l ON l.run = s.run AND l.topology = c.topology AND l.number = s.load_device
	LEFT JOIN device d ON d.run = s.run AND d.topology = c.topology AND d.number = s.current_device;
