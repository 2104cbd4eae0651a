-- Each registration as it stands now. Rows are updated some eight times in their life: the room left on each page
-- keeps most of those updates on the page, without a new entry in any index (HOT).
-- A stage has three columns, and not a place in a JSON document: parsing one costs more than the rest of the row.
CREATE TABLE neraca.registrations (
    seq bigint NOT NULL,
    registered_at timestamptz NOT NULL,
    documents_verified_at timestamptz,
    candidate_id_issued_at timestamptz,
    agreement_signed_at timestamptz,
    documents_fulfilled_at timestamptz,
    orientation_completed_at timestamptz,
    biometrics_registered_at timestamptz,
    departed_at timestamptz,
    registered_seq bigint NOT NULL,
    documents_verified_seq bigint,
    candidate_id_issued_seq bigint,
    agreement_signed_seq bigint,
    documents_fulfilled_seq bigint,
    orientation_completed_seq bigint,
    biometrics_registered_seq bigint,
    departed_seq bigint,
    unit_line integer,
    registered_offset_minutes smallint NOT NULL,
    documents_verified_offset_minutes smallint,
    candidate_id_issued_offset_minutes smallint,
    agreement_signed_offset_minutes smallint,
    documents_fulfilled_offset_minutes smallint,
    orientation_completed_offset_minutes smallint,
    biometrics_registered_offset_minutes smallint,
    departed_offset_minutes smallint,
    departed_late boolean NOT NULL,
    registration_id text COLLATE "C" NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    system text COLLATE "C" NOT NULL,
    scheme text COLLATE "C" NOT NULL,
    agency_id text COLLATE "C",
    destination text COLLATE "C" NOT NULL,
    position text COLLATE "C" NOT NULL,
    sex text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    stage text COLLATE "C" NOT NULL,
    unit_permit_id text COLLATE "C",
    unit_state text COLLATE "C",
    reregistered_as text COLLATE "C",
    reregistered_from text COLLATE "C",
    registered_by_office_type text COLLATE "C",
    registered_by_office_code text COLLATE "C",
    CONSTRAINT registrations_pkey PRIMARY KEY (registration_id)
) WITH (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.1);

-- Every registration of one person.
CREATE INDEX registrations_person ON neraca.registrations (person_id);
-- Re-registrations by day. Set when the row is made and never changed, so it costs updates nothing.
CREATE INDEX registrations_reregistered ON neraca.registrations (registered_at) WHERE reregistered_from IS NOT NULL;
-- Who holds or held a unit of a permit. Changes once in a row's life, when the unit is taken.
CREATE INDEX registrations_unit ON neraca.registrations (unit_permit_id, unit_line) WHERE unit_permit_id IS NOT NULL;

COMMENT ON TABLE neraca.registrations IS 'Each registration as it stands after the last decision that changed it.';
COMMENT ON COLUMN neraca.registrations.seq IS 'Decision that last changed it.';
COMMENT ON COLUMN neraca.registrations.registered_at IS 'When the candidate was registered.';
COMMENT ON COLUMN neraca.registrations.documents_verified_at IS 'When the documents were verified [L2a].';
COMMENT ON COLUMN neraca.registrations.candidate_id_issued_at IS 'When the candidate ID was issued [L2a].';
COMMENT ON COLUMN neraca.registrations.agreement_signed_at IS 'When the placement agreement was signed [L2a].';
COMMENT ON COLUMN neraca.registrations.documents_fulfilled_at IS 'When the documents were fulfilled [L2b].';
COMMENT ON COLUMN neraca.registrations.orientation_completed_at IS 'When the orientation (OPP) was completed [L2b].';
COMMENT ON COLUMN neraca.registrations.biometrics_registered_at IS 'When the biometrics were registered [L2b].';
COMMENT ON COLUMN neraca.registrations.departed_at IS 'When the candidate departed [L2b].';
COMMENT ON COLUMN neraca.registrations.unit_line IS 'Line of the unit that it took.';
COMMENT ON COLUMN neraca.registrations.departed_late IS 'Departed before the closure, entered at or after it.';
COMMENT ON COLUMN neraca.registrations.registration_id IS 'Opaque id, as the system gave it.';
COMMENT ON COLUMN neraca.registrations.person_id IS 'Random id of the person.';
COMMENT ON COLUMN neraca.registrations.system IS 'System that it was made in: SISKOTKLN or SIAPKERJA.';
COMMENT ON COLUMN neraca.registrations.scheme IS 'P_TO_P, G_TO_G, G_TO_P, UKPS or INDIVIDUAL.';
COMMENT ON COLUMN neraca.registrations.agency_id IS 'Placement company (P3MI), under P_TO_P.';
COMMENT ON COLUMN neraca.registrations.destination IS 'ISO 3166-1 alpha-2.';
COMMENT ON COLUMN neraca.registrations.position IS 'Position abroad.';
COMMENT ON COLUMN neraca.registrations.sex IS 'F or M.';
COMMENT ON COLUMN neraca.registrations.status IS 'open, departed, cancelled, reregistered or voided.';
COMMENT ON COLUMN neraca.registrations.stage IS 'The stage decided last.';
COMMENT ON COLUMN neraca.registrations.unit_permit_id IS 'Permit of the unit that it took.';
COMMENT ON COLUMN neraca.registrations.unit_state IS 'held, departed, returned, restored, forfeited or released; null where no unit was taken.';
COMMENT ON COLUMN neraca.registrations.reregistered_as IS 'The registration that took its place.';
COMMENT ON COLUMN neraca.registrations.reregistered_from IS 'The registration whose place it took.';
COMMENT ON COLUMN neraca.registrations.registered_by_office_type IS 'Type of the office that registered.';
COMMENT ON COLUMN neraca.registrations.registered_by_office_code IS 'Office that registered.';
COMMENT ON COLUMN neraca.registrations.registered_offset_minutes IS 'Local reading of registered_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registrations.registered_seq IS 'Decision of registered_at; gives the order of the stages.';
COMMENT ON COLUMN neraca.registrations.documents_verified_offset_minutes IS 'Local reading of documents_verified_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registrations.documents_verified_seq IS 'Decision of documents_verified_at; gives the order of the stages.';
COMMENT ON COLUMN neraca.registrations.candidate_id_issued_offset_minutes IS 'Local reading of candidate_id_issued_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registrations.candidate_id_issued_seq IS 'Decision of candidate_id_issued_at; gives the order of the stages.';
COMMENT ON COLUMN neraca.registrations.agreement_signed_offset_minutes IS 'Local reading of agreement_signed_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registrations.agreement_signed_seq IS 'Decision of agreement_signed_at; gives the order of the stages.';
COMMENT ON COLUMN neraca.registrations.documents_fulfilled_offset_minutes IS 'Local reading of documents_fulfilled_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registrations.documents_fulfilled_seq IS 'Decision of documents_fulfilled_at; gives the order of the stages.';
COMMENT ON COLUMN neraca.registrations.orientation_completed_offset_minutes IS 'Local reading of orientation_completed_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registrations.orientation_completed_seq IS 'Decision of orientation_completed_at; gives the order of the stages.';
COMMENT ON COLUMN neraca.registrations.biometrics_registered_offset_minutes IS 'Local reading of biometrics_registered_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registrations.biometrics_registered_seq IS 'Decision of biometrics_registered_at; gives the order of the stages.';
COMMENT ON COLUMN neraca.registrations.departed_offset_minutes IS 'Local reading of departed_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registrations.departed_seq IS 'Decision of departed_at; gives the order of the stages.';

CREATE VIEW neraca.registration_stages AS
SELECT r.registration_id, s.stage, s.occurred_at,
       s.occurred_at AT TIME ZONE 'UTC' + make_interval(mins => s.offset_minutes) AS occurred_local,
       s.offset_minutes, s.seq
FROM neraca.registrations r
CROSS JOIN LATERAL (VALUES
    ('registered', r.registered_at, r.registered_offset_minutes, r.registered_seq),
    ('documents_verified', r.documents_verified_at, r.documents_verified_offset_minutes, r.documents_verified_seq),
    ('candidate_id_issued', r.candidate_id_issued_at, r.candidate_id_issued_offset_minutes, r.candidate_id_issued_seq),
    ('agreement_signed', r.agreement_signed_at, r.agreement_signed_offset_minutes, r.agreement_signed_seq),
    ('documents_fulfilled', r.documents_fulfilled_at, r.documents_fulfilled_offset_minutes, r.documents_fulfilled_seq),
    ('orientation_completed', r.orientation_completed_at, r.orientation_completed_offset_minutes, r.orientation_completed_seq),
    ('biometrics_registered', r.biometrics_registered_at, r.biometrics_registered_offset_minutes, r.biometrics_registered_seq),
    ('departed', r.departed_at, r.departed_offset_minutes, r.departed_seq)
) s (stage, occurred_at, offset_minutes, seq)
WHERE s.seq IS NOT NULL;
COMMENT ON VIEW neraca.registration_stages IS 'One row per stage passed. Ordered by seq, they stand in the order decided.';
COMMENT ON COLUMN neraca.registration_stages.registration_id IS 'Registration.';
COMMENT ON COLUMN neraca.registration_stages.stage IS 'Kind of the action that passed it.';
COMMENT ON COLUMN neraca.registration_stages.occurred_at IS 'When it was passed.';
COMMENT ON COLUMN neraca.registration_stages.occurred_local IS 'The same as the office''s clock showed it.';
COMMENT ON COLUMN neraca.registration_stages.offset_minutes IS 'Minutes east of UTC of that clock.';
COMMENT ON COLUMN neraca.registration_stages.seq IS 'Decision that passed it.';
