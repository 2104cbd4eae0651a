"""The way of an action through the gateway: judged, handed to Kafka, answered with its decision.

Who may send what is settled here, before anything reaches the topic. The rules' own judgement is the
decision, which is only waited for. Sending the same action again is always safe: it is answered with the
first decision.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from producers.gateway.decisions import DecisionFeed
from producers.gateway.outbox import NotAcknowledged, NotSent, Outbox, OutboxFull
from producers.gateway.ports import Principal, Sentences
from producers.gateway.problems import Problem, ProblemFound, problem, refusal, shape_problem
from producers.sealing.guard import slipped
from schemas.action_json import action_of, uuid_text
from schemas.codec import decode_decision
from schemas.decision_json import decision_json
from schemas.errors import ShapeError
from schemas.framing import ACTION_BYTES_MAX, ActionRecord, action_record
from schemas.records import Decision
from schemas.shape import Problem as ShapeProblem
from schemas.strict_json import NotStrictJsonError, compact, kind_of, load, load_object

# Actions whose decision is waited for: four seconds of the load that is measured, some 10 MB.
WAITING_MAX: Final = 2_000
BATCH_ACTIONS_MAX: Final = 1_000
RETRY_AFTER_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status, a body, and headers."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action: a decision, or a problem, or (202) only its place on the topic."""

    status: int
    decision: Decision | None = None
    problem: Problem | None = None
    offset: int | None = None


class ActionDesk:
    """Takes actions for one topic. `earlier` gives a decision that lies behind the feed's memory."""

    def __init__(
        self,
        outbox: Outbox,
        feed: DecisionFeed,
        sentences: Sentences,
        earlier: Callable[[int], Awaitable[Decision]],
        *,
        waiting_max: int = WAITING_MAX,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._outbox: Final = outbox
        self._feed: Final = feed
        self._sentences: Final = sentences
        self._earlier: Final = earlier
        self._waiting_max: Final = waiting_max
        self._now_us: Final = now_us
        self.waiting = 0

    def __repr__(self) -> str:
        return f"ActionDesk(waiting={self.waiting} of {self._waiting_max}, {self._outbox!r})"

    def read(self, principal: Principal, value: dict[str, object]) -> ActionRecord:
        """Judge an action as it came in: its officer, its shape, and whether this key may send it.

        Raises:
            ProblemFound: it may not go on the topic.

        """
        officer = value.get("officer")
        if officer is None:
            value = {**value, "officer": principal.officer}
        elif isinstance(officer, str) and officer != principal.officer:
            raise ProblemFound(problem("OFFICER_NOT_YOURS"))
        try:
            # The gateway's clock knows no zone: the local reading of what it fills in is UTC.
            action = action_of(value, entered_at_default=(self._now_us(), 0))
        except ShapeError as error:
            found = error.problems or [ShapeProblem(error.field, error.reason, error.advice)]
            raise ProblemFound(shape_problem(found)) from None
        if clear := slipped(action):
            raise ProblemFound(shape_problem(clear))
        if not principal.may_act_in(action.system):
            raise ProblemFound(problem("NOT_ALLOWED", f"the key does not act in {action.system}"))
        if not principal.may_act_for(action.office_type, action.office_code):
            raise ProblemFound(
                problem("NOT_ALLOWED", f"the key does not act for this office of type {action.office_type}")
            )
        record = action_record(action)
        if len(record.avro) > ACTION_BYTES_MAX:
            reason = f"the action has {len(record.avro)} bytes as Avro, more than {ACTION_BYTES_MAX}"
            raise ProblemFound(shape_problem([ShapeProblem("", reason, "shorten evidence or sealed fields")]))
        return record

    @contextmanager
    def admitted(self, count: int) -> Iterator[None]:
        """Hold room for so many actions.

        Raises:
            ProblemFound: there is none.

        """
        if self.waiting + count > self._waiting_max:
            raise ProblemFound(_too_many(f"{self.waiting} actions wait for their decision"))
        self.waiting += count
        try:
            yield
        finally:
            self.waiting -= count

    def hand_over(self, record: ActionRecord) -> asyncio.Future[int]:
        """Put one action on its way.

        Raises:
            ProblemFound: it was not.

        """
        try:
            acknowledged = self._outbox.hand_over(record)
        except NotSent:
            raise ProblemFound(
                problem("KAFKA_UNAVAILABLE", headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
            ) from None
        except OutboxFull:
            raise ProblemFound(_too_many("the producer is full")) from None
        acknowledged.add_done_callback(_look)
        return acknowledged

    async def outcome(
        self, record: ActionRecord, acknowledged: asyncio.Future[int], deadline: float, *, is_async: bool
    ) -> Outcome:
        """Wait for what becomes of an action that was handed over."""
        action_id = uuid_text(record.action.action_id)
        await asyncio.wait({acknowledged}, timeout=deadline - time.monotonic())
        if not acknowledged.done() or isinstance(acknowledged.exception(), NotAcknowledged):
            unknown = problem(
                "OUTCOME_UNKNOWN",
                action_id=action_id,
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
            return Outcome(unknown.status, problem=unknown)
        offset = acknowledged.result()
        if is_async:
            return Outcome(202, offset=offset)
        avro = await self._feed.wait(offset, deadline - time.monotonic())
        if avro is None:
            unknown = problem(
                "OUTCOME_UNKNOWN",
                action_id=action_id,
                action_offset=offset,
                headers={"Retry-After": str(RETRY_AFTER_SECONDS), "Location": f"/v1/actions/{offset}"},
            )
            return Outcome(unknown.status, problem=unknown, offset=offset)
        try:
            return await self._decided(decode_decision(avro))
        except ProblemFound as found:
            return Outcome(found.problem.status, problem=found.problem, offset=offset)

    async def _decided(self, decision: Decision) -> Outcome:
        if decision.outcome == "ACCEPTED":
            return Outcome(201, decision)
        if decision.outcome == "DUPLICATE" and decision.first_seq is not None:
            first = self._feed.by_seq(decision.first_seq)
            return Outcome(
                200, await self._earlier(decision.first_seq) if first is None else decode_decision(first)
            )
        if decision.outcome == "REFUSED" and decision.code is not None and decision.action_id is not None:
            refused = refusal(
                decision.code,
                self._sentences[decision.code],
                int(decision.seq),
                uuid_text(decision.action_id),
                decision.kind or "",
            )
            return Outcome(409, problem=refused)
        raise ProblemFound(problem("INTERNAL", f"decision {decision.seq} is {decision.outcome}"))

    async def one(
        self, principal: Principal, body: bytes, wait_seconds: float, *, is_async: bool, indonesian: bool
    ) -> Answer:
        """Answer one action.

        Raises:
            ProblemFound: it did not get as far as the topic.

        """
        deadline = time.monotonic() + wait_seconds
        record = self.read(principal, load_action(body))
        with self.admitted(1):
            acknowledged = self.hand_over(record)
            outcome = await self.outcome(record, acknowledged, deadline, is_async=is_async)
        return answer_of(outcome, indonesian=indonesian)

    async def batch(
        self,
        principal: Principal,
        rows: Sequence[dict[str, object] | Problem],
        wait_seconds: float,
        *,
        is_async: bool,
        indonesian: bool,
    ) -> Answer:
        """Answer many: each row has its own status, and goes on the topic in the order given.

        Raises:
            ProblemFound: there is no room for so many.

        """
        deadline = time.monotonic() + wait_seconds
        outcomes: list[Outcome | None] = [None] * len(rows)
        with self.admitted(len(rows)):
            on_their_way: list[tuple[int, ActionRecord, asyncio.Future[int]]] = []
            for index, row in enumerate(rows):
                if isinstance(row, Problem):
                    outcomes[index] = Outcome(row.status, problem=row)
                    continue
                try:
                    record = self.read(principal, row)
                    on_their_way.append((index, record, self.hand_over(record)))
                except ProblemFound as found:
                    outcomes[index] = Outcome(found.problem.status, problem=found.problem)
            ended = await asyncio.gather(
                *(
                    self.outcome(record, future, deadline, is_async=is_async)
                    for _, record, future in on_their_way
                )
            )
        for (index, _, _), outcome in zip(on_their_way, ended, strict=True):
            outcomes[index] = outcome
        results = [_row(index, one, indonesian=indonesian) for index, one in enumerate(outcomes) if one]
        body = f'{{"results":[{",".join(results)}]}}\n'.encode()
        return Answer(202 if is_async else 200, body)


def load_action(body: bytes) -> dict[str, object]:
    """Give the object that a body holds.

    Raises:
        ProblemFound: it holds none.

    """
    try:
        return load_object(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ProblemFound(_not_utf8(error)) from None
    except NotStrictJsonError as error:
        raise ProblemFound(shape_problem([ShapeProblem("", error.reason, error.advice)])) from None


def load_batch(body: bytes, *, is_lines: bool) -> list[dict[str, object] | Problem]:
    """Give the rows of a batch: the items of a JSON array, or lines of JSON; a row that is no object, as a
    problem.

    Raises:
        ProblemFound: the body is no array, holds too much, or holds nothing.

    """
    rows: list[dict[str, object] | Problem]
    if is_lines:
        rows = [_line(line) for line in body.split(b"\n") if line.strip()]
    else:
        try:
            value = load(body.decode("utf-8"), 33)
        except UnicodeDecodeError as error:
            raise ProblemFound(_not_utf8(error)) from None
        except NotStrictJsonError as error:
            raise ProblemFound(shape_problem([ShapeProblem("", error.reason, error.advice)])) from None
        if not isinstance(value, list):
            wrong = ShapeProblem("", f"it is {kind_of(value)}, no list", "a JSON array of actions")
            raise ProblemFound(shape_problem([wrong]))
        rows = [
            row
            if isinstance(row, dict)
            else shape_problem([ShapeProblem("", f"it is {kind_of(row)}, no object", "one action")])
            for row in value
        ]
    if not rows:
        raise ProblemFound(
            shape_problem([ShapeProblem("", "there is no action in it", "at least one action")])
        )
    if len(rows) > BATCH_ACTIONS_MAX:
        reason = f"there are {len(rows)} actions, more than {BATCH_ACTIONS_MAX}"
        raise ProblemFound(shape_problem([ShapeProblem("", reason, "send them in several batches")]))
    return rows


def answer_of(outcome: Outcome, *, indonesian: bool) -> Answer:
    """Write what became of one action as an HTTP answer."""
    if outcome.problem is not None:
        return problem_answer(outcome.problem, indonesian=indonesian)
    if outcome.decision is not None:
        seq = str(outcome.decision.seq)
        place = "Location" if outcome.status == 201 else "Content-Location"
        body = decision_json(outcome.decision).encode() + b"\n"
        return Answer(outcome.status, body, headers={"Seq": seq, place: f"/v1/decisions/{seq}"})
    location = f"/v1/actions/{outcome.offset}"
    body = compact({"action_offset": outcome.offset, "location": location}).encode() + b"\n"
    headers = {"Location": location, "Preference-Applied": "respond-async"}
    return Answer(outcome.status, body, headers=headers)


def problem_answer(found: Problem, *, indonesian: bool) -> Answer:
    """Write a problem as an HTTP answer; the language is that of `detail`."""
    language = "id" if indonesian and not found.detail else "en"
    return Answer(
        found.status,
        found.body(indonesian=indonesian),
        "application/problem+json",
        {**found.headers, "Content-Language": language},
    )


def _row(index: int, outcome: Outcome, *, indonesian: bool) -> str:
    head = f'{{"index":{index},"status":{outcome.status}'
    if outcome.problem is not None:
        told: dict[str, Any] = outcome.problem.document(indonesian=indonesian)
        return f'{head},"problem":{compact(told)}}}'
    if outcome.decision is not None:
        return f'{head},"decision":{decision_json(outcome.decision)}}}'
    return f'{head},"action_offset":{outcome.offset},"location":"/v1/actions/{outcome.offset}"}}'


def _line(line: bytes) -> dict[str, object] | Problem:
    try:
        return load_action(line)
    except ProblemFound as found:
        return found.problem


def _not_utf8(error: UnicodeDecodeError) -> Problem:
    return shape_problem([ShapeProblem("", f"byte {error.start + 1} is not UTF-8", "send UTF-8")])


def _too_many(detail: str) -> Problem:
    return problem("TOO_MANY_REQUESTS", detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _look(future: asyncio.Future[int]) -> None:
    """Take note of an end that nobody waits for any more."""
    if not future.cancelled():
        future.exception()
