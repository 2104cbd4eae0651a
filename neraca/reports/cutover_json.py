"""The report of the cutover as one JSON object: the same figures, named as in `audit.report`, in no language.

Instants are RFC 3339 in UTC, days ISO dates in WIB. What each name counts: docs/report.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import TextIO

from audit.report import Anomaly, Cutover, Day, Stranded, Tally
from audit.report.checks import checks
from audit.report.provinces import OFFICE
from neraca.reports.cutover_extract import ExtractSummary

Json = dict[str, object]


def write_json(report: Cutover, target: TextIO, extract: ExtractSummary | None = None) -> None:
    """Write the object, a member a line, and the long lists an element a line."""
    separator = "{"
    for name, value in _members(report, extract):
        target.write(f'{separator}\n"{name}": ')
        if isinstance(value, list):
            target.write("[" + ",\n  ".join(json.dumps(one, ensure_ascii=False) for one in value) + "]")
        else:
            target.write(json.dumps(value, ensure_ascii=False))
        separator = ","
    target.write("\n}\n")


def _members(report: Cutover, extract: ExtractSummary | None) -> Iterator[tuple[str, object]]:
    position = report.position
    yield (
        "position",
        {
            "source": position.source,
            "seq": position.seq,
            "root": position.root,
            "sha256": position.sha256,
            "journal_at": None if position.journal_at is None else _instant(position.journal_at),
            "has_closed": position.has_closed,
            "policy": position.policy,
            "registration_limit": _instant(position.registration_limit),
            "closure": _instant(position.closure),
        },
    )
    yield "outcomes", report.outcomes
    yield "total", _tally(report.total)
    for dimension, groups in report.groups.items():
        yield (
            f"by_{dimension}",
            [
                {**_key(dimension, key), **_tally(groups[key])}
                for key in sorted(groups, key=lambda key: key or "")
            ],
        )
    yield "days", [_day(day) for day in report.days]
    yield "stages", [asdict(row) for row in report.funnel]
    yield "new_registrations", report.again
    yield (
        "units",
        {
            "held_at_closure": report.total.units_at_closure,
            "restored": report.restored,
            "forfeited": report.forfeited,
            "stranded": _reasons(report.total, of_units=True),
            "released": report.total.released,
            "departed_late": report.late_paths,
            "taken_again": report.taken,
        },
    )
    yield "reasons", _reasons(report.total, of_units=False)
    yield "not_moved", [_unmoved(one) for one in report.unmoved]
    yield "refusals", [one._asdict() for one in report.refusals]
    yield "anomalies", [_anomaly(anomaly) for anomaly in report.anomalies]
    yield "on_hold", report.held
    yield "outside", report.outside
    yield "extract", None if extract is None else _extract(extract)
    yield (
        "checks",
        [
            {"figure": check.name, "sql": check.sql, "answer": [list(row) for row in check.answer]}
            for check in checks(report)
        ],
    )


def _key(dimension: str, key: str | None) -> Json:
    if dimension == "province" and key is not None and key.startswith(OFFICE):
        return {"province": None, "office": key.removeprefix(OFFICE)}
    return {dimension: key}


def _tally(tally: Tally) -> Json:
    return {
        "registered": tally.registered,
        "departed_in_time": tally.departed_in_time,
        "cancelled": tally.cancelled,
        "in_process": tally.in_process,
        "departed_late": tally.departed_late,
        "voided": tally.voided,
        "eligible": tally.eligible,
        "moved": tally.moved,
        "not_moved": tally.not_moved,
        "units_at_closure": tally.units_at_closure,
        "units_restored": tally.restored,
        "units_forfeited": tally.forfeited,
        "units_released": tally.released,
        "units_stranded": tally.stranded,
        "units_departed_late": tally.late_units,
        "reasons": _reasons(tally, of_units=False),
    }


def _reasons(tally: Tally, *, of_units: bool) -> list[Json]:
    counts = tally.stranded_reasons if of_units else tally.reasons
    return [
        {"reason": reason.name, "code": reason.code, "count": count}
        for reason, count in sorted(
            counts.items(), key=lambda item: (-item[1], item[0].name, item[0].code or "")
        )
    ]


def _day(day: Day) -> Json:
    return {**asdict(day), "day": _date(day.day)}


def _unmoved(one: Stranded) -> Json:
    return {
        **one._asdict(),
        "province": None if one.province.startswith(OFFICE) else one.province,
        "registered_at": _instant(one.registered_at),
        "valid_to": None if one.valid_to is None else _date(one.valid_to),
        "reason": one.reason.name,
        "code": one.reason.code,
    }


def _anomaly(anomaly: Anomaly) -> Json:
    return {
        "anomaly": anomaly.name,
        "count": anomaly.count,
        "decisions": [
            {
                **event._asdict(),
                "occurred_at": None if event.occurred_at is None else _instant(event.occurred_at),
                "entered_at": None if event.entered_at is None else _instant(event.entered_at),
            }
            for event in anomaly.events
        ],
    }


def _extract(extract: ExtractSummary) -> Json:
    return {
        "name": extract.name,
        "is_dry_run": extract.is_dry_run,
        "actions": extract.actions,
        "outcomes": extract.outcomes,
        "defects": dict(extract.defects),
        "lines": extract.lines,
        "differing": [line._asdict() for line in extract.differing],
    }


def _instant(at: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.isoformat().replace("+00:00", "Z")


def _date(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
