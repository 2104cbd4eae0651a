"""`neraca as-of` as an auditor uses it: every kind of thing, on both axes."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from neraca.settings import Settings
from projections import tables
from projections.migrations import migrate
from tests.commands.console import Said, neraca
from tests.projections.told import apply_all, decide_lines

OFFICE = {"type": "BP3MI", "code": "BP3MI-NTB"}


def _line(number: int, kind: str, system: str, occurred: str, entered: str, **fields: Any) -> str:
    return json.dumps(
        {
            "action_id": f"00000000-0000-4000-8000-{number:012}",
            "kind": kind,
            "system": system,
            "office": {"type": "HQ", "code": "HQ"} if system == "BP2MI" else OFFICE,
            "officer": "o-1",
            "occurred_at": occurred,
            "entered_at": entered,
            **fields,
        }
    )


def _story() -> list[str]:
    """A candidate who departs on 16 July, which is entered on 19 July; the same candidate is then on hold."""
    at = ("2023-01-02T09:00:00+07:00", "2023-01-02T09:05:00+07:00")
    step = {"registration_id": "R-1"}
    lines = [{"line": 1, "position": "caregiver", "sex": "ANY", "units": 5}]
    stages = ("documents_verified", "candidate_id_issued", "agreement_signed", "documents_fulfilled")
    day = "2023-02-{:02}T09:00:00+08:00".format
    return [
        _line(1, "agency_licensed", "BP2MI", *at, agency_id="A-1"),
        _line(
            2, "permit_issued", "BP2MI", *at, permit_id="S-9", agency_id="A-1", destination="TW",
            valid_from="2023-01-01", valid_to="2023-12-31", lines=lines,
        ),
        _line(
            3, "registered", "SISKOTKLN", day(1), day(1), **step, person_id="P-1", scheme="P_TO_P",
            agency_id="A-1", destination="TW", position="caregiver", sex="F", permit_id="S-9", line=1,
        ),
        *(
            _line(
                4 + number, kind, "SISKOTKLN", day(2 + number), day(2 + number), **step,
                **({"candidate_id": "C-1"} if kind == "candidate_id_issued" else {}),
                **({"permit_id": "S-9", "line": 1} if kind == "agreement_signed" else {}),
            )
            for number, kind in enumerate(stages)
        ),
        _line(8, "orientation_completed", "SISKOTKLN", day(10), day(10), **step),
        _line(
            9, "departed", "SISKOTKLN", "2023-07-16T10:00:00+08:00", "2023-07-19T10:00:00+08:00", **step,
            evidence=[{"type": "boarding_pass", "reference": "x"}],
        ),
        _line(10, "person_held", "BP2MI", *["2023-08-01T00:00:00Z"] * 2, person_id="P-1", reason="x"),
        _line(11, "quota_raised", "BP2MI", *["2023-08-02T00:00:00Z"] * 2, permit_id="S-9", line=1, units=2),
    ]  # fmt: skip


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings that point at tables which hold the story."""
    values = decide_lines(_story())
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        apply_all(connection, values, 100)
        rows = connection.execute("SELECT outcome, count(*) FROM neraca.decisions GROUP BY 1").fetchall()
    assert [("ACCEPTED", 11)] == rows
    return Settings(home=tmp_path, outside_postgres_dsn=SecretStr(database))


def test_two_axes_in_one_line(settings: Settings) -> None:
    """What did we believe on 18 and on 20 July about 16 July? The departure was entered on the 19th."""

    def status(*arguments: str) -> tuple[str, str]:
        said = neraca("as-of", "registration", "R-1", *arguments, "--json", settings=settings)
        assert 0 == said.code, said.err
        told = json.loads(said.out)
        return told["status"], told["unit"]["state"]

    assert ("open", "held") == status("--at", "2023-07-16", "--known", "2023-07-18")
    assert ("departed", "departed") == status("--at", "2023-07-16", "--known", "2023-07-20")
    assert ("open", "held") == status("--at", "2023-07-15")
    assert ("open", "held") == status("--known", "7")
    assert ("open", "held") == status("--known", "recorded:2023-07-19T01:00:00Z")
    assert ("departed", "departed") == status("--known", "recorded:2023-07-19T03:00:00Z")
    assert ("departed", "departed") == status()
    # What an offset carries out of the years of a calendar is after, or before, everything.
    assert ("departed", "departed") == status("--at", "9999-12-31T24:00:00-12:00")
    assert ("departed", "departed") == status("--known", "recorded:9999-12-31T23:00:00-12:00")


def test_every_thing(settings: Settings) -> None:
    """A person, a permit, a line, an agency, a destination, everything: each at a moment, with its seq."""

    def told(*arguments: str) -> dict[str, Any]:
        said = neraca("as-of", *arguments, "--json", settings=settings)
        assert 0 == said.code, said.err
        document: dict[str, Any] = json.loads(said.out)
        assert 10 == document["seq"]
        return document

    person = told("person", "P-1", "--at", "2023-07-31T23:59:59Z")
    assert (False, ["R-1"]) == (person["held"], [one["registration_id"] for one in person["registrations"]])
    assert told("person", "P-1")["held"]
    (line,) = told("permit", "S-9", "--at", "2023-02-01")["lines"]
    assert (5, 4, 1, 0) == tuple(line[name] for name in ("granted", "available", "reserved", "departed"))
    assert (7, 6, 0, 1) == tuple(
        told("line", "S-9/1")[name] for name in ("granted", "available", "reserved", "departed")
    )
    agency = told("agency", "A-1", "--at", "2023-06-01")
    assert ("active", "S-9") == (agency["status"], agency["permits"][0]["permit_id"])
    assert "open" == told("destination", "TW")["status"]
    everything = told("everything", "--at", "2023-07-16", "--known", "2023-07-18")
    expected = [{"system": "SISKOTKLN", "status": "open", "unit_state": "held", "count": 1}]
    assert expected == everything["registrations"]
    assert (1, 5, 4) == tuple(everything["units"][name] for name in ("lines", "granted", "available"))
    assert {"agency": {"active": 1}, "permit": {"not revoked": 1}} == everything["things"]


def test_a_person_reads_it(settings: Settings) -> None:
    """Without --json: the names of the fields, and a row for each line."""
    said = neraca("as-of", "permit", "S-9", settings=settings)
    assert 0 == said.code
    text = said.out.decode()
    assert "valid_to  2023-12-31" in text
    assert "lines (1)" in text
    assert "caregiver" in text


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("registration", "R-1", "--at", "2023-01-31"), 1, "there was no such registration"),
        (("registration", "R-1", "--at", "0001-01-01T00:00:00+14:00"), 1, "there was no such registration"),
        (("registration", "R-2"), 1, "there was no such registration"),
        (("line", "S-9/2"), 1, "there was no such line"),
        (("line", "S-9"), 2, "PERMIT/LINE"),
        (("registration",), 2, "needs an id"),
        (("everything", "R-1"), 2, "takes no id"),
        (("registration", "R-1", "--at", "2023-07-16T10:00:00"), 2, "2023-07-16T10:00:00: "),
        (("registration", "R-1", "--at", "16 July"), 2, "or a day like"),
        (("registration", "R-1", "--known", "recorded:x"), 2, "or a day like"),
    ],
)
def test_what_cannot_be_answered(
    settings: Settings, arguments: tuple[str, ...], code: int, word: str
) -> None:
    """Where there was nothing the exit code is 1, where the question is none it is 2; both say so."""
    said: Said = neraca("as-of", *arguments, settings=settings)
    assert code == said.code
    assert word in said.err
    assert b"" == said.out


def test_tables_of_an_older_version(database: str, tmp_path: Path) -> None:
    """Where the functions are missing it says what makes them, and shows no traceback."""
    settings = Settings(home=tmp_path, outside_postgres_dsn=SecretStr(database))
    said = neraca("as-of", "person", "P-1", settings=settings)
    assert 2 == said.code
    assert "neraca rebuild" in said.err
