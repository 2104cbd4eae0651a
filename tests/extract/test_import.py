"""`neraca import` through a real Kafka, decider, projector and PostgreSQL: once, again, and corrected."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.topics import ALL_TOPICS
from tests.commands.console import neraca
from tests.extract.small import SmallExtract
from tests.extract.test_privacy import assert_clean, planted
from tests.faults.services import Crew, crew
from tests.running import RunningStack


@pytest.fixture
def busy(stack: RunningStack, topic_prefix: str, database: str, tmp_path: Path) -> Iterator[Crew]:
    """An empty ledger with a decider and a projector at work."""
    with crew(stack.bootstrap, topic_prefix, tmp_path / "crew", database) as made:
        made.start()
        made.start_projector()
        yield made


def imported(busy: Crew, extract: SmallExtract, folder: Path) -> dict[str, Any]:
    """Write the extract anew, import it, and give the report."""
    shutil.rmtree(folder, ignore_errors=True)
    said = neraca("import", extract.write(folder), "--json", settings=busy.settings)
    assert (0, "") == (said.code, said.err)
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_once_again_and_corrected(busy: Crew, tmp_path: Path) -> None:
    """The second adds nothing; a correction adds what changed and what that makes possible."""
    extract = SmallExtract.ready(units=9, remaining=6)
    extract.life(1)
    incomplete = extract.life(2)
    orientation = extract.rows["tahapan.csv"].pop(incomplete["OPP"] - 2)
    verification = extract.life(3, stages=2)["VERIFIKASI"]
    folder = tmp_path / "extract"

    first = imported(busy, extract, folder)
    without = json.loads(neraca("import", folder, "--dry-run", "--json", settings=busy.settings).out)
    assert without == first
    assert {"ACCEPTED": 17, "REFUSED STAGE_OUT_OF_ORDER": 1} == first["outcomes"]

    second = imported(busy, extract, folder)
    assert {"DUPLICATE": 18} == second["outcomes"]
    assert (first["lines"], first["defects"]) == (second["lines"], second["defects"])

    # What lacked is there: the departure that was refused for it goes in as well. One row contradicts.
    extract.rows["tahapan.csv"].append(orientation)
    extract.rows["tahapan.csv"][verification - 2]["jam"] = "09.01"
    third = imported(busy, extract, folder)
    assert {"ACCEPTED": 2, "DUPLICATE": 16, "REFUSED STAGE_ALREADY_PASSED": 1} == third["outcomes"]
    assert [("tahapan.csv", verification, "contradicts_decided")] == [
        (each["file"], each["line"], each["kind"]) for each in third["defects"]
    ]
    assert 2 == third["lines"][0]["departed"]

    fourth = imported(busy, extract, folder)
    assert {"DUPLICATE": 19} == fourth["outcomes"]
    assert (third["lines"], third["defects"]) == (fourth["lines"], fourth["defects"])


def test_a_correction_reaches_all_that_waited_for_it(busy: Crew, tmp_path: Path) -> None:
    """Agency, permit, registration, stages: what was refused for want of the one before it goes in, in order.

    So do a registration that another of the same person barred, and one that found no unit left. The ledger
    ends as if the corrected extract had been the first; and a stage that comes too early stays refused.
    """
    extract = SmallExtract.ready(units=2, remaining=0)
    extract.permit("SIP-2", units=3, remaining=2)
    extract.rows["sip2mi.csv"][-1]["kode_p3mi"] = "P-2"
    extract.life(1)
    extract.rows["cpmi.csv"][-1].update(kode_p3mi="P-2", nomor_sip2mi="SIP-2")
    extract.life(2, stages=0)
    extract.life(3, stages=1, month=4)
    extract.rows["cpmi.csv"][-1]["nik"] = extract.rows["cpmi.csv"][-2]["nik"]
    extract.life(4, stages=0)
    extract.life(5, stages=1, month=4)
    extract.life(6, stages=0)
    extract.stage(6, "PERJANJIAN", "10/03/2022")
    extract.stage(6, "VERIFIKASI", "11/03/2022")
    folder = tmp_path / "extract"
    imported(busy, extract, folder)

    extract.add("p3mi.csv", kode_p3mi="P-2", nama="PT Dua", status="AKTIF", tgl_status="01/11/2021")
    extract.stage(2, "BATAL", "05/03/2022", keterangan="-")
    extract.stage(4, "BATAL", "05/03/2022", keterangan="-")
    corrected = imported(busy, extract, folder)
    fresh = json.loads(neraca("import", folder, "--dry-run", "--json", settings=busy.settings).out)
    assert (fresh["lines"], fresh["defects"]) == (corrected["lines"], corrected["defects"])
    assert fresh["actions"] == corrected["actions"] == sum(corrected["outcomes"].values())
    with psycopg.connect(busy.settings.postgres_dsn()) as database:
        accepted = database.execute("SELECT count(*) FROM neraca.decisions WHERE outcome = 'ACCEPTED'")
        assert (fresh["outcomes"]["ACCEPTED"],) == accepted.fetchone()

    again = imported(busy, extract, folder)
    assert {"DUPLICATE": fresh["actions"]} == again["outcomes"]
    assert (corrected["lines"], corrected["defects"]) == (again["lines"], again["defects"])


def test_nothing_personal_on_any_topic_or_in_any_table(busy: Crew, tmp_path: Path) -> None:
    """Every record of every topic, every row of every table, every log; and the key is the owner's alone."""
    assert imported(busy, planted(), tmp_path / "extract")["actions"] > 5
    consumer = Consumer(
        {**busy.settings.kafka_config(), "group.id": "a-test", "auto.offset.reset": "earliest"}
    )
    read = 0
    for topic in ALL_TOPICS:
        partition = TopicPartition(topic.under(busy.settings.topic_prefix), 0, 0)
        _, high = consumer.get_watermark_offsets(partition, timeout=10)
        consumer.assign([partition])
        for message in consumer.consume(high, timeout=20) if high else []:
            read += 1
            assert_clean(((message.key() or b"") + (message.value() or b"")).decode("latin-1"))
    consumer.close()
    assert read > 10
    with psycopg.connect(busy.settings.postgres_dsn()) as database:
        tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'neraca'").fetchall()
        assert len(tables) > 5
        for (table,) in tables:
            for (row,) in database.execute(f'SELECT t::text FROM neraca."{table}" t').fetchall():  # noqa: S608
                assert_clean(row)
    for log in busy.folder.rglob("*.log"):
        assert_clean(log.read_text(encoding="utf-8"))
    key = busy.settings.home / "master.key"
    assert 0o600 == stat.S_IMODE(key.stat().st_mode)


def test_nobody_decides(stack: RunningStack, topic_prefix: str, database: str, tmp_path: Path) -> None:
    """It ends with what happened and what to do, and says that another try is safe."""
    with crew(stack.bootstrap, topic_prefix, tmp_path / "crew", database) as idle:
        folder = SmallExtract.ready().write(tmp_path / "extract")
        said = neraca("import", folder, "--timeout-seconds", "2", settings=idle.settings)
    assert (2, b"") == (said.code, said.out)
    assert "no decision came for 2 seconds; 0 of 2 actions are decided" in said.err
    assert "Importing again is safe" in said.err


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 33])
def test_a_damaged_key_of_former_ids_is_not_replaced(key: bytes, busy: Crew, tmp_path: Path) -> None:
    """Without it everybody whom the ledger knows would be somebody else: the command stops."""
    path = busy.settings.home / "person-ids.key"
    path.write_bytes(key)
    folder = SmallExtract.ready().write(tmp_path / "extract")
    said = neraca("import", folder, settings=busy.settings)
    assert (2, True) == (said.code, "holds no key of 32 bytes" in said.err)
    assert key == path.read_bytes()
