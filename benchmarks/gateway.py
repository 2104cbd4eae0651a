"""Actions through the gateway at a steady rate: from the moment a request is due to its answer and to its
visible row.

python -m benchmarks.gateway --rate 500 --seconds 60          nothing goes wrong
python -m benchmarks.gateway --rate 500 --seconds 60 --kill   the decider gets SIGKILL half-way

Open loop: a request is due whether or not the ones before it were answered, and waits count from then. A
client that hears "unknown", "too many" or "not now" sends the same action again with the same id, as any
client should. At the end the journal is asked for every answer that was given, and the books are added up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg

from benchmarks.figures import Figure, print_figures, print_machine
from neraca.access import keys
from neraca.settings import Settings
from neraca.stack.embedded import EmbeddedStack
from producers.workload import actions

POSITION = "SELECT coalesce(max(seq), -1) FROM neraca.projection_positions"
LOOK_SECONDS = 0.001
# A Java broker that was just started compiles itself meanwhile; one that has run for days does not.
WARM_SECONDS = 15
AGAIN = {429, 503, 504}
AGAIN_SECONDS = 1.0
TRIES_MAX = 60


def watch(dsn: str, pipe: multiprocessing.connection.Connection) -> None:
    """Note when each position of the tables was first seen; ends when told to."""
    seen: list[tuple[int, float]] = []
    with psycopg.connect(dsn, autocommit=True) as database:
        while not pipe.poll():
            row = database.execute(POSITION).fetchone()
            if row and (not seen or row[0] > seen[-1][0]):
                seen.append((int(row[0]), time.perf_counter()))
            time.sleep(LOOK_SECONDS)
    pipe.send(seen)


@dataclass(slots=True)
class Sent:
    """One action: when it was due, and what came of it."""

    action_id: str
    due_at: float
    answered_at: float = 0.0
    status: int = 0
    seq: int = -1
    code: str = ""
    tries: int = 0


@dataclass
class Client:
    """Connections that are kept, as many as are needed at once."""

    port: int
    key: str
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    opened: int = 0

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """Send one action; the answer's status and body. Status 0: the connection broke."""
        try:
            if self.free:
                reader, writer = self.free.pop()
            else:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                self.opened += 1
            writer.write(
                b"POST /v1/actions HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
                % (self.key.encode(), len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            answer = await reader.readexactly(length)
        except (OSError, asyncio.IncompleteReadError):
            return 0, b""
        self.free.append((reader, writer))
        return int(head[9:12]), answer


async def send(client: Client, sent: Sent, body: bytes) -> None:
    """Send one action until its end is known."""
    while sent.tries < TRIES_MAX:
        sent.tries += 1
        sent.status, answer = await client.post(body)
        if sent.status and sent.status not in AGAIN:
            break
        await asyncio.sleep(AGAIN_SECONDS)
    sent.answered_at = time.perf_counter()
    if sent.status in {200, 201, 409}:
        told = json.loads(answer)
        sent.seq, sent.code = told["seq"], told.get("code", "")


async def drive(
    client: Client, bodies: list[tuple[str, bytes]], rate: int, decider: int | None
) -> list[Sent]:
    """Send everything at that rate; half-way, kill that process."""
    done: list[Sent] = []
    tasks = []
    started_at = time.perf_counter() + 0.1
    for number, (action_id, body) in enumerate(bodies):
        due_at = started_at + number / rate
        if (early := due_at - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        if decider is not None and number == (len(bodies) + WARM_SECONDS * rate) // 2:
            os.kill(decider, signal.SIGKILL)
        done.append(Sent(action_id, due_at))
        tasks.append(asyncio.create_task(send(client, done[-1], body)))
    await asyncio.gather(*tasks)
    return done


def requests_of(seed: int, count: int) -> list[tuple[str, bytes]]:
    """The first actions of a realistic history as bodies: the officer comes from the key."""
    made: list[tuple[str, bytes]] = []
    for line in actions(seed, max(200, count // 5)):
        action = json.loads(line)
        if isinstance(action, dict) and action.pop("officer", None) and "action_id" in action:
            made.append((str(action["action_id"]), json.dumps(action).encode()))
        if len(made) == count:
            break
    assert len(made) == count, f"the history has {len(made)} actions only"
    return made


def new_key(dsn: str) -> str:
    """A key that may send everything."""
    offices = [f"{kind}:*" for kind in ("HQ", "LTSA", "DINAS", "BP3MI")]
    systems = ["BP2MI", "SISKOTKLN", "SIAPKERJA", "SISKOP2MI"]
    with psycopg.connect(dsn, autocommit=True) as connection:
        return keys.create(connection, keys.NewKey("benchmark", "o-1", systems, offices, []))[1]


def check(dsn: str, sent: list[Sent]) -> None:
    """Every answer that was given is in the journal, nothing was decided twice, and the books balance."""
    last = max(one.seq for one in sent)
    with psycopg.connect(dsn, autocommit=True) as database:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            row = database.execute(POSITION).fetchone()
            if row and row[0] >= last:
                break
            time.sleep(0.1)
        rows = database.execute("SELECT seq, action_id::text, outcome, code FROM neraca.decisions").fetchall()
        decided = {int(seq): (action_id, outcome, code or "") for seq, action_id, outcome, code in rows}
        for one in sent:
            if one.seq >= 0:
                action_id, outcome, code = decided[one.seq]
                assert action_id == one.action_id.lower(), one
                assert one.status != 409 or (outcome, code) == ("REFUSED", one.code), one
                assert one.status != 201 or outcome == "ACCEPTED", one
        accepted = Counter(action_id for action_id, outcome, _ in decided.values() if outcome == "ACCEPTED")
        assert [action_id for action_id, count in accepted.items() if count > 1] == []
        odd = database.execute("SELECT * FROM neraca.trial_balance WHERE difference <> 0").fetchall()
        assert odd == [], odd
        over = database.execute(
            "SELECT * FROM neraca.quota_balances WHERE available + reserved + departed + forfeited <> granted"
        ).fetchall()
        assert over == [], over


def run(options: argparse.Namespace, home: Path) -> tuple[list[Sent], list[tuple[int, float]]]:
    """Start everything, send everything, check everything."""
    settings = Settings(home=home)
    stack = EmbeddedStack(settings)
    stack.up()
    try:
        parts = {part.name: part for part in stack.status().parts}
        port, decider = parts["gateway"].port, parts["decider"].pid
        assert port is not None
        client = Client(port, new_key(settings.postgres_dsn()))
        _wait_ready(client)
        bodies = requests_of(options.seed, options.rate * (options.seconds + WARM_SECONDS))
        ours, theirs = multiprocessing.Pipe()
        watching = multiprocessing.get_context("spawn").Process(
            target=watch, args=(settings.postgres_dsn(), theirs), daemon=True
        )
        watching.start()
        processes = {name: psutil.Process(part.pid) for name, part in parts.items() if part.pid}
        before = {name: _cpu_seconds(process) for name, process in processes.items()}
        sent = asyncio.run(drive(client, bodies, options.rate, decider if options.kill else None))
        used = {
            name: _cpu_seconds(process) - before[name]
            for name, process in processes.items()
            if process.is_running()
        }
        ms = ", ".join(f"{name} {seconds / len(sent) * 1000:.2f}" for name, seconds in used.items())
        print(f"CPU ms an action: {ms}, this client {time.process_time() / len(sent) * 1000:.2f}")
        check(settings.postgres_dsn(), sent)
        ours.send(None)
        seen: list[tuple[int, float]] = ours.recv()
        watching.join()
        return sent, seen
    finally:
        stack.down()


def _cpu_seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _wait_ready(client: Client) -> None:
    deadline = time.monotonic() + 60

    async def ask() -> int:
        status, _ = await Client(client.port, client.key).post(b"{}")
        return status

    while time.monotonic() < deadline:
        if asyncio.run(ask()) == 422:
            return
        time.sleep(0.2)
    raise TimeoutError("the gateway does not answer")


def visible_at(sent: list[Sent], seen: list[tuple[int, float]]) -> list[float]:
    """Milliseconds from due to visible row, of each action that was decided for the first time."""
    found = []
    place = 0
    for one in sorted((one for one in sent if one.seq >= 0 and one.status != 200), key=lambda one: one.seq):
        while place < len(seen) and seen[place][0] < one.seq:
            place += 1
        if place < len(seen):
            found.append((seen[place][1] - one.due_at) * 1000)
    return sorted(found)


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill", action="store_true", help="kill the decider half-way")
    options = parser.parse_args()
    print_machine()
    home = Path(tempfile.mkdtemp(prefix="neraca-bench-"))
    try:
        sent, seen = run(options, home)
    finally:
        shutil.rmtree(home)
    counted = sent[WARM_SECONDS * options.rate :]
    statuses = Counter(one.status for one in counted)
    answered = sorted((one.answered_at - one.due_at) * 1000 for one in counted)
    visible = visible_at(counted, seen)
    to_answer = statistics.quantiles(answered, n=100)
    to_row = statistics.quantiles(visible, n=100)
    unanswered = sum(count for status, count in statuses.items() if status not in {200, 201, 409, 422})
    again = sum(one.tries - 1 for one in counted)
    print("answers by status:", ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())))
    killed = ", decider killed half-way" if options.kill else ""
    print_figures(
        f"Gateway, {options.rate}/s for {options.seconds} s, seed {options.seed}{killed}",
        [
            Figure("without an end", [float(unanswered)], "actions", "0"),
            Figure("sent again", [float(again)], "times"),
            Figure("to answer p50", [to_answer[49]], "ms", "6 / 3"),
            Figure("to answer p99", [to_answer[98]], "ms", "25 / 10"),
            Figure("to answer slowest", [answered[-1]], "ms"),
            Figure("to row p50", [to_row[49]], "ms", "6 / 3"),
            Figure("to row p99", [to_row[98]], "ms", "25 / 10"),
        ],
    )


if __name__ == "__main__":
    main()
