"""A hand-made history with every state, reason and path of the report in it, and a journal as a source."""

from __future__ import annotations

from collections.abc import Iterator

from audit.source import Extent, RecordedAction
from tests.ledger.story import (
    Json,
    Story,
    agency,
    extended,
    held,
    hq,
    late_departure,
    new,
    old,
    permit,
    ready,
    released,
    revoked,
    step,
    through,
)


class Journal:
    """Decisions in memory, as a source of the audit."""

    name = "a journal in memory"

    def __init__(self, values: list[bytes], batch: int = 7) -> None:
        self._values = values
        self._batch = batch

    def extent(self) -> Extent:
        """How many there are."""
        return Extent(decisions=len(self._values), actions=0)

    def decisions(self) -> Iterator[list[bytes]]:
        """The decisions, a few at a time."""
        for start in range(0, len(self._values), self._batch):
            yield self._values[start : start + self._batch]

    def actions(self) -> Iterator[list[RecordedAction]]:
        """None: the report does not read them."""
        yield from ()


NTB = {"type": "BP3MI", "code": "BP3MI-NTB"}
JATIM = {"type": "LTSA", "code": "LTSA-JATIM-2"}
ELSEWHERE = {"type": "DINAS", "code": "KAB-07"}


def _by(office: Json, action: Json) -> Json:
    return {**action, "office": office}


def _before() -> list[Json]:
    """Tell what stands before anybody registers: agencies, and permits that end differently."""
    return [
        agency(),
        agency("A-2"),
        agency("A-3"),
        permit("S-1", 20),
        permit("S-2", 5, valid=("2023-01-01", "2023-07-20")),
        permit("S-3", 5),
        permit("S-4", 5, valid=("2023-01-01", "2023-07-18")),
        permit("S-5", 5, agency_id="A-2", destination="HK"),
        permit("S-6", 1),
        permit("S-7", 5, agency_id="A-3", destination="MY"),
    ]


def _registrations() -> list[Json]:
    """Register twenty people in SISKOTKLN, and take some of them further."""
    other = {"agency_id": "A-2", "destination": "HK"}
    closing = {"agency_id": "A-3", "destination": "MY"}
    return [
        _by(NTB, old("R-gone", "p-gone")),
        _by(NTB, old("R-cancelled", "p-cancelled")),
        _by(NTB, old("R-moved", "p-moved")),
        _by(JATIM, old("R-moved-line", "p-moved-line")),
        _by(JATIM, old("R-extended", "p-extended", "S-4/1")),
        _by(JATIM, old("R-expired", "p-expired", "S-2/1")),
        _by(ELSEWHERE, old("R-revoked", "p-revoked", "S-3/1")),
        _by(NTB, old("R-g", "p-g", None, scheme="G_TO_G", destination="KR")),
        _by(NTB, old("R-late", "p-late")),
        _by(NTB, old("R-late-moved", "p-late-moved")),
        _by(NTB, old("R-late-forfeited", "p-late-forfeited", "S-2/1")),
        _by(NTB, old("R-hold", "p-hold")),
        _by(JATIM, old("R-refused", "p-refused")),
        _by(JATIM, old("R-closed", "p-closed")),
        _by(JATIM, old("R-no-evidence", "p-no-evidence")),
        _by(JATIM, old("R-stuck-revoked", "p-stuck-revoked", "S-3/1")),
        _by(ELSEWHERE, old("R-stuck-expired", "p-stuck-expired", "S-2/1")),
        _by(ELSEWHERE, old("R-stuck-suspended", "p-stuck-suspended", "S-5/1", **other)),
        _by(ELSEWHERE, old("R-stuck-closed", "p-stuck-closed", "S-7/1", **closing)),
        _by(NTB, old("R-full", "p-full", "S-6/1")),
        _by(NTB, old("R-asleep", "p-asleep")),
        _by(NTB, old("R-asleep-g", "p-asleep-g", None, scheme="INDIVIDUAL", destination="JP")),
        *ready("R-gone"),
        step("departed", "R-gone", "2023-05-02 08:00"),
        step("cancelled", "R-cancelled", "2023-05-03 08:00"),
        *through("documents_fulfilled", "R-moved"),
        *ready("R-late"),
        *ready("R-late-moved"),
        *ready("R-late-forfeited"),
        *ready("R-no-evidence"),
        new("N-young", "p-young", None, at="2023-04-03 09:00"),
    ]


def _after() -> list[Json]:
    """Close SISKOTKLN, and let everybody do something else."""
    return [
        new("N-moved", "p-moved"),
        new("N-moved-line", "p-moved-line", "S-3/1", at="2023-07-17 10:00"),
        revoked("S-3", "2023-07-18 08:00"),
        extended("S-4", "2023-12-31", "2023-07-19 09:00"),
        new("N-extended", "p-extended", "S-4/1", at="2023-07-20 09:00"),
        new("N-expired", "p-expired", at="2023-07-21 09:00"),
        new("N-revoked", "p-revoked", at="2023-07-21 10:00"),
        new("N-g", "p-g", None, scheme="G_TO_G", destination="KR", at="2023-07-21 11:00"),
        new("N-late-moved", "p-late-moved", at="2023-07-17 11:00"),
        new("N-late-forfeited", "p-late-forfeited", at="2023-07-22 09:00"),
        late_departure("R-late"),
        late_departure("R-late-moved", entered="2023-07-24 10:00"),
        late_departure("R-late-forfeited", entered="2023-07-26 10:00"),
        held("p-hold", "2023-07-25 09:00"),
        released("R-full", "2023-08-01 10:00"),
        new("N-takes-the-last", "p-other", "S-6/1", at="2023-08-02 10:00"),
        step("documents_verified", "N-takes-the-last", "2023-08-02 11:00", system="SIAPKERJA"),
        step("agreement_signed", "N-takes-the-last", "2023-08-02 12:00", system="SIAPKERJA", line="S-6/1"),
        step("documents_verified", "N-moved", "2023-08-03 10:00", system="SIAPKERJA"),
        step("cancelled", "N-expired", "2023-08-04 10:00", system="SIAPKERJA"),
        hq("agency_suspended", "2023-08-05 09:00", agency_id="A-2"),
        hq("agency_reinstated", "2023-08-06 09:00", agency_id="A-2"),
        hq("destination_closed", "2023-08-06 10:00", destination="MY"),
    ]


def _refused() -> list[Json]:
    """Try what is refused: each is the reason, or the anomaly, of somebody."""
    return [
        new("N-refused", "p-refused", "S-2/1", at="2023-08-07 09:00"),
        new("N-again", "p-moved", at="2023-08-07 10:00"),
        new("N-hold", "p-hold", at="2023-08-07 11:00"),
        step("documents_verified", "R-closed", "2023-08-07 12:00"),
        step("departed", "R-no-evidence", "2023-07-16 20:00", entered="2023-08-07 13:00"),
        new("N-full", "p-someone", "S-6/1", at="2023-08-07 14:00"),
        step("documents_verified", "N-full", "2023-08-07 15:00", system="SIAPKERJA"),
        step("agreement_signed", "N-full", "2023-08-07 16:00", system="SIAPKERJA", line="S-6/1"),
    ]


def story() -> Story:
    """Tell it all; the ledger and the oracle agree on every decision."""
    it = Story(*_before(), *_registrations(), *_after())
    for action in _refused():
        it.tell(action)
    it.given(hq("agency_suspended", "2023-08-08 09:00", agency_id="A-2"))
    it.tell_unreadable()
    it.tell({**it.told[0], "entered_at": "2023-08-09T10:00:00+07:00"} if it.told[0] else {})
    return it


def told() -> list[bytes]:
    """Give the story's journal."""
    return story().journal
