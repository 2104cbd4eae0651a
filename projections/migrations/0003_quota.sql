-- The four accounts of each line, as they stand now: small, hot rows.
CREATE TABLE neraca.quota_balances (
    seq bigint NOT NULL,
    granted bigint NOT NULL,
    available bigint NOT NULL,
    reserved bigint NOT NULL,
    departed bigint NOT NULL,
    forfeited bigint NOT NULL,
    line integer NOT NULL,
    permit_id text COLLATE "C" NOT NULL,
    CONSTRAINT quota_balances_pkey PRIMARY KEY (permit_id, line),
    CONSTRAINT quota_balances_not_below_zero CHECK (available >= 0 AND reserved >= 0 AND departed >= 0 AND forfeited >= 0),
    CONSTRAINT quota_balances_add_up CHECK (available + reserved + departed + forfeited = granted)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1);

COMMENT ON TABLE neraca.quota_balances IS 'Units of each permit line by account, after the last decision that moved any.';
COMMENT ON COLUMN neraca.quota_balances.permit_id IS 'Permit (SIP2MI).';
COMMENT ON COLUMN neraca.quota_balances.line IS 'Line of the permit.';
COMMENT ON COLUMN neraca.quota_balances.granted IS 'Units granted: the four accounts together.';
COMMENT ON COLUMN neraca.quota_balances.available IS 'Units that can be taken.';
COMMENT ON COLUMN neraca.quota_balances.reserved IS 'Units held by registrations in process.';
COMMENT ON COLUMN neraca.quota_balances.departed IS 'Units used by departures.';
COMMENT ON COLUMN neraca.quota_balances.forfeited IS 'Units lost because the permit was no longer valid at the re-registration.';
COMMENT ON COLUMN neraca.quota_balances.seq IS 'Decision that last moved units of this line.';

-- Every movement of units, never updated.
CREATE TABLE neraca.postings (
    seq bigint NOT NULL,
    occurred_at timestamptz,
    units bigint NOT NULL,
    granted bigint NOT NULL,
    available bigint NOT NULL,
    reserved bigint NOT NULL,
    departed bigint NOT NULL,
    forfeited bigint NOT NULL,
    position smallint NOT NULL,
    line integer NOT NULL,
    permit_id text COLLATE "C" NOT NULL,
    from_account text COLLATE "C" NOT NULL,
    to_account text COLLATE "C" NOT NULL,
    CONSTRAINT postings_pkey PRIMARY KEY (seq, position) WITH (fillfactor = 100)
) WITH (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.5);

-- The movements of one permit or line, newest first.
CREATE INDEX postings_line ON neraca.postings (permit_id, line, seq);

COMMENT ON TABLE neraca.postings IS 'Every movement of whole units from one account of a line to another. Append only.';
COMMENT ON COLUMN neraca.postings.seq IS 'Decision that moved them.';
COMMENT ON COLUMN neraca.postings.position IS 'Place among the postings of that decision, from 0.';
COMMENT ON COLUMN neraca.postings.occurred_at IS 'When it was true.';
COMMENT ON COLUMN neraca.postings.units IS 'Units moved, from 1.';
COMMENT ON COLUMN neraca.postings.permit_id IS 'Permit (SIP2MI).';
COMMENT ON COLUMN neraca.postings.line IS 'Line of the permit.';
COMMENT ON COLUMN neraca.postings.from_account IS 'granted, available, reserved, departed or forfeited.';
COMMENT ON COLUMN neraca.postings.to_account IS 'granted, available, reserved, departed or forfeited.';
COMMENT ON COLUMN neraca.postings.granted IS 'Units granted on the line after this posting.';
COMMENT ON COLUMN neraca.postings.available IS 'Units available on the line after this posting.';
COMMENT ON COLUMN neraca.postings.reserved IS 'Units reserved on the line after this posting.';
COMMENT ON COLUMN neraca.postings.departed IS 'Units departed on the line after this posting.';
COMMENT ON COLUMN neraca.postings.forfeited IS 'Units forfeited on the line after this posting.';
