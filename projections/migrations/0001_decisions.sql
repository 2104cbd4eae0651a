-- The audit trail: one row per decision, every scalar field of the contract's decision, never updated.
-- Wide fixed columns stand first, so that no row is padded.
CREATE TABLE neraca.decisions (
    seq bigint NOT NULL,
    action_offset bigint NOT NULL,
    first_seq bigint,
    recorded_at timestamptz,
    occurred_at timestamptz,
    entered_at timestamptz,
    action_id uuid,
    recorded_offset_minutes smallint NOT NULL,
    occurred_offset_minutes smallint,
    entered_offset_minutes smallint,
    late boolean NOT NULL,
    outcome text COLLATE "C" NOT NULL,
    code text COLLATE "C",
    policy text COLLATE "C" NOT NULL,
    kind text COLLATE "C",
    system text COLLATE "C",
    office_type text COLLATE "C",
    office_code text COLLATE "C",
    officer text COLLATE "C",
    registration_id text COLLATE "C",
    person_id text COLLATE "C",
    permit_id text COLLATE "C",
    previous_sha256 bytea NOT NULL,
    action_sha256 bytea NOT NULL,
    content_digest bytea,
    CONSTRAINT decisions_pkey PRIMARY KEY (seq) WITH (fillfactor = 100)
) WITH (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.5);

-- The trail of one registration, in order.
CREATE INDEX decisions_registration ON neraca.decisions (registration_id) WHERE registration_id IS NOT NULL;
-- The trail of one person. Only actions that name a person carry one: registrations, holds, trainings.
CREATE INDEX decisions_person ON neraca.decisions (person_id) WHERE person_id IS NOT NULL;
-- The trail of one permit.
CREATE INDEX decisions_permit ON neraca.decisions (permit_id) WHERE permit_id IS NOT NULL;
-- Refusals by code: few rows, so a narrow index.
CREATE INDEX decisions_code ON neraca.decisions (code, seq) WHERE code IS NOT NULL;
-- What happened in a period. The journal follows time roughly, and a BRIN costs next to nothing per row.
CREATE INDEX decisions_occurred ON neraca.decisions USING brin (occurred_at) WITH (pages_per_range = 32);
-- The two kinds of decision that the cutover views count by day; a handful among millions.
CREATE INDEX decisions_cutover ON neraca.decisions (kind, occurred_at)
    WHERE outcome = 'ACCEPTED' AND (late OR kind = 'unit_released');

COMMENT ON TABLE neraca.decisions IS 'Audit trail: one row per decision, one decision per action. Append only.';
COMMENT ON COLUMN neraca.decisions.seq IS 'Number in the journal, from 0, without gaps.';
COMMENT ON COLUMN neraca.decisions.action_offset IS 'Offset of the action on its topic; rises strictly.';
COMMENT ON COLUMN neraca.decisions.first_seq IS 'Of a duplicate: the decision on the same action.';
COMMENT ON COLUMN neraca.decisions.recorded_at IS 'The broker''s append time of the action.';
COMMENT ON COLUMN neraca.decisions.occurred_at IS 'When it was true.';
COMMENT ON COLUMN neraca.decisions.entered_at IS 'When it was known to the source system.';
COMMENT ON COLUMN neraca.decisions.action_id IS 'Id of the action; null where it was unreadable.';
COMMENT ON COLUMN neraca.decisions.recorded_offset_minutes IS 'Minutes east of UTC; 0 where a broker gave the time.';
COMMENT ON COLUMN neraca.decisions.occurred_offset_minutes IS 'Minutes east of UTC at the source: WIB 420, WITA 480, WIT 540.';
COMMENT ON COLUMN neraca.decisions.entered_offset_minutes IS 'Minutes east of UTC at the source.';
COMMENT ON COLUMN neraca.decisions.late IS 'A departure before the closure that was entered at or after it.';
COMMENT ON COLUMN neraca.decisions.outcome IS 'ACCEPTED, REFUSED, DUPLICATE or UNREADABLE.';
COMMENT ON COLUMN neraca.decisions.code IS 'Why it was refused: one code of the contract''s closed list.';
COMMENT ON COLUMN neraca.decisions.policy IS 'Version of the policy that judged.';
COMMENT ON COLUMN neraca.decisions.kind IS 'Kind of the action.';
COMMENT ON COLUMN neraca.decisions.system IS 'System that acted: SISKOTKLN, SIAPKERJA, SISKOP2MI, BP2MI.';
COMMENT ON COLUMN neraca.decisions.office_type IS 'LTSA, DINAS, BP3MI or HQ.';
COMMENT ON COLUMN neraca.decisions.office_code IS 'Office that acted.';
COMMENT ON COLUMN neraca.decisions.officer IS 'Officer who acted, opaque.';
COMMENT ON COLUMN neraca.decisions.registration_id IS 'Registration that the action names, also where refused.';
COMMENT ON COLUMN neraca.decisions.person_id IS 'Person that the action names, also where refused: a random id.';
COMMENT ON COLUMN neraca.decisions.permit_id IS 'Permit that the action names, also where refused.';
COMMENT ON COLUMN neraca.decisions.previous_sha256 IS 'SHA-256 of the Avro bytes of the decision before; zeros at seq 0.';
COMMENT ON COLUMN neraca.decisions.action_sha256 IS 'SHA-256 of the action''s Avro bytes; of the whole record where unreadable.';
COMMENT ON COLUMN neraca.decisions.content_digest IS 'First half of the SHA-256 of the action''s content.';
