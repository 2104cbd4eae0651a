"""Personal data planted everywhere that a source can put it is found nowhere: no topic, table, log, metric,
archive, file, answer or error; and the search finds each leak that is made on purpose.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from psycopg import sql

from audit.archive.reader import ArchiveSource
from neraca.archiving import home_archive
from neraca.settings import Settings
from neraca.stack.home import Home
from schemas.topics import DEAD_LETTERS
from tests.commands.console import Said, lines_of, neraca
from tests.extract.small import SmallExtract
from tests.faults.services import Crew, Service, crew, eventually
from tests.gateway.desk import BP3MI, LTSA, Desk, action, new_key, registered, start_gateway
from tests.running import RunningStack

NAME, NIK, PASSPORT = "Marsinah Kencanawungu", "3205125708891234", "X8137465"
PLANTED = {"nik": "3205 1257 0889 1234", "nama": NAME, "tgl_lahir": "17/08/1989", "no_paspor": PASSPORT}
SECRETS = (
    "Kencanawungu",
    "Marsinah",
    NIK,
    "3205 1257 0889 1234",
    "3205.1257.0889.1234",
    PASSPORT,
    "17/08/1989",
    "17-08-1989",
    "1989-08-17",
)
# As they stand, and as PostgreSQL shows bytes.
_NEEDLES = {secret.encode().lower() for secret in SECRETS} | {
    secret.encode().hex().encode() for secret in SECRETS
}
BY = ("--officer", "o-7", "--reason", "file 12/2026")


def is_leaky(data: bytes) -> bool:
    """Tell whether a secret stands in these bytes, whatever the case."""
    data = data.lower()
    return any(needle in data for needle in _NEEDLES)


@dataclass
class Search:
    """Everything that a ledger leaves anywhere, by place."""

    settings: Settings
    stack: RunningStack
    folder: Path
    services: list[Service]
    said: dict[str, bytes] = field(default_factory=dict)

    def leaks(self) -> set[str]:
        """The places where a secret stands."""
        return {place for place, data in self.everything() if is_leaky(data)}

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Each place with its bytes."""
        yield from self.said.items()
        yield from self._topics()
        yield from self._tables()
        for number, service in enumerate(self.services):
            metrics = service._get("/metrics")
            assert metrics
            yield f"metrics {number}", metrics.encode()
        yield from self._archive()
        for path in self.folder.rglob("*"):
            if path.is_file():
                yield f"file {path.name}", path.read_bytes()
        for path in Home(self.stack.home).logs.rglob("*"):
            if path.is_file():
                yield f"log {path.name}", path.read_bytes()
        # What PostgreSQL wrote: tables, indexes, and its log of changes.
        with psycopg.connect(self.settings.postgres_dsn(), autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute(
                "SELECT oid FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert row is not None
        data = Home(self.stack.home).postgres_data
        for path in [*(data / "base" / str(row[0])).iterdir(), *(data / "pg_wal").iterdir()]:
            if path.is_file():
                yield f"postgres {path.name}", path.read_bytes()

    def _topics(self) -> Iterator[tuple[str, bytes]]:
        kafka: dict[str, Any] = dict(self.settings.kafka_config())
        names = [
            name
            for name in AdminClient(kafka).list_topics(timeout=10).topics
            if name.startswith(self.settings.topic_prefix)
        ]
        assert len(names) >= 4
        consumer = Consumer({**kafka, "group.id": "a-search", "auto.offset.reset": "earliest"})
        for name in names:
            for number in consumer.list_topics(name, timeout=10).topics[name].partitions:
                partition = TopicPartition(name, number, 0)
                _, high = consumer.get_watermark_offsets(partition, timeout=10)
                consumer.assign([partition])
                for message in consumer.consume(high, timeout=20) if high else []:
                    headers = repr(message.headers()).encode()
                    yield f"topic {name}", b" ".join((message.key() or b"", message.value() or b"", headers))
        consumer.close()

    def _tables(self) -> Iterator[tuple[str, bytes]]:
        with psycopg.connect(self.settings.postgres_dsn(), autocommit=True) as connection:
            tables = connection.execute(
                "SELECT schemaname, tablename FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
            ).fetchall()
            assert {"neraca", "neraca_access", "neraca_keys"} <= {schema for schema, _ in tables}
            for schema, table in tables:
                rows = connection.execute(
                    sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(schema, table))
                ).fetchall()
                yield f"table {schema}.{table}", "\n".join(row[0] for row in rows).encode()

    def _archive(self) -> Iterator[tuple[str, bytes]]:
        source = ArchiveSource(home_archive(self.settings))
        count = 0
        for batch in source.actions():
            for record in batch:
                count += 1
                yield "archive", record.value or b""
        for values in source.decisions():
            for value in values:
                yield "archive", value
        assert count


def extract() -> SmallExtract:
    """People in the columns where they belong, and in others."""
    made = SmallExtract.ready(units=9, remaining=2)
    for number in range(1, 9):
        made.life(number, stages=1, month=number)
        made.rows["cpmi.csv"][-1] |= PLANTED
    rows = made.rows["cpmi.csv"]
    rows[1] |= {"tgl_lahir": "17-08-1989x", "jenis_kelamin": NAME}
    rows[2] |= {"negara": NAME, "skema": NIK}
    rows[3] |= {"no_urut": NIK, "kode_p3mi": PASSPORT}
    rows[4] |= {"no_registrasi": "R-1", "jabatan": "operator"}
    rows[5] |= {"no_registrasi": NIK}
    rows[6] |= {"nama": NAME * 30, "no_paspor": f"{PASSPORT} {NAME}" * 30}
    stages = made.rows["tahapan.csv"]
    stages[2] |= {"tahap": NAME, "tanggal": "17/08/1989 x", "kode_kantor": PASSPORT, "jam": NIK}
    made.stage(
        1, "BATAL", "20/03/2022", keterangan=f"{NAME.upper()} (NIK {NIK}, lahir 17-08-1989) {PASSPORT}"
    )
    made.stage(8, "BIOMETRIK", "20/08/2022", keterangan=NIK, bukti=f"paspor {PASSPORT.lower()}", petugas=NAME)
    made.add("kantor.csv", kode_kantor="K-9", jenis=NAME, nama="Kantor", zona=NIK)
    return made


def bad_actions() -> list[Any]:
    """What is no action, because of what slipped where."""
    good = registered("R-900", "P-900")
    return [
        *(
            good | {name: NAME}
            for name in ("kind", "system", "scheme", "destination", "sex", "line", "entered_at")
        ),
        *(good | {name: "17/08/1989"} for name in ("occurred_at", "sealed", "evidence", "units")),
        good | {"line": int(NIK), "permit_id": "S-1"},
        good | {"office": {"type": NAME, "code": "x", NAME: NIK}},
        good | {NAME: NIK},
        good | {NIK: NAME},
        good | {"person_id": NIK},
        good | {"position": f"caregiver {NIK}"},
        good | {"sealed": {"nik": NIK, "name": "x"}},
        action("cancelled", registration_id="R-900", reason=f"double of {PLANTED['nik']}"),
        action("complaint_received", **BP3MI, complaint_id="C-1", topic=f"NIK {NIK}", channel="phone"),
        [NAME, NIK],
        NAME,
    ]


def ask_gateway(desk: Desk, search: Search) -> None:
    """Every way to make it repeat what it was given."""

    def note(answer: requests.Response) -> None:
        assert answer.status_code >= 400
        place = f"answer {len(search.said)}"
        search.said[place] = repr(answer.headers).encode() + answer.content

    for value in bad_actions():
        note(desk.post(value))
        note(desk.post(value, Accept_Language="id"))
    fields = {"nik": NIK, "name": NAME, "birth_date": "1989-08-17", "passport": PASSPORT}
    wanted = {"action_id": str(uuid.uuid4()), "personal": fields}
    sealed = desk.post(wanted, "/v1/people")
    assert 200 == sealed.status_code
    search.said["sealed"] = sealed.content
    changes: list[dict[str, Any]] = [{"action_id": NIK}, {"person_id": NIK}, {"person_id": NAME}, {NAME: NIK}]
    changes += [{"personal": fields | {name: NAME}} for name in ("nik", "birth_date", NAME)]
    for change in changes:
        note(desk.post(wanted | change, "/v1/people"))
    batch = desk.post(bad_actions()[:-2], "/v1/actions:batch")
    search.said["batch"] = batch.content
    note(desk.post(f'{{"kind": "{NAME}", "kind": "{NIK}"'.encode()))
    note(desk.post(f'{{"{NAME}": 1, "{NAME}": 2}}'.encode()))
    note(desk.post(NAME.encode(), Content_Type=f"text/{PASSPORT}"))
    for path in ("people", "registrations", "permits", "decisions", NAME):
        for subject in (NIK, NAME, PASSPORT, "1989-08-17"):
            note(desk.get(f"/v1/{path}/{subject}"))
            note(desk.get(f"/v1/{path}/R-1", as_of="17/08/1989", known_at=NAME))
    url = desk.url("/v1/people/P-1")
    note(requests.get(url, headers={"Authorization": f"Bearer {NIK}", "Min-Seq": NIK}, timeout=10))
    note(requests.get(url, headers=desk.headers({"Min-Seq": NAME, "X-Request-Id": NAME}), timeout=10))


def run_commands(search: Search, folder: Path) -> str:
    """Import, decide, submit, look up, reveal, erase; keeps what each says, but what reveal is to show."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> Said:
        said = neraca(*arguments, stdin=stdin, settings=search.settings)
        search.said[f"{arguments[0]} {len(search.said)}"] = said.out + said.err.encode()
        return said

    written = extract().write(folder)
    for options in ((), ("--json",), ("--dry-run",), ("--html", search.folder / "report.html")):
        assert 0 == run("import", written, *options).code
    lines = [*map(json.dumps, bad_actions()), f'{{"{NAME}": ', f"\N{LATIN SMALL LETTER E WITH ACUTE}{NIK}"]
    file = folder / "actions.jsonl"
    file.write_text("\n".join(lines))
    assert 2 == run("submit", file).code
    assert 2 == run("submit", "-", stdin=lines[0].encode()).code
    # Those that are no actions; an action with a NIK in its reason is one, and `decide` sends nothing.
    assert 0 == run("decide", "-", stdin="\n".join(lines[:15]).encode()).code
    found = run("keystore", "find", *BY, stdin=f"{PLANTED['nik']}\n".encode())
    person = found.out.decode().strip()
    shown = neraca("reveal", person, *BY, settings=search.settings)
    assert NAME in shown.out.decode()
    assert not is_leaky(shown.err.encode())
    assert 2 == run("reveal", person, "--officer", "o", "--reason", f"{NIK} asks").code
    assert 2 == run("reveal", NIK, *BY, "--field", NAME).code
    assert 2 == run("reveal", NIK, *BY).code
    assert 2 == run("erase", NIK, *BY, "--yes").code
    assert 0 == run("keystore", "rotate-master").code
    assert 0 == run("keystore", "rotate-lookup").code
    assert 0 == run("erase", person, *BY, "--yes", "--while-open").code
    return person


@pytest.fixture
def search(stack: RunningStack, topic_prefix: str, database: str, tmp_path: Path) -> Iterator[Search]:
    """A ledger with every service, after everything was tried on it."""
    with crew(stack.bootstrap, topic_prefix, tmp_path / "crew", database) as made:
        made.start()
        services = [*_services(made), start_gateway(made)]
        found = Search(made.settings, stack, tmp_path / "crew", services)
        run_commands(found, tmp_path / "extract")
        ask_gateway(Desk(services[-1]._port, new_key(database)), found)
        eventually("the archive has all", lambda: _archived(made.settings))
        yield found


def _services(made: Crew) -> list[Service]:
    return [
        *made._started,
        made.start_projector(),
        made._start(["-m", "neraca", "run", "archiver"], wait_ready=False),
    ]


def _archived(settings: Settings) -> bool:
    with psycopg.connect(settings.postgres_dsn(), autocommit=True) as connection:
        row = connection.execute("SELECT max(seq) + 1 FROM neraca.decisions").fetchone()
    archive = home_archive(settings)
    return row is not None and archive.exists() and ArchiveSource(archive).extent().decisions >= row[0]


def test_planted_data_is_nowhere_and_any_leak_is_found(search: Search) -> None:
    """Nothing after all that; then one leak in each kind of place, and the search names just those."""
    assert set() == search.leaks()

    settings = search.settings
    topic = DEAD_LETTERS.under(settings.topic_prefix)
    producer = Producer(settings.kafka_config())
    producer.produce(topic, None, headers={"reason": f"{NAME} is no kind".encode()})
    producer.flush(10)
    with psycopg.connect(settings.postgres_dsn(), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO neraca_access.access_records (key_id, officer, kind, subject_id, status, parameters)"
            " VALUES ('x', 'o', 'people', %s, 404, '{}')",
            (NIK,),
        )
        connection.execute("UPDATE neraca_keys.lookups SET sealed_nik = %s", (NIK.encode(),))
    (search.folder / "service-9.log").write_text(f'{{"event":"x","name":"{NAME.upper()}"}}\n')
    search.said["an error"] = f"neraca: {PASSPORT.lower()} is no permit".encode()
    # By its proper way: a source that seals nothing, which no form can tell.
    clear = registered("R-901", str(uuid.uuid4()), sealed={"name": NAME}) | LTSA | {"officer": "o-1"}
    clear |= {"entered_at": clear["occurred_at"]}
    said = neraca("submit", "-", stdin=lines_of([clear]), settings=settings)
    assert 0 == said.code
    eventually("the archive has it", lambda: "archive" in search.leaks())
    found = search.leaks()
    actions = f"topic {settings.topic_prefix}placement.actions.v1"
    expected = {f"topic {topic}", actions, "archive", "file service-9.log", "an error"}
    expected |= {"table neraca_access.access_records", "table neraca_keys.lookups"}
    assert expected == {place for place in found if not place.startswith(("postgres ", "file 0"))}
    assert any(place.startswith("postgres ") for place in found)
