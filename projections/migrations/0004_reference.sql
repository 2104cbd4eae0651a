-- What changes seldom: permits, agencies, destinations, holds, trainings, complaints, policies.
CREATE TABLE neraca.permits (
    permit_id text COLLATE "C" PRIMARY KEY,
    agency_id text COLLATE "C" NOT NULL,
    destination text COLLATE "C" NOT NULL,
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    revoked boolean NOT NULL,
    seq bigint NOT NULL
);
-- The permits of one agency.
CREATE INDEX permits_agency ON neraca.permits (agency_id);
COMMENT ON TABLE neraca.permits IS 'Recruitment permits (SIP2MI) as they stand now.';
COMMENT ON COLUMN neraca.permits.permit_id IS 'Opaque number.';
COMMENT ON COLUMN neraca.permits.agency_id IS 'Its holder; cannot be transferred (Act 18/2017 art. 59).';
COMMENT ON COLUMN neraca.permits.destination IS 'Its one country, ISO 3166-1 alpha-2.';
COMMENT ON COLUMN neraca.permits.valid_from IS 'First day, WIB.';
COMMENT ON COLUMN neraca.permits.valid_to IS 'Last day, WIB, inclusive.';
COMMENT ON COLUMN neraca.permits.revoked IS 'Whether the last decision left it revoked.';
COMMENT ON COLUMN neraca.permits.seq IS 'Decision that last changed it.';

CREATE TABLE neraca.permit_lines (
    permit_id text COLLATE "C" NOT NULL,
    line integer NOT NULL,
    position text COLLATE "C" NOT NULL,
    sex text COLLATE "C" NOT NULL,
    units bigint NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (permit_id, line)
);
COMMENT ON TABLE neraca.permit_lines IS 'What each permit grants: one row per line. Balances are in quota_balances.';
COMMENT ON COLUMN neraca.permit_lines.permit_id IS 'Permit (SIP2MI).';
COMMENT ON COLUMN neraca.permit_lines.line IS 'Line of the permit, from 1.';
COMMENT ON COLUMN neraca.permit_lines.position IS 'Position that the line is for.';
COMMENT ON COLUMN neraca.permit_lines.sex IS 'F, M or ANY.';
COMMENT ON COLUMN neraca.permit_lines.units IS 'Units granted now.';
COMMENT ON COLUMN neraca.permit_lines.seq IS 'Decision that last changed the permit.';

CREATE TABLE neraca.agencies (
    agency_id text COLLATE "C" PRIMARY KEY,
    status text COLLATE "C" NOT NULL,
    status_since timestamptz NOT NULL,
    seq bigint NOT NULL
);
COMMENT ON TABLE neraca.agencies IS 'Placement companies (P3MI) as they stand now.';
COMMENT ON COLUMN neraca.agencies.agency_id IS 'Opaque id.';
COMMENT ON COLUMN neraca.agencies.status IS 'active or suspended.';
COMMENT ON COLUMN neraca.agencies.status_since IS 'When the last change occurred.';
COMMENT ON COLUMN neraca.agencies.seq IS 'Decision that last changed it.';

CREATE TABLE neraca.destinations (
    destination text COLLATE "C" PRIMARY KEY,
    status text COLLATE "C" NOT NULL,
    status_since timestamptz NOT NULL,
    seq bigint NOT NULL
);
COMMENT ON TABLE neraca.destinations IS 'Destinations that were ever closed, as they stand now; every other is open.';
COMMENT ON COLUMN neraca.destinations.destination IS 'ISO 3166-1 alpha-2.';
COMMENT ON COLUMN neraca.destinations.status IS 'open or closed.';
COMMENT ON COLUMN neraca.destinations.status_since IS 'When the last change occurred.';
COMMENT ON COLUMN neraca.destinations.seq IS 'Decision that last changed it.';

CREATE TABLE neraca.people_on_hold (
    person_id text COLLATE "C" PRIMARY KEY,
    held_since timestamptz NOT NULL,
    seq bigint NOT NULL
);
COMMENT ON TABLE neraca.people_on_hold IS 'People under a hold now (identity dispute); a release takes the row away.';
COMMENT ON COLUMN neraca.people_on_hold.person_id IS 'Random id of the person.';
COMMENT ON COLUMN neraca.people_on_hold.held_since IS 'When the hold occurred.';
COMMENT ON COLUMN neraca.people_on_hold.seq IS 'Decision that placed the hold.';

CREATE TABLE neraca.trainings (
    training_id text COLLATE "C" PRIMARY KEY,
    person_id text COLLATE "C" NOT NULL,
    provider_id text COLLATE "C" NOT NULL,
    provider_type text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    requested_at timestamptz,
    completed_at timestamptz,
    seq bigint NOT NULL
);
-- The trainings of one person.
CREATE INDEX trainings_person ON neraca.trainings (person_id);
COMMENT ON TABLE neraca.trainings IS 'Training services recorded before the closure [L5].';
COMMENT ON COLUMN neraca.trainings.training_id IS 'Opaque id.';
COMMENT ON COLUMN neraca.trainings.person_id IS 'Random id of the person.';
COMMENT ON COLUMN neraca.trainings.provider_id IS 'Opaque id of the provider.';
COMMENT ON COLUMN neraca.trainings.provider_type IS 'LPK, BLKLN or OTHER.';
COMMENT ON COLUMN neraca.trainings.status IS 'requested or completed.';
COMMENT ON COLUMN neraca.trainings.requested_at IS 'When it was requested.';
COMMENT ON COLUMN neraca.trainings.completed_at IS 'When it was completed.';
COMMENT ON COLUMN neraca.trainings.seq IS 'Decision that last changed it.';

CREATE TABLE neraca.complaints (
    complaint_id text COLLATE "C" PRIMARY KEY,
    topic text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    registration_id text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    received_at timestamptz,
    answered_at timestamptz,
    seq bigint NOT NULL
);
COMMENT ON TABLE neraca.complaints IS 'Complaints [L6] as they stand now.';
COMMENT ON COLUMN neraca.complaints.complaint_id IS 'Opaque id.';
COMMENT ON COLUMN neraca.complaints.topic IS 'What it is about.';
COMMENT ON COLUMN neraca.complaints.channel IS 'How it came in.';
COMMENT ON COLUMN neraca.complaints.registration_id IS 'As the source gave it, unchecked.';
COMMENT ON COLUMN neraca.complaints.status IS 'received or answered.';
COMMENT ON COLUMN neraca.complaints.received_at IS 'When it was received.';
COMMENT ON COLUMN neraca.complaints.answered_at IS 'When it was answered.';
COMMENT ON COLUMN neraca.complaints.seq IS 'Decision that last changed it.';

CREATE TABLE neraca.policies (
    version text COLLATE "C" PRIMARY KEY,
    seq bigint NOT NULL UNIQUE,
    registration_limit timestamptz NOT NULL,
    registration_limit_offset_minutes smallint NOT NULL,
    closure timestamptz NOT NULL,
    closure_offset_minutes smallint NOT NULL,
    unit_taken_at_siskotkln text COLLATE "C" NOT NULL,
    unit_taken_at_siapkerja text COLLATE "C" NOT NULL,
    biometrics_not_required text[] NOT NULL,
    agreement_not_required text[] NOT NULL,
    restore_if_valid_at text COLLATE "C" NOT NULL,
    restoration boolean NOT NULL,
    late_departures boolean NOT NULL,
    clock_skew_seconds bigint NOT NULL
);
COMMENT ON TABLE neraca.policies IS 'Every policy ever in force; the one with the greatest seq judges the next action.';
COMMENT ON COLUMN neraca.policies.version IS 'Name of the policy, used once.';
COMMENT ON COLUMN neraca.policies.seq IS 'Decision that adopted it; -1 for the default policy, in force before the first decision.';
COMMENT ON COLUMN neraca.policies.registration_limit IS 'T_R: SISKOTKLN takes no registration from here on [L3].';
COMMENT ON COLUMN neraca.policies.registration_limit_offset_minutes IS 'Its local reading, minutes east of UTC.';
COMMENT ON COLUMN neraca.policies.closure IS 'T_0: SISKOTKLN is closed from here on [L1].';
COMMENT ON COLUMN neraca.policies.closure_offset_minutes IS 'Its local reading, minutes east of UTC.';
COMMENT ON COLUMN neraca.policies.unit_taken_at_siskotkln IS 'registration or agreement.';
COMMENT ON COLUMN neraca.policies.unit_taken_at_siapkerja IS 'registration or agreement.';
COMMENT ON COLUMN neraca.policies.biometrics_not_required IS 'Systems whose registrations depart without biometrics.';
COMMENT ON COLUMN neraca.policies.agreement_not_required IS 'Schemes whose documents are fulfilled without a placement agreement.';
COMMENT ON COLUMN neraca.policies.restore_if_valid_at IS 'reregistration or closure: when the old permit must be valid [L4].';
COMMENT ON COLUMN neraca.policies.restoration IS 'False: a re-registration always forfeits the old unit.';
COMMENT ON COLUMN neraca.policies.late_departures IS 'False: SISKOTKLN takes nothing that is entered from the closure on.';
COMMENT ON COLUMN neraca.policies.clock_skew_seconds IS 'How far occurred_at may lie after entered_at.';

-- The default policy of contract section 5 holds before anybody adopts one, so it is no decision.
INSERT INTO neraca.policies VALUES (
    'B.662-2023', -1, '2023-02-17T00:00:00+07:00', 420, '2023-07-17T00:00:00+07:00', 420,
    'registration', 'agreement', '{SISKOTKLN}', '{INDIVIDUAL,UKPS}', 'reregistration', true, true, 300
);
