-- What an official asks about the cutover. Days are WIB (UTC+7), as the letter counts them.

-- The two instants and the journal's own time, once: every view below takes them from here.
CREATE VIEW neraca.policy_in_force AS
SELECT p.*, (SELECT max(journal_at) FROM neraca.projection_positions) AS journal_at
FROM neraca.policies p
ORDER BY p.seq DESC
LIMIT 1;
COMMENT ON VIEW neraca.policy_in_force IS 'The policy adopted last, and how far the history told so far reaches.';

CREATE VIEW neraca.eligible_candidates AS
SELECT r.registration_id, r.person_id, r.scheme, r.agency_id, r.destination, r.position, r.sex, r.stage,
       r.registered_at, r.unit_permit_id, r.unit_line, r.unit_state, r.registered_by_office_type,
       r.registered_by_office_code, r.seq
FROM neraca.registrations r, neraca.policy_in_force p
WHERE r.system = 'SISKOTKLN' AND r.status = 'open' AND r.registered_at < p.registration_limit;
COMMENT ON VIEW neraca.eligible_candidates IS 'Open SISKOTKLN registrations made before the registration limit: who may register again [L3].';

CREATE VIEW neraca.stranded_units AS
SELECT e.unit_permit_id AS permit_id, e.unit_line AS line, e.registration_id, e.person_id, e.agency_id,
       e.destination, e.position, e.sex, e.stage, e.registered_at, m.valid_to AS permit_valid_to,
       m.revoked AS permit_revoked, e.seq
FROM neraca.eligible_candidates e
JOIN neraca.policy_in_force p ON p.journal_at >= p.closure
LEFT JOIN neraca.permits m ON m.permit_id = e.unit_permit_id
WHERE e.unit_state = 'held';
COMMENT ON VIEW neraca.stranded_units IS 'Units that eligible candidates still hold once the history has reached the closure.';

CREATE VIEW neraca.cutover_progress AS
WITH reregistrations AS (
    SELECT (n.registered_at AT TIME ZONE 'UTC' + interval '7 hours')::date AS day,
           count(*) AS reregistered,
           count(*) FILTER (WHERE n.status = 'voided') AS voided_since,
           count(*) FILTER (WHERE o.unit_state = 'restored') AS units_restored,
           count(*) FILTER (WHERE o.unit_state = 'forfeited') AS units_forfeited
    FROM neraca.registrations n JOIN neraca.registrations o ON o.registration_id = n.reregistered_from
    WHERE n.reregistered_from IS NOT NULL
    GROUP BY 1
), departures AS (
    SELECT (d.entered_at AT TIME ZONE 'UTC' + interval '7 hours')::date AS day, count(*) AS departed_late
    FROM neraca.decisions d
    WHERE d.outcome = 'ACCEPTED' AND d.late
    GROUP BY 1
), releases AS (
    SELECT (d.occurred_at AT TIME ZONE 'UTC' + interval '7 hours')::date AS day, count(*) AS units_released
    FROM neraca.decisions d
    WHERE d.outcome = 'ACCEPTED' AND d.kind = 'unit_released'
    GROUP BY 1
), days AS (
    SELECT generate_series(
        (p.closure AT TIME ZONE 'UTC' + interval '7 hours')::date,
        (p.journal_at AT TIME ZONE 'UTC' + interval '7 hours')::date,
        interval '1 day')::date AS day
    FROM neraca.policy_in_force p
)
SELECT day,
       coalesce(reregistered, 0) AS reregistered,
       coalesce(departed_late, 0) AS departed_late,
       coalesce(units_restored, 0) AS units_restored,
       coalesce(units_forfeited, 0) AS units_forfeited,
       coalesce(units_released, 0) AS units_released,
       coalesce(voided_since, 0) AS voided_since,
       (sum(coalesce(reregistered, 0)) OVER (ORDER BY day))::bigint AS reregistered_so_far,
       (sum(coalesce(departed_late, 0)) OVER (ORDER BY day))::bigint AS departed_late_so_far
FROM days
FULL JOIN reregistrations USING (day)
FULL JOIN departures USING (day)
FULL JOIN releases USING (day);
COMMENT ON VIEW neraca.cutover_progress IS 'One row per WIB day from the closure on: re-registrations, late departures, what became of the units.';

CREATE VIEW neraca.cutover_summary AS
SELECT p.version AS policy, p.registration_limit, p.closure, p.journal_at,
       count(*) FILTER (WHERE r.status IN ('open', 'reregistered') OR r.departed_late) AS in_process_at_closure,
       count(*) FILTER (WHERE r.status = 'reregistered' OR r.reregistered_as IS NOT NULL) AS reregistered,
       count(*) FILTER (WHERE r.departed_late) AS departed_late,
       count(*) FILTER (WHERE r.departed_late AND r.reregistered_as IS NOT NULL) AS departed_late_after_reregistering,
       count(*) FILTER (WHERE r.status = 'open') AS not_moved,
       count(*) FILTER (WHERE r.status = 'departed' AND NOT r.departed_late) AS departed_in_time,
       count(*) FILTER (WHERE r.status = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE r.unit_state = 'restored') AS units_restored,
       count(*) FILTER (WHERE r.unit_state = 'forfeited') AS units_forfeited,
       count(*) FILTER (WHERE r.unit_state = 'released') AS units_released,
       count(*) FILTER (WHERE r.status = 'open' AND r.unit_state = 'held' AND p.journal_at >= p.closure) AS units_stranded
FROM neraca.policy_in_force p
LEFT JOIN neraca.registrations r ON r.system = 'SISKOTKLN' AND r.registered_at < p.registration_limit
GROUP BY p.version, p.registration_limit, p.closure, p.journal_at;
COMMENT ON VIEW neraca.cutover_summary IS 'One row: what became of the SISKOTKLN registrations made before the registration limit.';

CREATE VIEW neraca.cutover_units AS
SELECT r.agency_id, r.destination,
       count(*) FILTER (WHERE r.status IN ('open', 'reregistered') OR r.departed_late) AS in_process_at_closure,
       count(*) FILTER (WHERE r.reregistered_as IS NOT NULL) AS reregistered,
       count(*) FILTER (WHERE r.departed_late) AS departed_late,
       count(*) FILTER (WHERE r.unit_state = 'restored') AS units_restored,
       count(*) FILTER (WHERE r.unit_state = 'forfeited') AS units_forfeited,
       count(*) FILTER (WHERE r.unit_state = 'released') AS units_released,
       count(*) FILTER (WHERE r.status = 'open' AND r.unit_state = 'held' AND p.journal_at >= p.closure) AS units_stranded
FROM neraca.policy_in_force p
JOIN neraca.registrations r ON r.system = 'SISKOTKLN' AND r.registered_at < p.registration_limit
GROUP BY r.agency_id, r.destination;
COMMENT ON VIEW neraca.cutover_units IS 'The same by agency and destination; agency_id is null outside P_TO_P.';

CREATE VIEW neraca.trial_balance AS
WITH moved AS (
    SELECT account, sum(units)::bigint AS units
    FROM (
        SELECT to_account AS account, units FROM neraca.postings
        UNION ALL
        SELECT from_account, -units FROM neraca.postings
    ) entries
    GROUP BY account
), standing AS (
    SELECT 'available' AS account, coalesce(sum(available), 0)::bigint AS units FROM neraca.quota_balances
    UNION ALL SELECT 'reserved', coalesce(sum(reserved), 0)::bigint FROM neraca.quota_balances
    UNION ALL SELECT 'departed', coalesce(sum(departed), 0)::bigint FROM neraca.quota_balances
    UNION ALL SELECT 'forfeited', coalesce(sum(forfeited), 0)::bigint FROM neraca.quota_balances
    UNION ALL SELECT 'granted', -coalesce(sum(granted), 0)::bigint FROM neraca.quota_balances
)
SELECT s.account, s.units AS balances, coalesce(m.units, 0) AS postings, s.units - coalesce(m.units, 0) AS difference
FROM standing s LEFT JOIN moved m USING (account);
COMMENT ON VIEW neraca.trial_balance IS 'Each account twice: from the balances and by adding up every posting. The five rows add up to zero, and no difference is anything but zero.';
