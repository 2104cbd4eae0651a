-- How far the tables follow the journal. Written in the same transaction as the rows, so the two can never disagree.
CREATE TABLE neraca.projection_positions (
    projection text COLLATE "C" PRIMARY KEY,
    seq bigint NOT NULL,
    decision_sha256 bytea NOT NULL,
    journal_offset bigint NOT NULL,
    journal_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 10);
COMMENT ON TABLE neraca.projection_positions IS 'How far each projection follows the journal. Committed together with its rows.';
COMMENT ON COLUMN neraca.projection_positions.projection IS 'Name of the projection; all tables here share one, current.';
COMMENT ON COLUMN neraca.projection_positions.seq IS 'Last decision applied; -1 before the first.';
COMMENT ON COLUMN neraca.projection_positions.decision_sha256 IS 'SHA-256 of its Avro bytes; zeros before the first.';
COMMENT ON COLUMN neraca.projection_positions.journal_offset IS 'Its offset on the topic of decisions; -1 before the first.';
COMMENT ON COLUMN neraca.projection_positions.journal_at IS 'Latest entered_at of any accepted decision applied: how far the history told so far reaches.';
COMMENT ON COLUMN neraca.projection_positions.updated_at IS 'When it was last moved, by the clock of the database.';
