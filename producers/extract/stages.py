"""Rows of tahapan.csv: what happened to a registration, when, where, entered when and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from producers.extract import actions
from producers.extract.candidates import Candidate, Candidates
from producers.extract.cells import Cells, Finding
from producers.extract.files import CANDIDATES, STAGES, place_of
from producers.extract.identity import Pseudonyms
from producers.extract.moments import instant_of
from producers.extract.personal import may_be_personal, officer_of, without_personal_data
from producers.extract.reference import Offices
from producers.extract.sink import Sink

# `tahap` in the order of the contract: (rank, kind of action).
REGISTERED: Final = 1
VERIFIED: Final = 2
AGREED: Final = 3
IDENTIFIED: Final = 4
FULFILLED: Final = 5
ORIENTED: Final = 6
FINGERPRINTED: Final = 7
DEPARTED: Final = 8
CANCELLED: Final = 9
TRAINED: Final = 10
NAMES: Final = MappingProxyType(
    {
        REGISTERED: "REGISTRASI",
        VERIFIED: "VERIFIKASI",
        AGREED: "PERJANJIAN",
        IDENTIFIED: "ID CPMI",
        FULFILLED: "PEMENUHAN DOKUMEN",
        ORIENTED: "OPP",
        FINGERPRINTED: "BIOMETRIK",
        DEPARTED: "BERANGKAT",
        CANCELLED: "BATAL",
    }
)
_CHOICES: Final = {name: name for name in NAMES.values()}
_RANKS: Final = MappingProxyType({name: rank for rank, name in NAMES.items()})
_KINDS: Final = MappingProxyType(
    {
        VERIFIED: "documents_verified",
        AGREED: "agreement_signed",
        IDENTIFIED: "candidate_id_issued",
        FULFILLED: "documents_fulfilled",
        ORIENTED: "orientation_completed",
        FINGERPRINTED: "biometrics_registered",
        DEPARTED: "departed",
        CANCELLED: "cancelled",
    }
)
_TEXT_IN_KETERANGAN: Final = frozenset({IDENTIFIED, FINGERPRINTED, CANCELLED})


@dataclass(frozen=True, slots=True)
class Cutover:
    """What of the policy decides which rows are listed: instants in microseconds since 1970, UTC.

    Attributes:
        registration_limit: T_R.
        closure: T_0.
        agreement_not_required: Schemes that need no agreement.

    """

    registration_limit: int
    closure: int
    agreement_not_required: frozenset[str]


class Stages:
    """Turns rows into actions, in the order of the file."""

    def __init__(
        self,
        sink: Sink,
        offices: Offices,
        candidates: Candidates,
        pseudonyms: Pseudonyms,
        cutover: Cutover,
    ) -> None:
        self._sink: Final = sink
        self._offices: Final = offices
        self._candidates: Final = candidates
        self._pseudonyms: Final = pseudonyms
        self._cutover: Final = cutover

    def take(self, row: Cells) -> None:
        """Take a row of tahapan.csv."""
        registration = row.identifier("no_registrasi")
        if registration and may_be_personal(registration) and self._candidates.find(registration) is None:
            row.add(
                "reference_missing",
                "no_registrasi",
                "no row of cpmi.csv that can be used has this registration; not sent, for it may be personal",
            )
            registration = ""
        rank = _RANKS.get(row.choice("tahap", _CHOICES), 0)
        stamp = self._stamp(row)
        evidence = row.text_if_any("bukti")
        if evidence is not None and not any(letter.isalnum() for letter in evidence):
            # A dash says that there is none.
            evidence = None
        text: str | None = None
        if rank in _TEXT_IN_KETERANGAN:
            read = row.text_if_any if rank == CANCELLED else row.identifier_if_any
            text = read("keterangan")
        candidate = None
        if rank in {REGISTERED, AGREED} or text is not None or evidence is not None:
            candidate = self._candidates.find(registration)
        if text is not None:
            text = self._cleaned(row, "keterangan", text, candidate, is_free=rank == CANCELLED)
        if evidence is not None:
            evidence = self._cleaned(row, "bukti", evidence, candidate, is_free=False)
        if rank == REGISTERED and candidate is None and not row.findings:
            row.add("reference_missing", "no_registrasi", "cpmi.csv has no such registration")
        if self._sink.is_useless(STAGES, row, registration_id=registration):
            self._not_usable(registration, rank, row.line)
            return
        if rank == REGISTERED and candidate is not None and candidate.wish is None:
            on = place_of(CANDIDATES, candidate.line)
            self._sink.depends(STAGES, row.line, "no_registrasi", on, registration_id=registration)
            self._not_usable(registration, rank, row.line)
            return
        self._tell(row.line, registration, rank, stamp, evidence)
        avro = self._action(registration, rank, stamp, evidence, text, candidate)
        self._sink.write(
            stamp.occurred_at,
            rank,
            place_of(STAGES, row.line),
            0,
            avro,
            registration=registration,
            office=stamp.office[1] if rank == REGISTERED else None,
        )

    def _stamp(self, row: Cells) -> actions.Stamp:
        occurred_on, occurred = row.day("tanggal"), row.seconds("jam")
        entered_on, entered = row.day("tgl_entri"), row.seconds("jam_entri")
        code = row.raw("kode_kantor")
        officer = row.identifier("petugas")
        office = self._offices.by_code.get(code)
        if office is None:
            reason = "kantor.csv has no such office" if code else "it is empty"
            if code in self._offices.reported:
                reason = "its row in kantor.csv cannot be used"
            row.add("office_unknown", "kode_kantor", reason)
            return actions.Stamp(("", ""), "", 0, 0, 0)
        offset = office.offset_minutes
        return actions.Stamp(
            (office.type, code),
            officer_of(self._pseudonyms, officer),
            instant_of(occurred_on, occurred, offset),
            instant_of(entered_on, entered, offset),
            offset,
        )

    def _cleaned(
        self, row: Cells, column: str, text: str, candidate: Candidate | None, *, is_free: bool
    ) -> str:
        person = None if candidate is None else candidate.person
        marks = None if candidate is None else candidate.marks
        cleaned = without_personal_data(text, self._pseudonyms, person, marks, is_free=is_free)
        if cleaned != text:
            row.remarks.append(Finding("personal_data_in_text", column, "it holds personal data"))
        return cleaned

    def _not_usable(self, registration: str, rank: int, line: int) -> None:
        if registration and rank:
            self._sink.scratch.db.execute(
                "INSERT INTO unusable_stages VALUES (?,?,?)", (registration, rank, place_of(STAGES, line))
            )

    def _tell(
        self, line: int, registration: str, rank: int, stamp: actions.Stamp, evidence: str | None
    ) -> None:
        """Report what the letter makes of the row; it is an action all the same."""
        if rank == REGISTERED and stamp.occurred_at >= self._cutover.registration_limit:
            self._sink.report(
                STAGES,
                line,
                "tanggal",
                "registered_from_limit",
                "it is dated at or after the registration limit",
                is_only_reported=False,
                registration_id=registration,
            )
        elif rank == DEPARTED and stamp.entered_at >= self._cutover.closure and evidence is None:
            self._sink.report(
                STAGES,
                line,
                "bukti",
                "departure_without_evidence",
                "it was entered at or after the closure and names no evidence",
                is_only_reported=False,
                registration_id=registration,
            )

    def _action(
        self,
        registration: str,
        rank: int,
        stamp: actions.Stamp,
        evidence: str | None,
        text: str | None,
        candidate: Candidate | None,
    ) -> bytes:
        wish = None if candidate is None else candidate.wish
        if rank == REGISTERED and wish is not None:
            return actions.registered(registration, stamp, wish, evidence)
        # An empty `keterangan` stands for the registration number (contract §9).
        said = text or registration
        line = None
        if rank == AGREED and wish is not None and wish.permit_id is not None and wish.line is not None:
            line = (wish.permit_id, wish.line)
        return actions.stage(
            _KINDS[rank],
            registration,
            stamp,
            evidence,
            line=line,
            candidate_id=said if rank == IDENTIFIED else None,
            reference=said if rank == FINGERPRINTED else None,
            reason=said if rank == CANCELLED else None,
        )

    def __repr__(self) -> str:
        """Show what it writes to."""
        return f"Stages({self._sink!r})"
