"""Reading through the gateway: the tables as they stand, and as they stood, on two axes."""

import re
import uuid

import psycopg
import pytest
import requests

from producers.gateway import reads
from producers.gateway.moments import Moment
from tests.gateway.desk import BP3MI, HQ, Desk, Running, action, permit, registered


@pytest.fixture
def story(desk: Desk, word: str) -> dict[str, int]:
    """A candidate who registers in September, is verified, signs, and whose permit is extended; `seq` by
    step.
    """
    person = str(uuid.uuid5(uuid.NAMESPACE_OID, word))
    sent = {
        "issued": permit(f"S-{word}", 3)[0],
        "registered": registered(f"R-{word}", person),
        "verified": action("documents_verified", registration_id=f"R-{word}")
        | {"occurred_at": "2023-09-06T09:00:00+08:00"},
        "signed": action("agreement_signed", registration_id=f"R-{word}", permit_id=f"S-{word}", line=1)
        | {"occurred_at": "2023-09-08T09:00:00+08:00"},
        "extended": action("permit_extended", **HQ, permit_id=f"S-{word}", valid_to="2025-06-30")
        | {"occurred_at": "2023-10-01T09:00:00+07:00"},
        "cancelled": action("cancelled", registration_id=f"R-{word}", reason="withdrew")
        | {"occurred_at": "2023-10-02T09:00:00+07:00"},
        "held": action("person_held", **HQ, person_id=person, reason="dispute")
        | {"occurred_at": "2023-10-03T09:00:00+07:00"},
    }
    return {name: desk.accept(one) for name, one in sent.items()}


def test_now(desk: Desk, word: str, story: dict[str, int]) -> None:
    """A registration, its person and its permit, each with the `seq` that it is true at."""
    last = story["held"]
    person_id = str(uuid.uuid5(uuid.NAMESPACE_OID, word))
    for path in (f"registrations/R-{word}", f"people/{person_id}", f"permits/S-{word}"):
        answer = desk.get(f"/v1/{path}", min_seq=last)
        assert 200 == answer.status_code
        assert last <= answer.json()["seq"] == int(answer.headers["Seq"])
    registration = desk.get(f"/v1/registrations/R-{word}").json()
    decided = desk.get(f"/v1/decisions/{story['cancelled']}").json()["registrations"][0]
    assert decided == {name: registration[name] for name in decided}
    assert story["cancelled"] == registration["changed_seq"]
    person = desk.get(f"/v1/people/{person_id}").json()
    assert (True, "2023-10-03T02:00:00+00:00") == (person["held"], person["held_since"])
    assert [f"R-{word}"] == [one["registration_id"] for one in person["registrations"]]
    (line,) = desk.get(f"/v1/permits/S-{word}").json()["lines"]
    assert (3, 3, 0) == (line["granted"], line["available"], line["reserved"])


def test_a_line_below_zero_at_an_instant(desk: Desk, word: str) -> None:
    """A unit that was given back, and then taken at an instant before that, was two at once in between: the
    description bounds no account of a permit by zero.
    """
    desk.accept(*permit(f"S-{word}", 1, occurred_at="2023-01-03T09:00:00+07:00"))
    line = {"permit_id": f"S-{word}", "line": 1}
    last = desk.accept(
        *(
            sent | {"system": "SISKOTKLN", "occurred_at": at, "entered_at": at}
            for sent, at in (
                (registered(f"R-{word}-a", f"P-{word}-a", **line), "2023-01-10T09:00:00+07:00"),
                (
                    action("cancelled", registration_id=f"R-{word}-a", reason="withdrew"),
                    "2023-01-30T09:00:00+07:00",
                ),
                (registered(f"R-{word}-b", f"P-{word}-b", **line), "2023-01-20T09:00:00+07:00"),
            )
        )
    )
    then = desk.get(f"/v1/permits/S-{word}", as_of="2023-01-25T00:00:00Z", min_seq=last).json()
    assert (-1, 2) == (then["lines"][0]["available"], then["lines"][0]["reserved"])
    described = requests.get(desk.url("/openapi.json"), timeout=30).json()["components"]["schemas"]
    account = described["PermitSeen"]["properties"]["lines"]["items"]["properties"]["available"]
    assert "minimum" not in account


def test_as_of(desk: Desk, word: str, story: dict[str, int]) -> None:
    """What was true at an instant: only what had occurred by then."""
    path = f"/v1/registrations/R-{word}"
    assert 404 == desk.get(path, as_of="2023-09-04T01:29:59Z", min_seq=story["held"]).status_code
    then = desk.get(path, as_of="2023-09-04T09:30:00+08:00").json()
    assert ("open", ["registered"], None) == (then["status"], list(then["stages"]), then["unit"])
    then = desk.get(path, as_of="2023-09-08T01:00:00Z").json()
    assert ["registered", "documents_verified", "agreement_signed"] == list(then["stages"])
    assert {"permit_id": f"S-{word}", "line": 1, "state": "held"} == then["unit"]
    assert "cancelled" == desk.get(path, as_of="2030-01-01T00:00:00Z").json()["status"]
    permit_then = desk.get(f"/v1/permits/S-{word}", as_of="2023-09-30T00:00:00Z").json()
    assert "2024-12-31" == permit_then["valid_to"]
    assert (3, 2, 1) == tuple(permit_then["lines"][0][name] for name in ("granted", "available", "reserved"))
    now = desk.get(f"/v1/permits/S-{word}", as_of="2030-01-01T00:00:00Z").json()
    assert now == desk.get(f"/v1/permits/S-{word}").json() | {"seq": now["seq"]}
    person_id = str(uuid.uuid5(uuid.NAMESPACE_OID, word))
    assert not desk.get(f"/v1/people/{person_id}", as_of="2023-10-02T23:00:00Z").json()["held"]
    assert 404 == desk.get(f"/v1/people/{person_id}", as_of="2023-01-01T00:00:00Z").status_code
    # What an offset carries out of the years of a calendar is after, or before, everything.
    assert "cancelled" == desk.get(path, as_of="9999-12-31T24:00:00-12:00").json()["status"]
    assert 404 == desk.get(path, as_of="0001-01-01T00:00:00+14:00").status_code


def test_known_at(desk: Desk, word: str, story: dict[str, int]) -> None:
    """What was known: by a `seq`, the state after that prefix of the journal; by an instant, what was
    entered.
    """
    path = f"/v1/registrations/R-{word}"
    for step in ("registered", "verified", "signed", "cancelled"):
        then = desk.get(path, known_at=story[step], min_seq=story["held"]).json()
        decided = desk.get(f"/v1/decisions/{story[step]}").json()["registrations"][0]
        assert decided == {name: then[name] for name in decided}
    assert 404 == desk.get(path, known_at=story["registered"] - 1).status_code
    # It was all entered now, so nobody knew of it last year.
    assert 404 == desk.get(path, known_at="2024-01-01T00:00:00Z").status_code
    assert 404 == desk.get(path, known_at="recorded:2024-01-01T00:00:00Z").status_code
    recorded = desk.get(f"/v1/decisions/{story['verified']}").json()["recorded_at"]
    then = desk.get(path, known_at=f"recorded:{recorded}").json()
    assert "documents_verified" in then["stages"]
    then = desk.get(path, as_of="2023-09-05T00:00:00Z", known_at=story["cancelled"]).json()
    assert ["registered"] == list(then["stages"])
    assert 404 == desk.get(f"/v1/decisions/{story['held']}", known_at=story["signed"]).status_code


@pytest.mark.parametrize("text", ["yesterday", "2023-09-08", "2023-09-08T00:00:00", "", "-1"])
def test_no_instant(desk: Desk, text: str) -> None:
    """An instant without an offset, or none at all, is asked back and not guessed."""
    assert 400 == desk.get("/v1/registrations/x", as_of=text).status_code
    assert 400 == desk.get("/v1/registrations/x", known_at=text).status_code


def test_a_seq_that_is_not_there_yet(desk: Desk) -> None:
    """Who asks for more than is decided hears how far the tables are, after no longer than was agreed."""
    headers = desk.headers({"Min-Seq": str(10**9), "Prefer": "wait=1"})
    answer = requests.get(desk.url("/v1/registrations/x"), headers=headers, timeout=30)
    assert (412, "NOT_THAT_FAR") == (answer.status_code, answer.json()["code"])
    assert int(answer.headers["Seq"]) == answer.json()["seq"] < 10**9
    assert 400 == desk.get("/v1/registrations/x", min_seq=10**30).status_code


def test_a_departure_is_read_back(desk: Desk, word: str) -> None:
    """A whole life through the gateway: at its end the unit has departed, and the sums are right."""
    line = {"permit_id": f"S-{word}", "line": 1}
    of = {"registration_id": f"R-{word}"}
    seq = desk.accept(
        *permit(f"S-{word}", 2),
        registered(f"R-{word}", str(uuid.uuid4())),
        action("documents_verified", **of),
        action("agreement_signed", **of, **line),
        action("candidate_id_issued", **of, candidate_id="C-1"),
        *(action(kind, **of, **BP3MI) for kind in ("documents_fulfilled", "orientation_completed")),
        action("biometrics_registered", **of, **BP3MI, reference="B-1"),
        action("departed", **of, **BP3MI),
    )
    told = desk.get(f"/v1/registrations/R-{word}", min_seq=seq).json()
    assert ("departed", "departed") == (told["status"], told["unit"]["state"])
    (balances,) = desk.get(f"/v1/permits/S-{word}").json()["lines"]
    assert (1, 0, 1) == (balances["available"], balances["reserved"], balances["departed"])
    assert [1, 1] == [
        desk.get(f"/v1/permits/S-{word}", known_at=known).json()["lines"][0][account]
        for known, account in ((seq, "departed"), (seq - 1, "reserved"))
    ]


def test_the_service_tells_of_itself(desk: Desk) -> None:
    """Health, metrics and the description need no key, and name no person."""
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json"):
        assert 200 == requests.get(desk.url(path), timeout=30).status_code
    text = requests.get(desk.url("/metrics"), timeout=30).text
    assert 'neraca_gateway_requests_total{route="/v1/actions",status="201"}' in text
    assert 'neraca_seq{service="gateway"}' in text


def test_the_past_is_found_by_indexes(running: Running) -> None:
    """No question about the past walks the journal: where a plan may avoid reading a table whole, it does."""
    at: dict[str, object] = {**Moment(as_of_us=1).bounds(), "id": "x", "thing": "permit"}
    questions: list[tuple[str, tuple[object, ...] | dict[str, object]]] = [
        (reads.REGISTRATION_THEN, at),
        (reads.PERSON_THEN, at),
        (reads.THING_THEN, at),
        (reads.TRAININGS_THEN, at),
        (reads.HELD_THEN, at),
        (reads.LINES_THEN, at),
        (reads.ONE, (5,)),
    ]
    with psycopg.connect(running.dsn, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        for question, parameters in questions:
            plan = connection.execute(f"EXPLAIN {question}".encode(), parameters).fetchall()
            text = "\n".join(str(row[0]) for row in plan)
            assert "Index" in text
            assert not re.search(r"Seq Scan on (decisions|postings|registrations|reference_history)", text), (
                text
            )
            # Nor does it walk an index from end to end.
            for line in re.findall(r"Index.* Scan.*on (?:decisions|postings).*\n.*", text):
                assert "Cond" in line, text
