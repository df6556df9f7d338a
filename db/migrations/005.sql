-- How large a model's blocks are, run-length: so many from one on have so many bytes each.

CREATE TABLE block (
	run TEXT NOT NULL,
	cell INTEGER NOT NULL,
	model INTEGER NOT NULL,
	first_block INTEGER NOT NULL,
	block_count INTEGER NOT NULL,
	size_bytes INTEGER, -- of each
	PRIMARY KEY (run, cell, model, first_block),
	FOREIGN KEY (run, cell, model) REFERENCES model(run, cell, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE VIEW v_blocks AS
	SELECT b.run, b.cell, b.model, m.name, m.generation, b.first_block, b.block_count, b.size_bytes
	FROM block b JOIN model m ON m.run = b.run AND m.cell = b.cell AND m.number = b.model;
