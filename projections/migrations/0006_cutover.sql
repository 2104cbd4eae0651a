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
       count(*) FILTER (WHERE r.status = 'reregistered' OR r.departed_late AND r.reregistered_as IS NOT NULL) AS reregistered,
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
       count(*) FILTER (WHERE r.status = 'reregistered' OR r.departed_late AND r.reregistered_as IS NOT NULL) AS reregistered,
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

-- Columns of the views.
COMMENT ON COLUMN neraca.policy_in_force.version IS 'Name of the policy.';
COMMENT ON COLUMN neraca.policy_in_force.seq IS 'Decision that adopted it; -1 for the default policy.';
COMMENT ON COLUMN neraca.policy_in_force.registration_limit IS 'T_R.';
COMMENT ON COLUMN neraca.policy_in_force.registration_limit_offset_minutes IS 'Its local reading, minutes east of UTC.';
COMMENT ON COLUMN neraca.policy_in_force.closure IS 'T_0.';
COMMENT ON COLUMN neraca.policy_in_force.closure_offset_minutes IS 'Its local reading, minutes east of UTC.';
COMMENT ON COLUMN neraca.policy_in_force.unit_taken_at_siskotkln IS 'registration or agreement.';
COMMENT ON COLUMN neraca.policy_in_force.unit_taken_at_siapkerja IS 'registration or agreement.';
COMMENT ON COLUMN neraca.policy_in_force.biometrics_not_required IS 'Systems whose registrations depart without biometrics.';
COMMENT ON COLUMN neraca.policy_in_force.agreement_not_required IS 'Schemes whose documents are fulfilled without a placement agreement.';
COMMENT ON COLUMN neraca.policy_in_force.restore_if_valid_at IS 'reregistration or closure.';
COMMENT ON COLUMN neraca.policy_in_force.restoration IS 'False: a re-registration always forfeits the old unit.';
COMMENT ON COLUMN neraca.policy_in_force.late_departures IS 'False: SISKOTKLN takes nothing that is entered from the closure on.';
COMMENT ON COLUMN neraca.policy_in_force.clock_skew_seconds IS 'How far occurred_at may lie after entered_at.';
COMMENT ON COLUMN neraca.policy_in_force.journal_at IS 'Latest entered_at of any accepted decision: how far the history told so far reaches.';
COMMENT ON COLUMN neraca.eligible_candidates.registration_id IS 'The open registration.';
COMMENT ON COLUMN neraca.eligible_candidates.person_id IS 'Random id of the person.';
COMMENT ON COLUMN neraca.eligible_candidates.scheme IS 'Placement scheme.';
COMMENT ON COLUMN neraca.eligible_candidates.agency_id IS 'Placement company, under P_TO_P.';
COMMENT ON COLUMN neraca.eligible_candidates.destination IS 'ISO 3166-1 alpha-2.';
COMMENT ON COLUMN neraca.eligible_candidates.position IS 'Position abroad.';
COMMENT ON COLUMN neraca.eligible_candidates.sex IS 'F or M.';
COMMENT ON COLUMN neraca.eligible_candidates.stage IS 'The stage decided last.';
COMMENT ON COLUMN neraca.eligible_candidates.registered_at IS 'When the candidate was registered.';
COMMENT ON COLUMN neraca.eligible_candidates.unit_permit_id IS 'Permit of the unit that it took.';
COMMENT ON COLUMN neraca.eligible_candidates.unit_line IS 'Line of that unit.';
COMMENT ON COLUMN neraca.eligible_candidates.unit_state IS 'held, or what became of the unit; null where none was taken.';
COMMENT ON COLUMN neraca.eligible_candidates.registered_by_office_type IS 'Type of the office that registered.';
COMMENT ON COLUMN neraca.eligible_candidates.registered_by_office_code IS 'Office that registered.';
COMMENT ON COLUMN neraca.eligible_candidates.seq IS 'Decision that last changed it.';
COMMENT ON COLUMN neraca.stranded_units.permit_id IS 'Permit whose line holds the unit.';
COMMENT ON COLUMN neraca.stranded_units.line IS 'That line.';
COMMENT ON COLUMN neraca.stranded_units.registration_id IS 'The registration that holds it.';
COMMENT ON COLUMN neraca.stranded_units.person_id IS 'Random id of the person.';
COMMENT ON COLUMN neraca.stranded_units.agency_id IS 'Placement company.';
COMMENT ON COLUMN neraca.stranded_units.destination IS 'ISO 3166-1 alpha-2.';
COMMENT ON COLUMN neraca.stranded_units.position IS 'Position abroad.';
COMMENT ON COLUMN neraca.stranded_units.sex IS 'F or M.';
COMMENT ON COLUMN neraca.stranded_units.stage IS 'The stage decided last.';
COMMENT ON COLUMN neraca.stranded_units.registered_at IS 'When the candidate was registered.';
COMMENT ON COLUMN neraca.stranded_units.permit_valid_to IS 'Last day of the permit, WIB: after it, a re-registration forfeits the unit.';
COMMENT ON COLUMN neraca.stranded_units.permit_revoked IS 'Whether the permit is revoked: then it does so as well.';
COMMENT ON COLUMN neraca.stranded_units.seq IS 'Decision that last changed the registration.';
COMMENT ON COLUMN neraca.cutover_progress.day IS 'WIB day.';
COMMENT ON COLUMN neraca.cutover_progress.reregistered IS 'Re-registrations that occurred on it.';
COMMENT ON COLUMN neraca.cutover_progress.departed_late IS 'Late departures entered on it.';
COMMENT ON COLUMN neraca.cutover_progress.units_restored IS 'Of those re-registrations: units given back to their line.';
COMMENT ON COLUMN neraca.cutover_progress.units_forfeited IS 'Of those re-registrations: units lost with their permit.';
COMMENT ON COLUMN neraca.cutover_progress.units_released IS 'Units freed by a ruling that occurred on it.';
COMMENT ON COLUMN neraca.cutover_progress.voided_since IS 'Of those re-registrations: voided by a late departure since.';
COMMENT ON COLUMN neraca.cutover_progress.reregistered_so_far IS 'Re-registrations from the closure to this day.';
COMMENT ON COLUMN neraca.cutover_progress.departed_late_so_far IS 'Late departures from the closure to this day.';
COMMENT ON COLUMN neraca.cutover_summary.policy IS 'Policy in force.';
COMMENT ON COLUMN neraca.cutover_summary.registration_limit IS 'T_R.';
COMMENT ON COLUMN neraca.cutover_summary.closure IS 'T_0.';
COMMENT ON COLUMN neraca.cutover_summary.journal_at IS 'How far the history told so far reaches.';
COMMENT ON COLUMN neraca.cutover_summary.in_process_at_closure IS 'In process at the closure, as far as was known then: those who departed late are among them. Before the closure: in process now.';
COMMENT ON COLUMN neraca.cutover_summary.reregistered IS 'Of those in process at the closure: registered again since, also where a late departure voided that.';
COMMENT ON COLUMN neraca.cutover_summary.departed_late IS 'Departed before the closure, entered at or after it.';
COMMENT ON COLUMN neraca.cutover_summary.departed_late_after_reregistering IS 'Of those: had registered again meanwhile.';
COMMENT ON COLUMN neraca.cutover_summary.not_moved IS 'Still open in SISKOTKLN.';
COMMENT ON COLUMN neraca.cutover_summary.departed_in_time IS 'Departed, and entered, before the closure.';
COMMENT ON COLUMN neraca.cutover_summary.cancelled IS 'Cancelled before the closure.';
COMMENT ON COLUMN neraca.cutover_summary.units_restored IS 'Units given back at a re-registration, and not used by a late departure since.';
COMMENT ON COLUMN neraca.cutover_summary.units_forfeited IS 'Units lost at a re-registration with their permit, and not used by a late departure since.';
COMMENT ON COLUMN neraca.cutover_summary.units_released IS 'Units freed by a ruling.';
COMMENT ON COLUMN neraca.cutover_summary.units_stranded IS 'Units still held by who has not moved; 0 before the closure.';
COMMENT ON COLUMN neraca.cutover_units.agency_id IS 'Placement company; null outside P_TO_P.';
COMMENT ON COLUMN neraca.cutover_units.destination IS 'ISO 3166-1 alpha-2.';
COMMENT ON COLUMN neraca.cutover_units.in_process_at_closure IS 'As in cutover_summary.';
COMMENT ON COLUMN neraca.cutover_units.reregistered IS 'As in cutover_summary.';
COMMENT ON COLUMN neraca.cutover_units.departed_late IS 'As in cutover_summary.';
COMMENT ON COLUMN neraca.cutover_units.units_restored IS 'As in cutover_summary.';
COMMENT ON COLUMN neraca.cutover_units.units_forfeited IS 'As in cutover_summary.';
COMMENT ON COLUMN neraca.cutover_units.units_released IS 'As in cutover_summary.';
COMMENT ON COLUMN neraca.cutover_units.units_stranded IS 'As in cutover_summary.';
COMMENT ON COLUMN neraca.trial_balance.account IS 'available, reserved, departed, forfeited, or granted: what came in from outside, so below zero.';
COMMENT ON COLUMN neraca.trial_balance.balances IS 'Units by adding up the balances of all lines.';
COMMENT ON COLUMN neraca.trial_balance.postings IS 'Units by adding up every posting ever made.';
COMMENT ON COLUMN neraca.trial_balance.difference IS 'The first less the second: zero, or something is wrong.';
