-- +goose Up
-- What imports did, for as long as they can be taken back.
CREATE TABLE imports (
	id         TEXT COLLATE "C" PRIMARY KEY,
	topic      TEXT NOT NULL CHECK (topic IN ('cars', 'customers', 'contracts')),
	file       TEXT NOT NULL,
	username   TEXT NOT NULL,
	created_at TIMESTAMPTZ NOT NULL,
	added      INTEGER NOT NULL,
	changed    INTEGER NOT NULL,
	unchanged  INTEGER NOT NULL,
	refused    INTEGER NOT NULL
);
CREATE INDEX imports_created_at ON imports (created_at);

-- One row for each record that an import was about. While it runs, it finds
-- here which records the rows before were about.
CREATE TABLE import_rows (
	import_id TEXT COLLATE "C" NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
	record_id TEXT COLLATE "C" NOT NULL,
	did       TEXT NOT NULL CHECK (did IN ('added', 'changed', 'unchanged')),
	version   INTEGER NOT NULL,
	before    TEXT, -- what a changed record was, as JSON
	PRIMARY KEY (import_id, record_id)
);
CREATE INDEX import_rows_record_id ON import_rows (record_id);

INSERT INTO locks (name) VALUES ('imports');
