-- Who may use the gateway. A key is found by its public id; of its secret only the SHA-256 is kept.
CREATE TABLE neraca_access.keys (
    key_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    officer text COLLATE "C" NOT NULL,
    systems text[] NOT NULL,
    offices text[] NOT NULL,
    reads text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    revoked_at timestamptz
);
COMMENT ON TABLE neraca_access.keys IS 'Who may use the gateway, for what.';
COMMENT ON COLUMN neraca_access.keys.key_id IS 'Public part of the key.';
COMMENT ON COLUMN neraca_access.keys.name IS 'For people: which program or person holds it.';
COMMENT ON COLUMN neraca_access.keys.officer IS 'The officer of every action sent with it.';
COMMENT ON COLUMN neraca_access.keys.systems IS 'Systems whose actions it may send.';
COMMENT ON COLUMN neraca_access.keys.offices IS 'Offices it may act for, as TYPE:CODE or TYPE:*.';
COMMENT ON COLUMN neraca_access.keys.reads IS 'What it may read: registrations, people, permits, decisions, or all.';
COMMENT ON COLUMN neraca_access.keys.created_at IS 'When it was made.';
COMMENT ON COLUMN neraca_access.keys.expires_at IS 'From when on it is no longer valid; null: never.';
COMMENT ON COLUMN neraca_access.keys.revoked_at IS 'When it was revoked.';

-- Two secrets of one key are valid while it is being rotated.
CREATE TABLE neraca_access.secrets (
    key_id text COLLATE "C" NOT NULL REFERENCES neraca_access.keys,
    number integer NOT NULL,
    secret_sha256 bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz,
    PRIMARY KEY (key_id, number)
);
COMMENT ON TABLE neraca_access.secrets IS 'Secrets of a key by hash; two while it is being rotated.';
COMMENT ON COLUMN neraca_access.secrets.key_id IS 'The key.';
COMMENT ON COLUMN neraca_access.secrets.number IS 'From 1; each rotation adds one.';
COMMENT ON COLUMN neraca_access.secrets.secret_sha256 IS 'SHA-256 of 256 random bits: nothing to guess, so no slow hash is needed.';
COMMENT ON COLUMN neraca_access.secrets.created_at IS 'When it was made.';
COMMENT ON COLUMN neraca_access.secrets.expires_at IS 'From when on it is no longer valid; null: with the key.';

-- Who looked at a person's data. Append only.
CREATE TABLE neraca_access.access_records (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    key_id text COLLATE "C" NOT NULL,
    officer text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    status smallint NOT NULL,
    parameters jsonb NOT NULL
);
CREATE INDEX access_records_subject ON neraca_access.access_records (kind, subject_id, at);
COMMENT ON TABLE neraca_access.access_records IS 'Who looked at a person''s data, also where it was refused. Append only.';
COMMENT ON COLUMN neraca_access.access_records.number IS 'In the order kept.';
COMMENT ON COLUMN neraca_access.access_records.at IS 'When, by the clock of the database.';
COMMENT ON COLUMN neraca_access.access_records.key_id IS 'With which key.';
COMMENT ON COLUMN neraca_access.access_records.officer IS 'Whose key that is.';
COMMENT ON COLUMN neraca_access.access_records.kind IS 'registrations, people or decision.';
COMMENT ON COLUMN neraca_access.access_records.subject_id IS 'Which one: an opaque id, or the seq of a decision.';
COMMENT ON COLUMN neraca_access.access_records.status IS 'How it was answered: 200, 403 or 404.';
COMMENT ON COLUMN neraca_access.access_records.parameters IS 'as_of and known_at, where given.';
