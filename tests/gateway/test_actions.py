"""Actions through the gateway: what is decided is what is answered, once, whoever asks how often."""

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from typing import Any

import pytest
import requests

from ledger.refusals import REFUSALS
from schemas.instants import parse_instant
from tests.gateway.desk import HQ, Desk, Running, action, permit, registered


def test_an_accepted_action(desk: Desk, word: str) -> None:
    """201 with the decision, which the journal tells the same way; officer and entry are the gateway's."""
    sent = registered(f"R-{word}", str(uuid.uuid4()))
    before_us = time.time_ns() // 1000
    answer = desk.post(sent)
    after_us = time.time_ns() // 1000
    decision = answer.json()
    assert 201 == answer.status_code
    assert ("ACCEPTED", "o-4711") == (decision["outcome"], decision["officer"])
    assert before_us <= parse_instant(decision["entered_at"])[0] <= after_us
    assert str(decision["seq"]) == answer.headers["Seq"]
    told = desk.get(answer.headers["Location"], min_seq=decision["seq"])
    assert (200, decision) == (told.status_code, told.json())


def test_a_refusal_speaks_two_languages(desk: Desk, word: str) -> None:
    """409 as a problem document with the rules' own code and sentences, and the number of the decision."""
    sent = action("documents_verified", registration_id=f"R-{word}")
    english = desk.post(sent | {"action_id": str(uuid.uuid4())})
    indonesian = desk.post(sent | {"action_id": str(uuid.uuid4())}, Accept_Language="id-ID,id;q=0.9")
    refusal = REFUSALS["UNKNOWN_REGISTRATION"]
    for answer, detail in ((english, refusal.english), (indonesian, refusal.indonesian)):
        told = answer.json()
        assert (409, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])
        assert (refusal.code, refusal.title, 409) == (told["code"], told["title"], told["status"])
        assert (refusal.english, refusal.indonesian) == (told["english"], told["indonesian"])
        assert detail == told["detail"]
        decision = desk.get(f"/v1/decisions/{told['seq']}", min_seq=told["seq"]).json()
        assert ("REFUSED", refusal.code) == (decision["outcome"], decision["code"])


def test_the_same_action_again(desk: Desk, word: str) -> None:
    """200 with the first decision, also of a refusal; another content under that id is refused."""
    sent = registered(f"R-{word}", str(uuid.uuid4()))
    first = desk.post(sent)
    again = desk.post(sent)
    assert (201, 200, first.json()) == (first.status_code, again.status_code, again.json())
    refused = registered(f"R-{word}", str(uuid.uuid4()))
    assert "REGISTRATION_EXISTS" == desk.post(refused).json()["code"]
    again = desk.post(refused)
    assert (200, "REFUSED") == (again.status_code, again.json()["outcome"])
    other = desk.post(sent | {"position": "cook"})
    assert (409, "ACTION_ID_REUSED") == (other.status_code, other.json()["code"])


def together(count: int, work: Any) -> list[requests.Response]:
    """Call `work(0)`, `work(1)`, … at the same moment."""
    answers: list[requests.Response] = []
    start = threading.Barrier(count)

    def one(number: int) -> None:
        start.wait()
        answers.append(work(number))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_a_race_for_the_last_unit(desk: Desk, word: str) -> None:
    """Of eight candidates who sign at once on a line of one unit, one gets it and seven hear why not."""
    desk.accept(*permit(f"S-{word}", 1))
    for number in range(8):
        desk.accept(
            registered(f"R-{word}-{number}", str(uuid.uuid4())),
            action("documents_verified", registration_id=f"R-{word}-{number}"),
        )
    answers = together(
        8,
        lambda number: desk.post(
            action("agreement_signed", registration_id=f"R-{word}-{number}", permit_id=f"S-{word}", line=1)
        ),
    )
    codes = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert {(201, None): 1, (409, "QUOTA_EXHAUSTED"): 7} == codes
    seq = max(answer.json()["seq"] for answer in answers)
    (line,) = desk.get(f"/v1/permits/S-{word}", min_seq=seq).json()["lines"]
    assert (1, 0, 1) == (line["granted"], line["available"], line["reserved"])


def test_a_race_of_one_action_with_itself(desk: Desk, word: str) -> None:
    """Sent eight times at once it is accepted once, and every answer tells that one decision."""
    sent = registered(f"R-{word}", str(uuid.uuid4()))
    answers = together(8, lambda _: desk.post(sent))
    assert {200: 7, 201: 1} == Counter(answer.status_code for answer in answers)
    assert 1 == len({answer.json()["seq"] for answer in answers})


@pytest.mark.parametrize("form", ["array", "lines"])
def test_a_batch_with_bad_rows(desk: Desk, word: str, form: str) -> None:
    """Each row has its own answer, in order; a bad one spoils no other."""
    person = str(uuid.uuid4())
    rows: list[Any] = [
        registered(f"R-{word}", person),
        registered(f"R-{word}-2", str(uuid.uuid4())) | {"sex": "X"},
        action("documents_verified", registration_id=f"R-{word}"),
        "no object",
        action("documents_verified", registration_id=f"R-{word}"),
        action("agency_licensed", **HQ, agency_id="A-TEST", officer="o-other"),
    ]
    if form == "array":
        answer = desk.post(rows, "/v1/actions:batch")
    else:
        body = "\n".join([*map(json.dumps, rows), '{"kind":', ""]).encode()
        answer = desk.post(body, "/v1/actions:batch", Content_Type="application/x-ndjson")
    results = answer.json()["results"]
    expected = [201, 422, 201, 422, 409, 403] + ([] if form == "array" else [422])
    assert (200, expected) == (answer.status_code, [row["status"] for row in results])
    assert list(range(len(expected))) == [row["index"] for row in results]
    assert ["sex"] == [one["field"] for one in results[1]["problem"]["problems"]]
    assert "STAGE_ALREADY_PASSED" == results[4]["problem"]["code"]
    assert results[0]["decision"]["seq"] < results[2]["decision"]["seq"]


def test_an_answer_before_the_decision(desk: Desk, word: str) -> None:
    """`Prefer: respond-async`: 202 once Kafka has it, and where its decision will be."""
    sent = registered(f"R-{word}", str(uuid.uuid4()))
    answer = desk.post(sent, Prefer="respond-async")
    assert 202 == answer.status_code
    location = answer.headers["Location"]
    told = requests.get(desk.url(location), headers=desk.headers({"Prefer": "wait=20"}), timeout=30)
    assert (200, sent["action_id"]) == (told.status_code, told.json()["action_id"])
    assert told.json() == desk.post(sent).json()


def test_no_patience(running: Running, word: str) -> None:
    """Who waits too short hears "unknown", and asking again with the same id tells the truth."""
    desk = running.desk
    sent = registered(f"R-{word}", str(uuid.uuid4()))
    # Or the decision is there before anybody could wait for it.
    running.decider.freeze()
    try:
        answer = desk.post(sent, Prefer="wait=0")
    finally:
        running.decider.thaw()
    assert (504, "OUTCOME_UNKNOWN") == (answer.status_code, answer.json()["code"])
    again = desk.post(sent)
    assert {200, 201} >= {again.status_code}
    assert f"R-{word}" == again.json()["registrations"][0]["registration_id"]


def test_the_officer_comes_from_the_key(desk: Desk, word: str) -> None:
    """The key's own officer may be named; another one is refused and never becomes an action."""
    sent = registered(f"R-{word}", str(uuid.uuid4()), officer="o-4711")
    answer = desk.post(sent | {"officer": "o-4712"})
    assert (403, "OFFICER_NOT_YOURS") == (answer.status_code, answer.json()["code"])
    assert 201 == desk.post(sent).status_code


GARBAGE: dict[str, tuple[bytes, int]] = {
    "empty": (b"", 422),
    "no JSON": (b"{", 422),
    "a list": (b"[]", 422),
    "not UTF-8": (b'{"kind":"\xff"}', 422),
    "a key twice": (b'{"kind":"departed","kind":"departed"}', 422),
    "NaN": (b'{"line":NaN}', 422),
    "deep": (b'{"sealed":' + b'{"a":' * 60 + b"1" + b"}" * 61, 422),
    "no kind": (b"{}", 422),
    "half a surrogate": (b'{"kind":"\\ud800"}', 422),
    "digits": (b'{"line":' + b"9" * 5000 + b"}", 422),
    "large": (b" " * (257 * 1024), 413),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage(desk: Desk, name: str) -> None:
    """What is no action is refused with a problem document that says why, and reaches no topic."""
    body, status = GARBAGE[name]
    answer = desk.post(body)
    assert (status, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])
    assert {"code", "title", "english", "indonesian", "detail"} <= answer.json().keys()


def test_everything_that_is_wrong_is_told(desk: Desk) -> None:
    """422 names each field, what is wrong with it, and what would be right."""
    sent = action("quota_raised", **HQ, line=0, units=-1, color="red")
    problems = desk.post(sent).json()["problems"]
    assert {"permit_id", "line", "units", "color"} == {one["field"] for one in problems}
    assert all(one["reason"] and one["advice"] for one in problems)


def test_the_language_that_is_told_is_that_of_the_detail(desk: Desk, word: str) -> None:
    """What names a field is said in English, and is not announced as Bahasa Indonesia."""
    unknown = action("documents_verified", registration_id=f"R-{word}")
    answers = [desk.post(sent, Accept_Language="id") for sent in ({}, unknown)]
    assert ["en", "id"] == [answer.headers["Content-Language"] for answer in answers]
    told = [answer.json() for answer in answers]
    assert [False, True] == [one["detail"] == one["indonesian"] for one in told]


def test_too_large_without_saying_so(desk: Desk) -> None:
    """A body that comes in chunks is refused where one that tells its length is."""
    chunks = (b" " * 65_536 for _ in range(8))
    answer = requests.post(desk.url("/v1/actions"), data=chunks, headers=desk.headers(), timeout=30)
    assert 413 == answer.status_code


def test_too_large_is_heard_by_who_is_still_sending(desk: Desk) -> None:
    """A body of more than the buffers on the way hold: the client sends all of it before it reads."""
    connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=30)
    connection.request("POST", "/v1/actions:batch", body=b" " * 20_000_000, headers=desk.headers())
    answer = connection.getresponse()
    assert (413, "BODY_TOO_LARGE") == (answer.status, json.loads(answer.read())["code"])
    connection.close()


def test_a_batch_has_its_limits(desk: Desk) -> None:
    """None at all and too many are both refused as a whole; another media type is not guessed at."""
    path = "/v1/actions:batch"
    assert 422 == desk.post([], path).status_code
    assert 422 == desk.post([{}] * 1_001, path).status_code
    assert 422 == desk.post({}, path).status_code
    assert 415 == desk.post(b"a,b", path, Content_Type="text/csv").status_code
    assert 415 == desk.post(b"{}", Content_Type="application/x-ndjson").status_code


def test_unknown_paths_and_methods(desk: Desk) -> None:
    """They are problem documents as well, and none is sent elsewhere with its key."""
    assert (
        404
        == requests.post(
            desk.url("/v1/actions/"), headers=desk.headers(), timeout=30, allow_redirects=False
        ).status_code
    )
    for answer, status in (
        (desk.get("/v1/nothing"), 404),
        (desk.get("/v1/actions"), 405),
        (desk.get("/v1/decisions/x"), 404),
    ):
        assert (status, "application/problem+json") == (answer.status_code, answer.headers["Content-Type"])
    unknown = desk.get("/v1/nothing").json()
    assert ("NO_SUCH_PATH", True) == (unknown["code"], "/openapi.json" in unknown["english"])
    assert "NOT_FOUND" == desk.get("/v1/decisions/x").json()["code"]
