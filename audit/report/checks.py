"""How each figure is checked without this report: one query on the tables, or one command, and its answer.

A query is true where `neraca.projection_positions` stands at the report's `seq`; the tests run every one of
them on a real PostgreSQL. Must not compute a figure: what is expected comes from the `Cutover`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from audit.report.figures import STAGES, Cutover, Reason, Tally

Answer = list[tuple[str | int | None, ...]]

_OLD: Final = "r.system = 'SISKOTKLN' AND r.registered_at < p.registration_limit"
_WIB_DAY: Final = "({0} AT TIME ZONE 'UTC' + interval '7 hours')::date"


@dataclass(frozen=True, slots=True)
class Check:
    """One way to check one figure.

    Attributes:
        name: Of the figure: the same on the page, in the JSON and in the texts.
        sql: A query on schema `neraca`.
        answer: What it gives at the report's `seq`, in any order.

    """

    name: str
    sql: str
    answer: Answer


def decision_query(seq: int) -> str:
    """Give the query of one decision."""
    return f"SELECT * FROM neraca.decisions WHERE seq = {seq}"


def checks(report: Cutover) -> Iterator[Check]:
    """Give every check of that report."""
    total = report.total
    yield Check("position", "SELECT DISTINCT seq FROM neraca.projection_positions", [(report.position.seq,)])
    yield Check(
        "outcomes",
        "SELECT outcome, count(*) FROM neraca.decisions GROUP BY outcome",
        list(report.outcomes.items()),
    )
    yield Check(
        "summary",
        "SELECT in_process_at_closure, reregistered, departed_late, departed_late_after_reregistering,\n"
        "       not_moved, departed_in_time, cancelled\nFROM neraca.cutover_summary",
        [
            (
                total.in_process,
                total.reregistered,
                total.departed_late,
                total.voided,
                total.not_moved,
                total.departed_in_time,
                total.cancelled,
            )
        ],
    )
    yield Check(
        "units",
        "SELECT units_restored, units_forfeited, units_released, units_stranded\nFROM neraca.cutover_summary",
        [(total.restored, total.forfeited, total.released, total.stranded)],
    )
    yield from _of_groups(report)
    yield from _over_time(report)
    yield from _of_stages(report)
    yield from _of_reasons(report)
    yield from _of_decisions(report)


def _of_groups(report: Cutover) -> Iterator[Check]:
    for name, column in (("agency", "agency_id"), ("destination", "destination")):
        yield Check(
            f"by_{name}",
            f"SELECT {column}, sum(in_process_at_closure)::bigint, sum(reregistered)::bigint,\n"
            "       sum(departed_late)::bigint, sum(units_restored)::bigint, sum(units_forfeited)::bigint,\n"
            "       sum(units_released)::bigint, sum(units_stranded)::bigint\n"
            f"FROM neraca.cutover_units GROUP BY {column}",
            [_group_row(key, tally) for key, tally in report.groups[name].items()],
        )
    offices = (
        "CASE WHEN r.registered_by_office_code ~ '^(BP3MI|LTSA|DINAS)-[A-Z]+(-[0-9]+)?$'\n"
        "            THEN split_part(r.registered_by_office_code, '-', 2)\n"
        "            ELSE 'office:' || r.registered_by_office_code END"
    )
    for name, column in (("province", offices), ("scheme", "r.scheme")):
        yield Check(
            f"by_{name}",
            f"SELECT {column},\n"
            "       count(*) FILTER (WHERE r.status IN ('open', 'reregistered') OR r.departed_late),\n"
            "       count(*) FILTER (WHERE r.status = 'reregistered'"
            " OR r.departed_late AND r.reregistered_as IS NOT NULL),\n"
            "       count(*) FILTER (WHERE r.departed_late),\n"
            "       count(*) FILTER (WHERE r.unit_state = 'restored'),\n"
            "       count(*) FILTER (WHERE r.unit_state = 'forfeited'),\n"
            "       count(*) FILTER (WHERE r.unit_state = 'released'),\n"
            "       count(*) FILTER (WHERE r.status = 'open' AND r.unit_state = 'held'"
            " AND p.journal_at >= p.closure)\n"
            f"FROM neraca.registrations r, neraca.policy_in_force p\nWHERE {_OLD}\nGROUP BY 1",
            [_group_row(key, tally) for key, tally in report.groups[name].items()],
        )


def _group_row(key: str | None, tally: Tally) -> tuple[str | int | None, ...]:
    return (
        key,
        tally.in_process,
        tally.reregistered,
        tally.departed_late,
        tally.restored,
        tally.forfeited,
        tally.released,
        tally.stranded,
    )


def _over_time(report: Cutover) -> Iterator[Check]:
    yield Check(
        "days",
        f"SELECT ({_WIB_DAY.format('d.occurred_at')} - date '1970-01-01'),\n"
        "       count(*) FILTER (WHERE d.kind = 'registered' AND d.system = 'SISKOTKLN'),\n"
        "       count(*) FILTER (WHERE d.kind = 'registered' AND d.system = 'SIAPKERJA'),\n"
        "       count(*) FILTER (WHERE d.kind = 'departed' AND d.system = 'SISKOTKLN'),\n"
        "       count(*) FILTER (WHERE d.kind = 'departed' AND d.system = 'SISKOP2MI')\n"
        "FROM neraca.decisions d\n"
        "WHERE d.outcome = 'ACCEPTED' AND d.kind IN ('registered', 'departed')\nGROUP BY 1",
        [
            (
                day.day,
                day.registered_old,
                day.registered_new + day.reregistered,
                day.departed_old,
                day.departed_new,
            )
            for day in report.days
            if day.registered_old
            + day.registered_new
            + day.reregistered
            + day.departed_old
            + day.departed_new
        ],
    )
    yield Check(
        "progress",
        "SELECT (day - date '1970-01-01'), reregistered, departed_late, units_restored, units_forfeited,\n"
        "       units_released, voided_since\nFROM neraca.cutover_progress\n"
        "WHERE reregistered + departed_late + units_released > 0",
        [
            (
                day.day,
                day.reregistered,
                day.departed_late,
                day.restored,
                day.forfeited,
                day.released,
                day.voided,
            )
            for day in report.days
            if day.reregistered + day.departed_late + day.released
        ],
    )


def _of_stages(report: Cutover) -> Iterator[Check]:
    reached = ",\n       ".join(f"count(*) FILTER (WHERE r.{stage}_at < p.closure)" for stage in STAGES)
    yield Check(
        "reached",
        f"SELECT {reached}\nFROM neraca.registrations r, neraca.policy_in_force p\nWHERE {_OLD}",
        [tuple(row.reached for row in report.funnel)],
    )
    decided = ", ".join(f"('{stage}', r.{stage}_seq)" for stage in STAGES)
    yield Check(
        "stood",
        "SELECT s.stage, count(*),\n"
        "       count(*) FILTER (WHERE r.departed_late),\n"
        "       count(*) FILTER (WHERE r.status = 'reregistered'),\n"
        "       count(*) FILTER (WHERE r.status = 'open')\n"
        "FROM neraca.registrations r, neraca.policy_in_force p, LATERAL (\n"
        f"    SELECT stage FROM (VALUES {decided}) AS stages (stage, seq)\n"
        "    WHERE stages.seq IS NOT NULL ORDER BY stages.seq DESC LIMIT 1) s\n"
        f"WHERE {_OLD} AND (r.status IN ('open', 'reregistered') OR r.departed_late)\nGROUP BY s.stage",
        [
            (row.stage, row.stood, row.departed_late, row.moved, row.not_moved)
            for row in report.funnel
            if row.stood
        ],
    )
    yield Check(
        "again",
        "SELECT n.status, count(*)\nFROM neraca.registrations r\n"
        "JOIN neraca.registrations n ON n.registration_id = r.reregistered_as, neraca.policy_in_force p\n"
        f"WHERE {_OLD} AND r.status = 'reregistered'\nGROUP BY n.status",
        list(report.again.items()),
    )


def _of_reasons(report: Cutover) -> Iterator[Check]:
    reasons: dict[tuple[str, str | None], list[int]] = {}
    for (name, code), count in report.total.reasons.items():
        reasons[name, code] = [count, report.total.stranded_reasons[Reason(name, code)]]
    yield Check(
        "reasons",
        # As the rules judge: by what had occurred, not by what was decided last.
        "WITH then_ AS (\n"
        "    SELECT * FROM neraca.reference_as_of((SELECT journal_at FROM neraca.policy_in_force)))\n"
        "SELECT CASE WHEN h.person_id IS NOT NULL THEN 'on_hold'\n"
        "            WHEN a.code IS NOT NULL THEN 'refused'\n"
        "            WHEN o.code IS NOT NULL THEN 'other_refused'\n"
        "            WHEN (m.state->>'revoked')::boolean THEN 'permit_revoked'\n"
        f"            WHEN {_WIB_DAY.format('p.journal_at')} NOT BETWEEN\n"
        "                 (m.state->>'valid_from')::date AND (m.state->>'valid_to')::date"
        " THEN 'permit_not_valid'\n"
        "            WHEN g.state->>'status' = 'suspended' THEN 'agency_suspended'\n"
        "            WHEN c.state->>'status' = 'closed' THEN 'destination_closed'\n"
        "            WHEN r.unit_state <> 'held' AND q.available < 1 THEN 'line_full'\n"
        "            ELSE 'not_come' END,\n"
        "       CASE WHEN h.person_id IS NULL THEN coalesce(a.code, o.code) END,\n"
        "       count(*), count(*) FILTER (WHERE r.unit_state = 'held')\n"
        "FROM neraca.registrations r\n"
        "JOIN neraca.policy_in_force p ON p.journal_at >= p.closure\n"
        "LEFT JOIN neraca.people_on_hold h ON h.person_id = r.person_id\n"
        "LEFT JOIN LATERAL (\n"
        "    SELECT d.code FROM neraca.decisions d\n"
        "    WHERE d.person_id = r.person_id AND d.outcome = 'REFUSED' AND d.kind = 'registered'\n"
        "    AND d.system = 'SIAPKERJA' AND d.occurred_at >= p.closure\n"
        "    ORDER BY d.seq DESC LIMIT 1) a ON true\n"
        "LEFT JOIN LATERAL (\n"
        "    SELECT d.code FROM neraca.decisions d\n"
        "    WHERE d.registration_id = r.registration_id AND d.outcome = 'REFUSED'\n"
        "    AND d.system = 'SISKOTKLN' AND d.entered_at >= p.closure\n"
        "    ORDER BY d.seq DESC LIMIT 1) o ON true\n"
        "LEFT JOIN then_ m ON m.thing = 'permit' AND m.id = r.unit_permit_id AND r.scheme = 'P_TO_P'\n"
        "LEFT JOIN then_ g ON g.thing = 'agency' AND g.id = m.state->>'agency_id'\n"
        "LEFT JOIN then_ c ON c.thing = 'destination' AND c.id = m.state->>'destination'\n"
        "LEFT JOIN neraca.quota_balances q ON q.permit_id = m.id AND q.line = r.unit_line\n"
        f"WHERE {_OLD} AND r.status = 'open'\nGROUP BY 1, 2",
        [(*reason, *counts) for reason, counts in reasons.items()],
    )


def _of_decisions(report: Cutover) -> Iterator[Check]:
    yield Check(
        "refusals",
        "SELECT d.code, d.system, count(*) FROM neraca.decisions d\n"
        "WHERE d.outcome = 'REFUSED' GROUP BY d.code, d.system",
        [(one.code, one.system, one.before + one.after) for one in report.refusals],
    )
    since = "d.entered_at >= p.closure"
    until = "d.occurred_at < p.closure"
    attempt = "d.kind = 'registered' AND d.system = 'SIAPKERJA' AND d.occurred_at >= p.closure"
    conditions = {
        "late_departure": "d.outcome = 'ACCEPTED' AND d.late",
        "late_refused": "d.outcome = 'REFUSED' AND d.kind = 'departed' AND d.system = 'SISKOTKLN'"
        f" AND {until} AND {since}",
        "conflicting_departures": "d.code = 'CONFLICTING_DEPARTURES'",
        "entered_in_closed_system": "d.code = 'SYSTEM_CLOSED'",
        "entered_long_after": "d.outcome = 'ACCEPTED' AND d.entered_at > d.occurred_at + interval '7 days'",
        "moved_twice": f"d.code = 'OPEN_REGISTRATION_EXISTS' AND {attempt}",
        "person_held": "d.outcome = 'ACCEPTED' AND d.kind = 'person_held'",
        "refused_on_hold": "d.code = 'PERSON_ON_HOLD'",
        "reassigned": "d.outcome = 'ACCEPTED' AND d.kind = 'registration_reassigned'",
        "no_unit_left": f"d.code = 'QUOTA_EXHAUSTED' AND {attempt}",
        "id_reused": "d.code = 'ACTION_ID_REUSED'",
        "duplicate": "d.outcome = 'DUPLICATE'",
        "unreadable": "d.outcome = 'UNREADABLE'",
    }
    counts = {anomaly.name: anomaly.count for anomaly in report.anomalies}
    columns = ",\n       ".join(
        f"count(*) FILTER (WHERE {text}) AS {name}" for name, text in conditions.items()
    )
    yield Check(
        "anomalies",
        f"SELECT {columns}\nFROM neraca.decisions d, neraca.policy_in_force p",
        [tuple(counts[name] for name in conditions)],
    )
    yield Check("held", "SELECT count(*) FROM neraca.people_on_hold", [(report.held,)])
    yield Check(
        "trial_balance",
        "SELECT account, balances FROM neraca.trial_balance WHERE difference = 0",
        _accounts(report),
    )


def _accounts(report: Cutover) -> Answer:
    sums = [0] * 5
    for balance in report.balances.values():
        for place, units in enumerate(balance):
            sums[place] += units
    granted, *others = sums
    return [
        ("granted", -granted),
        *zip(("available", "reserved", "departed", "forfeited"), others, strict=True),
    ]
