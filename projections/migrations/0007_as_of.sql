-- rebuild: reference_history is filled from the journal's beginning.
-- The state as of any instant, on two axes. Everywhere below: `true_at` is the last instant of occurred_at that counts;
-- what was known is bounded by `known_seq`, by `entered_by` (the source's officer) or by `recorded_by` (the broker).
-- Each default leaves its axis open. Of all accepted decisions within the bounds, each changes what it changed. In which
-- order is as the rules have it. They judge permits, agencies and destinations by what had occurred, so those follow
-- occurred_at, the later decided winning a tie (contract §3, "as of t"). They judge registrations, holds and trainings by
-- the state after the last decision, so those follow seq: a late departure that undoes a re-registration occurred before
-- it, and stands. With both axes open those are the rows of the tables.

CREATE TABLE neraca.reference_history (
    seq bigint NOT NULL,
    occurred_at timestamptz,
    entered_at timestamptz,
    recorded_at timestamptz,
    thing text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    changed jsonb NOT NULL,
    CONSTRAINT reference_history_pkey PRIMARY KEY (thing, id, seq)
);
COMMENT ON TABLE neraca.reference_history IS 'Permits, agencies, destinations, trainings and holds, change by change. Append only.';
COMMENT ON COLUMN neraca.reference_history.seq IS 'Decision that changed it.';
COMMENT ON COLUMN neraca.reference_history.occurred_at IS 'When it was true.';
COMMENT ON COLUMN neraca.reference_history.entered_at IS 'When it was known to the source system.';
COMMENT ON COLUMN neraca.reference_history.recorded_at IS 'The broker''s append time of the action.';
COMMENT ON COLUMN neraca.reference_history.thing IS 'permit, agency, destination, training or person (whose hold changed).';
COMMENT ON COLUMN neraca.reference_history.id IS 'Its id.';
COMMENT ON COLUMN neraca.reference_history.changed IS 'What the decision changed, and no more; units are in the postings.';

-- Types, because columns of a function can have no collation of their own, and without the one of the tables no condition
-- on an id would reach their indexes.
CREATE TYPE neraca.reference_then AS (thing text COLLATE "C", id text COLLATE "C", state jsonb, changed_seq bigint);
CREATE TYPE neraca.quota_balance_then AS (
    permit_id text COLLATE "C", line integer, granted bigint, available bigint, reserved bigint, departed bigint,
    forfeited bigint, changed_seq bigint
);
CREATE TYPE neraca.registration_then AS (
    registration_id text COLLATE "C", person_id text COLLATE "C", system text COLLATE "C", scheme text COLLATE "C",
    agency_id text COLLATE "C", destination text COLLATE "C", "position" text COLLATE "C", sex text COLLATE "C",
    status text COLLATE "C", stages jsonb, unit_permit_id text COLLATE "C", unit_line integer,
    unit_state text COLLATE "C", reregistered_as text COLLATE "C", reregistered_from text COLLATE "C",
    changed_seq bigint
);

-- A thing exists from its first change on: what was done to a permit before its issue, by the dates, does not make one.
CREATE FUNCTION neraca.reference_as_of(
    true_at timestamptz DEFAULT 'infinity', known_seq bigint DEFAULT 9223372036854775807,
    entered_by timestamptz DEFAULT 'infinity', recorded_by timestamptz DEFAULT 'infinity'
) RETURNS SETOF neraca.reference_then
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT h.thing, h.id, jsonb_object_agg(one.key, one.value ORDER BY
               CASE WHEN h.thing IN ('permit', 'agency', 'destination') THEN h.occurred_at END, h.seq)
               FILTER (WHERE one.key IS NOT NULL), max(h.seq)
    FROM neraca.reference_history h LEFT JOIN LATERAL jsonb_each(h.changed) one ON true
    WHERE h.occurred_at <= reference_as_of.true_at AND h.seq <= reference_as_of.known_seq
      AND h.entered_at <= reference_as_of.entered_by
      AND coalesce(h.recorded_at, h.entered_at) <= reference_as_of.recorded_by
    GROUP BY h.thing, h.id
    HAVING h.thing NOT IN ('permit', 'training') OR bool_or(h.changed ?| '{agency_id,provider_id}');
END;
COMMENT ON FUNCTION neraca.reference_as_of IS
    'Permits, agencies, destinations, trainings and holds as of an instant: WHERE thing = ''permit'' AND id = ''S-9'' reads an index.';

CREATE FUNCTION neraca.quota_balances_as_of(
    true_at timestamptz DEFAULT 'infinity', known_seq bigint DEFAULT 9223372036854775807,
    entered_by timestamptz DEFAULT 'infinity', recorded_by timestamptz DEFAULT 'infinity'
) RETURNS SETOF neraca.quota_balance_then
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT p.permit_id, p.line,
           (sum(p.units * CASE 'granted' WHEN p.from_account THEN 1 WHEN p.to_account THEN -1 ELSE 0 END))::bigint,
           (sum(p.units * CASE 'available' WHEN p.to_account THEN 1 WHEN p.from_account THEN -1 ELSE 0 END))::bigint,
           (sum(p.units * CASE 'reserved' WHEN p.to_account THEN 1 WHEN p.from_account THEN -1 ELSE 0 END))::bigint,
           (sum(p.units * CASE 'departed' WHEN p.to_account THEN 1 WHEN p.from_account THEN -1 ELSE 0 END))::bigint,
           (sum(p.units * CASE 'forfeited' WHEN p.to_account THEN 1 WHEN p.from_account THEN -1 ELSE 0 END))::bigint,
           max(p.seq)
    FROM neraca.postings p JOIN neraca.decisions d USING (seq)
    WHERE p.occurred_at <= quota_balances_as_of.true_at AND p.seq <= quota_balances_as_of.known_seq
      AND d.entered_at <= quota_balances_as_of.entered_by
      AND coalesce(d.recorded_at, d.entered_at) <= quota_balances_as_of.recorded_by
    GROUP BY p.permit_id, p.line;
END;
COMMENT ON FUNCTION neraca.quota_balances_as_of IS
    'The accounts of each line as of an instant: WHERE permit_id = ''S-9'' AND line = 1 reads an index.';

-- What changed each registration, and how: the actions that name it, and those that name another one of its candidate.
CREATE VIEW neraca.registration_events AS
SELECT d.registration_id, d.seq, d.kind AS event, d.occurred_at, d.entered_at, d.recorded_at,
       d.occurred_offset_minutes AS offset_minutes, d.person_id
FROM neraca.decisions d
WHERE d.outcome = 'ACCEPTED' AND d.registration_id IS NOT NULL
  AND d.kind IN ('registered', 'documents_verified', 'candidate_id_issued', 'agreement_signed', 'documents_fulfilled',
                 'orientation_completed', 'biometrics_registered', 'departed', 'cancelled', 'unit_released',
                 'registration_reassigned')
UNION ALL
SELECT r.registration_id, d.seq, 'reregistered', d.occurred_at, d.entered_at, d.recorded_at,
       d.occurred_offset_minutes, NULL
FROM neraca.registrations r
JOIN neraca.registrations later ON later.registration_id = r.reregistered_as
JOIN neraca.decisions d ON d.seq = later.registered_seq
UNION ALL
SELECT r.registration_id, d.seq, 'voided', d.occurred_at, d.entered_at, d.recorded_at,
       d.occurred_offset_minutes, NULL
FROM neraca.registrations r
-- The first departure on an earlier registration of whoever this one was registered for at that moment: rulings may have
-- moved both since. One that was entered before the closure and came after the re-registration voids as well.
CROSS JOIN LATERAL (
    SELECT late.* FROM neraca.decisions mine
    JOIN neraca.decisions theirs ON theirs.person_id = mine.person_id
    JOIN neraca.registrations earlier ON earlier.registration_id = theirs.registration_id
    JOIN neraca.decisions late ON late.seq = earlier.departed_seq
    WHERE mine.registration_id = r.registration_id
      AND mine.outcome = 'ACCEPTED' AND mine.kind IN ('registered', 'registration_reassigned')
      AND theirs.outcome = 'ACCEPTED' AND theirs.kind IN ('registered', 'registration_reassigned')
      AND earlier.registered_seq < r.registered_seq AND late.seq > r.registered_seq
      AND mine.seq < late.seq AND theirs.seq < late.seq
      AND NOT EXISTS (
          SELECT FROM neraca.decisions moved
          WHERE moved.outcome = 'ACCEPTED' AND moved.kind = 'registration_reassigned' AND moved.seq < late.seq
            AND (moved.registration_id = r.registration_id AND moved.seq > mine.seq
                 OR moved.registration_id = earlier.registration_id AND moved.seq > theirs.seq))
    ORDER BY late.seq LIMIT 1
) d
WHERE r.status = 'voided';
COMMENT ON VIEW neraca.registration_events IS 'What changed each registration: stages, its end, its re-registration, its voiding.';
COMMENT ON COLUMN neraca.registration_events.registration_id IS 'Registration that changed.';
COMMENT ON COLUMN neraca.registration_events.seq IS 'Decision that changed it.';
COMMENT ON COLUMN neraca.registration_events.event IS 'Kind of the action; reregistered or voided where the action names another registration.';
COMMENT ON COLUMN neraca.registration_events.occurred_at IS 'When it was true.';
COMMENT ON COLUMN neraca.registration_events.entered_at IS 'When it was known to the source system.';
COMMENT ON COLUMN neraca.registration_events.recorded_at IS 'The broker''s append time of the action.';
COMMENT ON COLUMN neraca.registration_events.offset_minutes IS 'Local reading of occurred_at, minutes east of UTC.';
COMMENT ON COLUMN neraca.registration_events.person_id IS 'Person that the action names.';

CREATE FUNCTION neraca.registrations_as_of(
    true_at timestamptz DEFAULT 'infinity', known_seq bigint DEFAULT 9223372036854775807,
    entered_by timestamptz DEFAULT 'infinity', recorded_by timestamptz DEFAULT 'infinity'
) RETURNS SETOF neraca.registration_then
LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000
BEGIN ATOMIC
    SELECT r.registration_id, then_.person_id, r.system, r.scheme, r.agency_id, r.destination, r.position, r.sex,
           then_.status, then_.stages, then_.unit ->> 0, (then_.unit ->> 1)::integer, then_.unit ->> 2,
           CASE WHEN then_.is_reregistered THEN r.reregistered_as END, r.reregistered_from, then_.changed_seq
    FROM (
        SELECT e.registration_id, max(e.seq) AS changed_seq,
               bool_or(e.event = 'registered') AS exists,
               bool_or(e.event = 'reregistered') AS is_reregistered,
               (array_agg(e.person_id ORDER BY e.seq DESC)
                   FILTER (WHERE e.event IN ('registered', 'registration_reassigned')))[1] AS person_id,
               (array_agg(CASE e.event WHEN 'registered' THEN 'open' ELSE e.event END
                          ORDER BY e.seq DESC)
                   FILTER (WHERE e.event IN ('registered', 'departed', 'cancelled', 'reregistered', 'voided')))[1] AS status,
               jsonb_object_agg(e.event, jsonb_build_object('at', e.occurred_at, 'offset_minutes', e.offset_minutes,
                                                            'seq', e.seq))
                   FILTER (WHERE e.event NOT IN ('cancelled', 'unit_released', 'registration_reassigned',
                                                 'reregistered', 'voided')) AS stages,
               (array_agg(jsonb_build_array(p.permit_id, p.line, CASE
                              WHEN p.to_account = 'reserved' THEN 'held'
                              WHEN p.to_account = 'departed' THEN 'departed'
                              WHEN p.to_account = 'forfeited' THEN 'forfeited'
                              WHEN e.event = 'reregistered' THEN 'restored'
                              WHEN e.event = 'unit_released' THEN 'released'
                              ELSE 'returned' END)
                          ORDER BY e.seq DESC)
                   FILTER (WHERE p.seq IS NOT NULL))[1] AS unit
        FROM neraca.registration_events e
        LEFT JOIN neraca.postings p ON p.seq = e.seq AND CASE
            WHEN e.event IN ('registered', 'agreement_signed') THEN p.to_account = 'reserved'
            WHEN e.event = 'departed' THEN p.to_account = 'departed'
            WHEN e.event IN ('reregistered', 'cancelled', 'unit_released', 'voided') THEN p.from_account = 'reserved'
            ELSE false END
        WHERE e.occurred_at <= registrations_as_of.true_at AND e.seq <= registrations_as_of.known_seq
          AND e.entered_at <= registrations_as_of.entered_by
          AND coalesce(e.recorded_at, e.entered_at) <= registrations_as_of.recorded_by
        GROUP BY e.registration_id
    ) then_
    JOIN neraca.registrations r USING (registration_id)
    WHERE then_.exists;
END;
COMMENT ON FUNCTION neraca.registrations_as_of IS
    'Registrations as of an instant: WHERE registration_id = ''R-1'' reads indexes, without a condition it reads them all.';

-- Also those that were another person's by then, or came to be another's since: people are told apart by rulings.
CREATE FUNCTION neraca.person_as_of(
    person text,
    true_at timestamptz DEFAULT 'infinity', known_seq bigint DEFAULT 9223372036854775807,
    entered_by timestamptz DEFAULT 'infinity', recorded_by timestamptz DEFAULT 'infinity'
) RETURNS SETOF neraca.registration_then
LANGUAGE sql STABLE PARALLEL SAFE ROWS 2
BEGIN ATOMIC
    SELECT one.*
    FROM (
        SELECT r.registration_id FROM neraca.registrations r WHERE r.person_id = person_as_of.person
        UNION
        SELECT d.registration_id FROM neraca.decisions d
        WHERE d.person_id = person_as_of.person AND d.registration_id IS NOT NULL AND d.outcome = 'ACCEPTED'
    ) ever
    CROSS JOIN LATERAL (
        SELECT * FROM neraca.registrations_as_of(
            person_as_of.true_at, person_as_of.known_seq, person_as_of.entered_by, person_as_of.recorded_by
        ) then_ WHERE then_.registration_id = ever.registration_id
        OFFSET 0 -- Or the planner would take this apart, and look at every registration before it chooses.
    ) one
    WHERE one.person_id = person_as_of.person;
END;
COMMENT ON FUNCTION neraca.person_as_of IS 'The registrations that were a person''s as of an instant.';
