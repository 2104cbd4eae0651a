"""The figures of the cutover: by hand on a story, plainly on a workload, and where they stop."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from audit.report import Cutover, Until, gather
from audit.report.gather import WrongFirstPolicy
from audit.report.provinces import PROVINCES, province_of
from audit.tlog.merkle import leaf_hash, root_of
from producers.workload.nation import PROVINCES as WORKLOAD_PROVINCES
from schemas.codec import decode_decision
from schemas.errors import JournalMismatch
from schemas.policy_json import parse_policy
from schemas.strict_json import compact
from tests.audit.report_stories import Journal, story, told
from tests.ledger.oracle import DEFAULT_POLICY
from tests.ledger.story import Story, agency, held, new, old, permit, policy, ready, reassigned
from tests.projections.naive import fold
from tests.projections.told import journal

_TALLY = (
    "registered",
    "departed_in_time",
    "cancelled",
    "in_process",
    "departed_late",
    "voided",
    "eligible",
    "moved",
    "not_moved",
    "restored",
    "forfeited",
    "released",
    "stranded",
    "late_units",
    "units_at_closure",
)


@pytest.fixture(scope="module")
def of_story() -> Cutover:
    """The report of the hand-made story."""
    return gather(Journal(told()))


def _counts(report: Cutover) -> dict[str, int]:
    return {name: getattr(report.total, name) for name in _TALLY}


def test_candidates_and_units_of_the_story(of_story: Cutover) -> None:
    """Twenty-two registrations, each in one state; eighteen units, each accounted for."""
    assert {
        "registered": 22,
        "departed_in_time": 1,
        "cancelled": 1,
        "in_process": 20,
        "departed_late": 3,
        "voided": 2,
        "eligible": 17,
        "moved": 6,
        "not_moved": 11,
        "restored": 3,
        "forfeited": 2,
        "released": 1,
        "stranded": 9,
        "late_units": 3,
        "units_at_closure": 18,
    } == _counts(of_story)


def test_reasons_of_the_story(of_story: Cutover) -> None:
    """Everybody who has not moved has one reason, by name; the first that holds wins."""
    assert {
        "R-hold": ("on_hold", None),
        "R-refused": ("refused", "PERMIT_NOT_VALID"),
        "R-closed": ("other_refused", "SYSTEM_CLOSED"),
        "R-no-evidence": ("other_refused", "EVIDENCE_MISSING"),
        "R-stuck-revoked": ("permit_revoked", None),
        "R-stuck-expired": ("permit_not_valid", None),
        "R-stuck-suspended": ("agency_suspended", None),
        "R-stuck-closed": ("destination_closed", None),
        "R-full": ("line_full", None),
        "R-asleep": ("not_come", None),
        "R-asleep-g": ("not_come", None),
    } == {one.registration_id: tuple(one.reason) for one in of_story.unmoved}
    without_unit = {one.registration_id for one in of_story.unmoved if one.permit_id is None}
    assert {"R-full", "R-asleep-g"} == without_unit
    assert of_story.total.stranded_reasons.total() == of_story.total.stranded


def test_units_of_the_story_and_why(of_story: Cutover) -> None:
    """Restored, forfeited, and departed late: each for its reason, from its account, onto its line."""
    assert {"valid": 2, "valid_extended": 1} == of_story.restored
    assert {"expired": 1, "revoked": 1} == of_story.forfeited
    assert {"same_line": 2, "same_agency": 3, "none": 1} == of_story.taken
    assert {"reserved": 1, "available": 1, "forfeited": 1} == of_story.late_paths


def test_stages_of_the_story(of_story: Cutover) -> None:
    """What was passed before T_0, where those in process stood, and what the moved have passed again."""
    rows = {
        row.stage: (row.reached, row.stood, row.departed_late, row.moved, row.not_moved, row.again)
        for row in of_story.funnel
    }
    assert {
        "registered": (22, 15, 0, 5, 10, 6),
        "documents_verified": (6, 0, 0, 0, 0, 1),
        "candidate_id_issued": (6, 0, 0, 0, 0, 0),
        "agreement_signed": (6, 0, 0, 0, 0, 0),
        "documents_fulfilled": (6, 1, 0, 1, 0, 0),
        "orientation_completed": (5, 0, 0, 0, 0, 0),
        "biometrics_registered": (5, 4, 3, 0, 1, 0),
    } == rows
    assert {"open": 5, "cancelled": 1} == of_story.again


def test_groups_of_the_story(of_story: Cutover) -> None:
    """By province of the office that registered, an unknown code as it stands; by agency, none as none."""
    provinces = {key: (tally.in_process, tally.moved) for key, tally in of_story.groups["province"].items()}
    assert {"NTB": (9, 2), "JATIM": (7, 3), "office:KAB-07": (4, 1)} == {
        key: value for key, value in provinces.items() if value != (0, 0)
    }
    agencies = {key: tally.not_moved for key, tally in of_story.groups["agency"].items()}
    assert {"A-1": 8, "A-2": 1, "A-3": 1, None: 1} == agencies
    for groups in of_story.groups.values():
        assert _counts(of_story) == {
            name: sum(getattr(tally, name) for tally in groups.values()) for name in _TALLY
        }


def test_anomalies_of_the_story(of_story: Cutover) -> None:
    """Each of them is counted once, and the decision behind it is named."""
    assert {
        "late_departure": 3,
        "late_after_moving": 2,
        "late_refused": 1,
        "entered_in_closed_system": 1,
        "entered_long_after": 2,
        "moved_twice": 1,
        "person_held": 1,
        "refused_on_hold": 1,
        "duplicate": 1,
        "unreadable": 1,
    } == {anomaly.name: anomaly.count for anomaly in of_story.anomalies if anomaly.count}
    (late_refused,) = (one for one in of_story.anomalies if one.name == "late_refused")
    assert ["R-no-evidence"] == [event.registration_id for event in late_refused.events]
    assert 1 == of_story.held
    assert 0 == of_story.outside


def test_days_of_the_story(of_story: Cutover) -> None:
    """Re-registrations count on their day, late departures on the day of entry; voided ones are told."""
    days = {
        day.day: (day.reregistered, day.restored, day.voided, day.departed_late, day.departed_old)
        for day in of_story.days
    }
    seventeenth = 19_555  # 17 July 2023
    assert (3, 2, 1, 0, 0) == days[seventeenth]
    assert (0, 0, 0, 1, 0) == days[seventeenth + 1]
    assert (0, 0, 0, 0, 3) == days[seventeenth - 1]
    assert 8 == sum(day.reregistered for day in of_story.days)
    assert 1 == sum(day.released for day in of_story.days)


def _plainly(values: list[bytes]) -> dict[str, Any]:
    """Count once more, from the plain fold over the decisions that the read models are tested with."""
    tables = fold(values)
    decisions = [decode_decision(value) for value in values]
    journal_at = max(d.entered_at or 0 for d in decisions if d.outcome == "ACCEPTED")
    last_policy = max(tables["policies"].values(), key=lambda row: row["seq"])
    rows = [
        row
        for row in tables["registrations"].values()
        if row["system"] == "SISKOTKLN" and row["registered_at"] < last_policy["registration_limit"]
    ]
    status = Counter("late" if row["departed_late"] else row["status"] for row in rows)
    units = Counter(row["unit_state"] for row in rows)
    unmoved = [row for row in rows if row["status"] == "open"]
    return {
        "registered": len(rows),
        "departed_in_time": status["departed"],
        "cancelled": status["cancelled"],
        "departed_late": status["late"],
        "moved": status["reregistered"],
        "not_moved": status["open"],
        "restored": units["restored"],
        "forfeited": units["forfeited"],
        "released": units["released"],
        "stranded": sum(row["unit_state"] == "held" for row in unmoved),
        "journal_at": journal_at,
        "by_destination": Counter(row["destination"] for row in unmoved),
        "by_office": Counter(row["registered_by_office_code"] for row in unmoved),
        "on_hold": sum((row["person_id"],) in tables["people_on_hold"] for row in unmoved),
        "refusals": Counter((d.code, d.system) for d in decisions if d.outcome == "REFUSED"),
        "registrations": sum(d.kind == "registered" and d.outcome == "ACCEPTED" for d in decisions),
        "departures": sum(d.kind == "departed" and d.outcome == "ACCEPTED" for d in decisions),
    }


def test_a_workload_counted_plainly() -> None:
    """On a seeded history, a count that shares no code with the report gives the same numbers."""
    values = journal(600, 11)
    report, plain = gather(Journal(values, batch=1000)), _plainly(values)
    total = report.total
    names = (
        "registered",
        "departed_in_time",
        "cancelled",
        "departed_late",
        "moved",
        "not_moved",
        "restored",
        "forfeited",
        "released",
        "stranded",
    )
    assert {name: plain[name] for name in names} == {name: getattr(total, name) for name in names}
    assert min(total.moved, total.not_moved, total.restored, total.stranded, total.departed_late) > 0
    assert plain["journal_at"] == report.position.journal_at
    assert plain["by_destination"] == Counter(one.destination for one in report.unmoved)
    assert plain["by_office"] == Counter(one.office for one in report.unmoved)
    assert plain["on_hold"] == sum(one.reason.name == "on_hold" for one in report.unmoved)
    assert plain["refusals"] == {(one.code, one.system): one.before + one.after for one in report.refusals}
    assert plain["registrations"] == sum(
        day.registered_old + day.registered_new + day.reregistered for day in report.days
    )
    assert plain["departures"] == sum(day.departed_old + day.departed_new for day in report.days)


def test_identities_hold_at_every_seq() -> None:
    """Wherever the journal is cut, the states add up, and every unit held at T_0 is in one place."""
    values = told()
    for seq in range(-1, len(values)):
        report = gather(Journal(values), until=Until(seq=seq))
        total = report.total
        assert seq == report.position.seq
        assert total.registered == total.departed_in_time + total.cancelled + total.in_process
        assert total.eligible == total.moved + total.not_moved
        assert len(report.unmoved) == (total.not_moved if report.position.has_closed else 0)
        assert total.reasons.total() == len(report.unmoved)
        assert sum(report.restored.values()) == total.restored
        assert sum(report.forfeited.values()) == total.forfeited
        assert sum(count for path, count in report.late_paths.items() if path != "none") == total.late_units
        assert sum(row.stood for row in report.funnel) == total.in_process
        for granted, *accounts in report.balances.values():
            assert granted == sum(accounts)


def test_it_stops_where_it_is_asked_to() -> None:
    """After a seq, or before the first decision recorded later, it tells what the shorter journal tells."""
    values = told()
    cut = 60
    assert gather(Journal(values[: cut + 1])) == gather(Journal(values), until=Until(seq=cut))
    recorded_at = decode_decision(values[cut]).recorded_at
    assert recorded_at is not None
    first_later = next(
        seq for seq, value in enumerate(values) if (decode_decision(value).recorded_at or 0) > recorded_at
    )
    assert gather(Journal(values[:first_later])) == gather(
        Journal(values, batch=3), until=Until(recorded_at=recorded_at)
    )
    assert gather(Journal(values)) == gather(Journal(values), until=Until(seq=10_000))


def test_where_it_stands_can_be_checked() -> None:
    """The root is that of RFC 6962 over the decisions' bytes up to that seq; the hash is the last one's."""
    values = told()
    position = gather(Journal(values), until=Until(seq=40)).position
    assert root_of([leaf_hash(value) for value in values[:41]]).hex() == position.root
    assert decode_decision(values[41]).previous_sha256.hex() == position.sha256


def test_a_journal_that_does_not_hold_together_gives_no_report() -> None:
    """A decision left out, or another first policy than the one that is assumed, is said and not counted."""
    values = told()
    with pytest.raises(JournalMismatch):
        gather(Journal(values[:30] + values[31:]))
    other = {**DEFAULT_POLICY, "version": "P-0"}
    under_another = Story(agency(), permit(), old(), policy=other)
    with pytest.raises(WrongFirstPolicy):
        gather(Journal(under_another.journal))
    report = gather(Journal(under_another.journal), policy=parse_policy(compact(other)))
    assert "P-0" == report.position.policy


def test_the_policy_adopted_last_sets_the_closure() -> None:
    """T_0 is that of the policy in force: a closure that lies ahead leaves nobody stranded."""
    it = story()
    it.given(policy(at="2023-08-10 09:00", closure="2023-10-01T00:00:00+07:00"))
    report = gather(Journal(it.journal))
    assert not report.position.has_closed
    assert (0, []) == (report.total.stranded, report.unmoved)


def test_a_corrected_registration_counts_for_whom_it_is() -> None:
    """A registration given to somebody else has the reason of who has it now, and is told as corrected."""
    it = Story(agency(), permit(), old(), held(at="2023-07-20 09:00"))
    assert ["on_hold"] == [one.reason.name for one in gather(Journal(it.journal)).unmoved]
    it.given(reassigned(at="2023-07-21 09:00"))
    report = gather(Journal(it.journal))
    assert ["not_come"] == [one.reason.name for one in report.unmoved]
    (corrected,) = (one for one in report.anomalies if one.name == "reassigned")
    assert ["R-1"] == [event.registration_id for event in corrected.events]


def test_who_brings_a_unit_finds_no_full_line() -> None:
    """A full line is no obstacle to who holds its last unit; a refusal dated before T_0 is no attempt."""
    it = Story(agency(), permit(units=1), old())
    assert "OPEN_REGISTRATION_EXISTS" == it.tell(new(at="2023-05-01 10:00"))["code"]
    it.given(agency("A-later", at="2023-07-18 09:00"))
    assert ["not_come"] == [one.reason.name for one in gather(Journal(it.journal)).unmoved]
    assert "PERMIT_HELD_BY_OTHER" == it.tell(new(at="2023-07-19 10:00", agency_id="A-later"))["code"]
    assert [("refused", "PERMIT_HELD_BY_OTHER")] == [
        tuple(one.reason) for one in gather(Journal(it.journal)).unmoved
    ]


def test_another_policy_moves_the_bounds() -> None:
    """With T_R and T_0 earlier, later registrations are outside, and later stages not passed before T_0."""
    it = Story(agency(), permit(units=3), old(), old("R-out", "p-2", at="2023-02-10 10:00"), *ready())
    it.given(
        policy(
            at="2023-03-02 09:00",
            registration_limit="2023-02-05T00:00:00+07:00",
            closure="2023-02-20T00:00:00+07:00",
            restoration=False,
        )
    )
    report = gather(Journal(it.journal))
    assert (1, 1) == (report.total.registered, report.outside)
    assert [1, 0, 0, 0, 0, 0, 0] == [row.reached for row in report.funnel]
    it.given(new(at="2023-03-05 10:00"))
    assert {"policy": 1} == gather(Journal(it.journal)).forfeited


def test_provinces_of_offices() -> None:
    """Every office of the workload has its province; a code of another form is never guessed."""
    for province in WORKLOAD_PROVINCES.things:
        for office in province.offices.things:
            assert province.code == province_of(office.code)
            assert province.code in PROVINCES
    for code in ("KAB-07", "BP3MI-NTB-", "BP3MI-ATLANTIS", "LTSA-NTB-X", "bp3mi-ntb", ""):
        assert f"office:{code}" == province_of(code)
