"""Verification of live topics and tables, as a user runs it: what is wrong, what is news, what waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from pydantic import SecretStr

from audit.reexecution import Reexecution
from audit.roots_check import RootsPlan, collect
from audit.tlog.checkpoint import Checkpoint, sign
from audit.tlog.keys import KeyList, ListedKey
from audit.tlog.merkle import leaf_hashes, root_of
from audit.tlog.note import Signer
from audit.tlog.publishing import CheckpointTopic
from audit.topics import TopicsSource
from audit.verification import ALL_CHECKS, Report, Request, verify
from neraca import transparency
from neraca.settings import Settings
from projections import tables
from projections.migrations import migrate
from schemas.framing import frame
from schemas.ids import built_in_ids
from schemas.topics import ACTIONS, DECISIONS
from tests.audit.tampering import changed, flipped, small_ledger
from tests.commands.console import neraca
from tests.projections.told import apply_all
from tests.running import RunningStack

AT = 150
ORIGIN = "example.org/ledger"
Put = Callable[[Callable[[list[bytes]], list[bytes]]], TopicsSource]


def _produce(kafka: dict[str, str | int], topic: str, values: Iterable[bytes | None]) -> None:
    producer = Producer({**kafka, "enable.idempotence": True, "linger.ms": 5, "log_level": 0})
    for value in values:
        producer.produce(topic, value, partition=0)
    assert 0 == producer.flush(30)


@pytest.fixture(name="put")
def _put(stack: RunningStack, topic_prefix: str) -> Put:
    """Puts a ledger on the topics, its journal as the test changes it."""

    def put(change: Callable[[list[bytes]], list[bytes]]) -> TopicsSource:
        values = [record.value for record in small_ledger().records[:300]]
        _produce(stack.kafka, ACTIONS.under(topic_prefix), values)
        # As the broker stamped them.
        batches = TopicsSource(stack.kafka, topic_prefix).actions()
        journal = Reexecution(built_in_ids()).run([record for batch in batches for record in batch])
        schema_id = built_in_ids().decision_id
        framed = [frame(schema_id, value) for value in change(journal)]
        _produce(stack.kafka, DECISIONS.under(topic_prefix), framed)
        return TopicsSource(stack.kafka, topic_prefix)

    return put


def _verified(source: TopicsSource, scratch: Path, plans: Iterable[Any] = (), without: str = "") -> Report:
    checks = ALL_CHECKS - {without}
    return verify(source, Request(built_in_ids(), scratch, checks=checks, plans=tuple(plans), processes=0))


def test_strangers_are_news_and_no_fault(put: Put, tmp_path: Path) -> None:
    """A repeat, another decider's record and foreign bytes are counted; the journal is as readers see it."""

    def disturb(journal: list[bytes]) -> list[bytes]:
        other = changed(journal[AT], officer="o-other")
        return [*journal[: AT + 1], journal[AT], other, b"foreign", *journal[AT + 1 :]]

    report = _verified(put(disturb), tmp_path)
    assert {} == report.found, report.findings
    assert (300, 0) == (report.decisions, report.waiting)
    assert report.strangers is not None
    assert (1, 2, 0) == report.strangers[:3]


def _bit_of_a_record(journal: list[bytes]) -> list[bytes]:
    return [*journal[:AT], flipped(journal[AT], 8 * (len(journal[AT]) - 9)), *journal[AT + 1 :]]


def _bit_of_a_number(journal: list[bytes]) -> list[bytes]:
    return [*journal[:AT], flipped(journal[AT], 1), *journal[AT + 1 :]]


def _swapped(journal: list[bytes]) -> list[bytes]:
    return [*journal[:AT], journal[AT + 1], journal[AT], *journal[AT + 2 :]]


@pytest.mark.parametrize(
    ("change", "check", "place"),
    [
        (_bit_of_a_record, "reexecution", AT),
        (_bit_of_a_record, "source", AT + 1),
        (_bit_of_a_number, "source", AT),
        (_swapped, "source", AT + 1),
    ],
)
def test_a_journal_that_stops_short_is_found(
    put: Put, tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], check: str, place: int
) -> None:
    """Readers stop at a record that was changed; this is told, with the offset, and what was changed."""
    source = put(change)
    report = _verified(source, tmp_path / "with")
    assert (check, place) in [(one.check, one.place) for one in report.findings], report.findings
    assert report.waiting > 0
    assert any(neighbour.where.startswith("offset ") for neighbour in report.neighbours)
    assert check not in _verified(source, tmp_path / "without", without=check).found


def test_a_tail_that_was_signed_is_missed(
    put: Put, tmp_path: Path, stack: RunningStack, topic_prefix: str
) -> None:
    """A journal that lost its tail is well in itself; a checkpoint on the topic tells that there was more.

    A checkpoint signed with another key is told as well.
    """
    kept: list[bytes] = []

    def cut(journal: list[bytes]) -> list[bytes]:
        kept.extend(journal)
        return journal[:-20]

    source = put(cut)
    signer, other = Signer.generate(ORIGIN), Signer.generate(ORIGIN)
    keys = KeyList(ORIGIN, (ListedKey(0, signer.verifier),))
    topic = CheckpointTopic(stack.kafka, topic_prefix)
    for size, key in ((100, signer), (200, other), (300, signer)):
        topic.send(ORIGIN, sign(Checkpoint(ORIGIN, size, root_of(leaf_hashes(kept[:size]))), key))
    stated = collect(ALL_CHECKS, None, topic, own_keys=keys)
    report = _verified(source, tmp_path / "with", [RootsPlan(stated, 20)])
    assert {"checkpoints": 2} == report.found, report.findings
    signed_by_another, gone = report.findings
    assert (199, True) == (signed_by_another.place, "is not signed by a key" in signed_by_another.what)
    assert (280, True) == (gone.place, "speaks of 300 decisions" in gone.what)
    without = ALL_CHECKS - {"checkpoints"}
    untold = _verified(
        source, tmp_path / "without", [RootsPlan(collect(without, None, topic), 20)], "checkpoints"
    )
    assert {} == untold.found


def test_the_command_on_live_topics_and_tables(
    put: Put, stack: RunningStack, topic_prefix: str, database: str, tmp_path: Path
) -> None:
    """Well: exit code 0. A row changed: 1, and it is named. What is not decided yet is counted."""
    source = put(lambda journal: journal[:-50])
    journal = [value for values in source.decisions() for value in values]
    with psycopg.connect(database, autocommit=True) as connection:
        migrate(connection)
        tables.open_session(connection)
        apply_all(connection, journal, 200)
        settings = Settings(
            home=tmp_path / "home",
            topic_prefix=topic_prefix,
            kafka_bootstrap_servers=stack.bootstrap,
            outside_postgres_dsn=SecretStr(database),
        )
        well = neraca("verify", "--json", settings=settings)
        assert 0 == well.code, well.err
        told = json.loads(well.out)
        assert (True, 250, 50, {}) == (told["well"], told["decisions"], told["waiting"], told["found"])
        connection.execute("UPDATE neraca.permits SET revoked = NOT revoked WHERE permit_id = 'SIP-000001'")
    wrong = neraca("verify", settings=settings)
    assert 1 == wrong.code, wrong.err
    assert b"permit_id SIP-000001" in wrong.out
    assert b"revoked: expected false, found true" in wrong.out


def test_a_tail_that_only_the_keys_remember_is_missed(
    put: Put, stack: RunningStack, topic_prefix: str, tmp_path: Path
) -> None:
    """Topics put back to an older state, with their checkpoints: what was signed lies beside the key too."""
    put(lambda journal: journal[:-50])
    settings = Settings(
        home=tmp_path / "home", topic_prefix=topic_prefix, kafka_bootstrap_servers=stack.bootstrap
    )
    keys = transparency.log_keys(settings)
    keys.create(ORIGIN)
    asked = ("verify", "--without", "tables", "--json")
    well = neraca(*asked, settings=settings)
    assert 0 == well.code, well.out + well.err.encode()
    keys.remember(sign(Checkpoint(ORIGIN, 300, bytes(32)), keys.signer()))
    wrong = neraca(*asked, settings=settings)
    assert 1 == wrong.code, wrong.err
    (finding,) = json.loads(wrong.out)["findings"]
    assert ("checkpoints", 250) == (finding["check"], finding["place"])
    assert "the last checkpoint that this home's key signed speaks of 300 decisions" in finding["what"]
    assert 0 == neraca(*asked, "--without", "checkpoints", settings=settings).code
