"""The embedded stack on the real thing:

nothing is lost, nothing foreign is touched, and what goes wrong is said.
"""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg.conninfo import make_conninfo

from consumers.monitoring import Monitoring
from neraca.commands.demo import MARKER
from neraca.keystore.master_keys import MASTER_KEY_FILE
from neraca.settings import Settings
from neraca.stack import ports, postgres, processes, unprivileged
from neraca.stack.embedded import SERVICES, EmbeddedStack, why_not_ready
from neraca.stack.home import FORMAT, Home
from neraca.stack.jars import class_path
from neraca.stack.kafka import EmbeddedKafka
from neraca.stack.postgres import EmbeddedPostgres
from projections.migrations import migrate
from schemas.errors import FolderUnusable, HalfMadeFolder, PortTaken, StackBusy, StackError
from schemas.topics import ACTIONS
from tests.commands.console import neraca
from tests.running import QUICK_START, RunningStack


@pytest.fixture
def bystander() -> Iterator[psutil.Popen]:
    """A process that has nothing to do with us and must be alive at the end."""
    with psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        assert process.is_running()
        process.kill()


def stack_in(home: Path) -> EmbeddedStack:
    """The stack of a home."""
    return EmbeddedStack(Settings(home=home, kafka_java_options=QUICK_START))


def write(home: Path, text: str) -> None:
    """One record on the action topic and one row in PostgreSQL, both acknowledged."""
    settings = Settings(home=home)
    producer = Producer({**settings.kafka_config(), "acks": "all"})
    failures: list[object] = []
    producer.produce(ACTIONS.name, text.encode(), on_delivery=lambda error, _: failures.append(error))
    producer.flush(10)
    assert [None] == failures
    with psycopg.connect(settings.postgres_dsn()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (text text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [text])


def read(home: Path) -> tuple[list[str], list[str]]:
    """All records of the action topic and all rows."""
    settings = Settings(home=home)
    consumer = Consumer({**settings.kafka_config(), "group.id": "reader", "enable.auto.commit": False})
    start = TopicPartition(ACTIONS.name, 0, 0)
    _, end = consumer.get_watermark_offsets(start, timeout=10)
    consumer.assign([start])
    records: list[str] = []
    while len(records) < end:
        message = consumer.poll(10)
        assert message is not None
        assert message.error() is None
        records.append((message.value() or b"").decode())
    consumer.close()
    with psycopg.connect(settings.postgres_dsn()) as connection:
        rows = [row[0] for row in connection.execute("SELECT text FROM kept ORDER BY text")]
    return records, rows


def conditions(stack: EmbeddedStack) -> dict[str, str]:
    """Part -> condition."""
    return {part.name: part.condition for part in stack.status().parts}


def test_nothing_is_lost_between_down_and_up(new_home: Path) -> None:
    """A record and a row survive; the ports stay; a second `up` and a second `down` change nothing."""
    stack = stack_in(new_home)
    first = stack.up(services=())
    again = stack.up(services=())
    assert [part.pid for part in first.parts] == [part.pid for part in again.parts]
    write(new_home, "one")
    stopped = stack.down()
    assert {"kafka": True, "postgres": True} == {each.name: each.when_asked for each in stopped}
    assert {"kafka": "stopped", "postgres": "stopped"} == conditions(stack)
    assert [] == stack.down()
    assert not any(psutil.pid_exists(part.pid) for part in first.parts if part.pid)
    second = stack.up(services=())
    assert [part.port for part in first.parts] == [part.port for part in second.parts]
    assert (["one"], ["one"]) == read(new_home)


def test_a_home_may_be_called_anything(new_home: Path) -> None:
    """A blank, a comma (between two folders, for Kafka), letters that Latin-1 has and has not."""
    home = new_home / "Beranda é, ĕ kedua"
    stack = stack_in(home)
    try:
        stack.up(services=())
        write(home, "one")
        stack.down()
        assert [home] == list(new_home.iterdir())
        stack.up(services=())
        assert (["one"], ["one"]) == read(home)
    finally:
        stack.down()
        shutil.rmtree(home, ignore_errors=True)


def test_two_homes_stand_side_by_side(stack: RunningStack, new_home: Path) -> None:
    """Each has ports and data of its own, listens on the loopback address only, and stops alone."""
    other = stack_in(new_home)
    other.up(services=())
    ours, theirs = stack_in(stack.home).status(), other.status()
    assert not {part.port for part in ours.parts} & {part.port for part in theirs.parts}
    addresses = {
        connection.laddr[0]
        for part in theirs.parts
        for connection in psutil.Process(part.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert {ports.LOOPBACK} <= addresses <= {ports.LOOPBACK, f"::ffff:{ports.LOOPBACK}"}
    other.down()
    assert {"kafka": "running", "postgres": "running"} == conditions(stack_in(stack.home))


def test_a_wanted_port_that_is_taken_is_named(new_home: Path) -> None:
    """The error says which port, for what and who asked; what the call had started is stopped again."""
    with socket.create_server((ports.LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        for home in (new_home, new_home / "new" / "home"):
            with pytest.raises(PortTaken, match=rf"port {port} .*--kafka-port for Kafka, is taken") as caught:
                stack_in(home).up(services=(), kafka_port=port)
            assert "--kafka-port" in caught.value.advice
            assert {"kafka": "stopped", "postgres": "stopped"} == conditions(stack_in(home))
            # Nothing half made stays, and what was there before does.
            assert [] == list(new_home.iterdir())


def test_a_remembered_port_gives_way(new_home: Path) -> None:
    """When another program took the port since, a free one is used and the data is still there."""
    stack = stack_in(new_home)
    before = stack.up(services=())
    write(new_home, "kept")
    stack.down()
    listening = [socket.create_server((ports.LOOPBACK, part.port or 0)) for part in before.parts]
    try:
        after = stack.up(services=())
    finally:
        for server in listening:
            server.close()
    assert not {part.port for part in before.parts} & {part.port for part in after.parts}
    assert (["kept"], ["kept"]) == read(new_home)


def test_a_crash_is_seen_and_mended(new_home: Path, bystander: psutil.Popen) -> None:
    """Both servers are killed and their process numbers go to another program.

    `status` says stopped, `down` leaves that program alone, `up` recovers with every acknowledged record and
    row.
    """
    stack = stack_in(new_home)
    started = stack.up(services=())
    write(new_home, "acknowledged")
    for part in started.parts:
        process = psutil.Process(part.pid)
        family = [process, *process.children(recursive=True)]
        os.kill(process.pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)
    assert {"kafka": "stopped", "postgres": "stopped"} == conditions(stack)
    state = stack.home.load()
    state.kafka.pid = state.postgres.pid = bystander.pid
    stack.home.save(state)
    lock = stack.home.postgres_data / "postmaster.pid"
    lines = lock.read_text(encoding="ascii").splitlines()
    lock.write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n", encoding="ascii")
    assert {"kafka": "stopped", "postgres": "stopped"} == conditions(stack)
    assert [] == stack.down()
    state.kafka.pid = state.postgres.pid = bystander.pid
    stack.home.save(state)
    stack.up(services=())
    assert (["acknowledged"], ["acknowledged"]) == read(new_home)


def test_a_broker_that_ended_by_itself_is_told_with_its_reason(new_home: Path) -> None:
    """A full disk ends Kafka: `status` says so, with its last error and where its log is; so does `up`.

    What `neraca down` stopped is said to be stopped, and no more.
    """
    stack = stack_in(new_home)
    started = stack.up(services=())
    broker = psutil.Process(started.parts[0].pid)
    log = stack.home.logs / "kafka.log"
    # Disks are full in many ways; that no file may grow beyond a size is one that harms nobody else.
    limit_bytes = log.stat().st_size + 300_000
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))
    producer = Producer({**Settings(home=new_home).kafka_config(), "message.timeout.ms": 20_000})
    producer.produce(ACTIONS.name, b"acknowledged" * 10)
    producer.flush(10)
    for _ in range(limit_bytes // 50_000 + 1):
        producer.produce(ACTIONS.name, os.urandom(50_000))
    producer.poll(0)
    broker.wait(30)
    producer.purge()

    kafka = stack.status().parts[0]
    assert "stopped" == kafka.condition
    assert kafka.note.startswith("ended without `neraca down`; 2")
    assert "Shutdown broker because all log dirs" in kafka.note
    assert kafka.note.endswith(f"see {log}")
    said = neraca("status", "--home", new_home)
    assert f"kafka: {kafka.note}\n" in said.out.decode()

    again = neraca("up", "--no-services", "--home", new_home)
    assert 0 == again.code, again.err
    assert f"it was down, and was started again: Kafka: {kafka.note}\n" in again.out.decode()
    assert ["running", "running"] == [part.condition for part in stack.status().parts]
    stack.down()
    assert ["", ""] == [part.note for part in stack.status().parts]


def test_a_lost_state_file_costs_nothing(new_home: Path) -> None:
    """Running servers are found by their command line, and restarted where their ports are not known."""
    stack = stack_in(new_home)
    stack.up(services=())
    write(new_home, "kept")
    stack.home.state_file.unlink()
    assert {"kafka": "not answering", "postgres": "not answering"} == conditions(stack)
    stack.up(services=())
    assert {"kafka": "running", "postgres": "running"} == conditions(stack)
    assert (["kept"], ["kept"]) == read(new_home)


def test_an_interrupted_first_start_is_done_again(new_home: Path) -> None:
    """What a killed `up` left half made under its temporary name was never used, so it is made anew."""
    settings = Settings(home=new_home)
    home = Home(new_home)
    for data in (home.kafka_data, home.postgres_data):
        partial = data.with_name("data.partial")
        partial.mkdir(parents=True)
        (partial / "rubbish").write_text("cut", encoding="ascii")
    home.prepare()
    EmbeddedPostgres(home).format()
    EmbeddedKafka(home, heap_mb=256).format(class_path(settings.jar_cache))
    assert (home.postgres_data / "global" / "pg_control").exists()
    assert (home.kafka_data / "meta.properties").exists()
    assert not list(new_home.glob("*/data.partial"))
    assert not list(new_home.glob("*/data/rubbish"))


@pytest.mark.parametrize(
    ("present", "named"),
    [
        ("kafka/data/placement.actions.v1-0/00000000000000000000.log", "meta.properties"),
        ("postgres/data/base/1/112", "PostgreSQL"),
    ],
)
def test_half_made_data_is_named_and_kept(new_home: Path, present: str, named: str) -> None:
    """Files that do not make a complete data folder are never overwritten:

    the message says which and what to do.
    """
    file = new_home / present
    file.parent.mkdir(parents=True)
    file.write_bytes(b"precious")
    with pytest.raises(HalfMadeFolder, match=named) as caught:
        stack_in(new_home).up(services=())
    assert str(new_home / Path(*Path(present).parts[:2])) in caught.value.advice
    assert b"precious" == file.read_bytes()


def test_a_database_of_another_version_is_named_and_kept(new_home: Path) -> None:
    """A data folder of an older PostgreSQL stops the start before anything happens to it."""
    data = new_home / "postgres" / "data"
    (data / "global").mkdir(parents=True)
    (data / "global" / "pg_control").write_bytes(b"")
    (data / "PG_VERSION").write_text("16\n", encoding="ascii")
    with pytest.raises(HalfMadeFolder, match="PostgreSQL 16"):
        stack_in(new_home).up(services=())


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"format": FORMAT + 1}, "newer Neraca"),
        ({"format": FORMAT, "kafka": {"version": "99.0.0"}}, "written by Kafka 99.0.0"),
        ({"format": FORMAT, "kafka": 7}, "damaged"),
    ],
)
def test_a_state_that_cannot_be_used_is_named(new_home: Path, state: dict[str, object], reason: str) -> None:
    """A home of a newer version, or a damaged state file, is not guessed at."""
    (new_home / "stack.json").write_text(json.dumps(state), encoding="ascii")
    with pytest.raises(HalfMadeFolder, match=reason):
        stack_in(new_home).up(services=())


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder can be made there, it belongs to another user, or the disk is nearly full: each is said."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FolderUnusable, match="cannot write in"):
        stack_in(tmp_path / "file" / "home").up(services=())
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(FolderUnusable, match="only 0 MiB free on the disk"):
        stack_in(tmp_path / "home").up(services=())
    assert not (tmp_path / "home").exists()
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(FolderUnusable, match="this command runs as user 12345"):
        stack_in(tmp_path / "home").down()


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_folder_of_something_else_is_not_taken(tmp_path: Path, command: str) -> None:
    """What holds other things and no stack is refused, and neither its mode nor its contents change."""
    folder = tmp_path / "documents"
    folder.mkdir(mode=0o755)
    (folder / "stack.json").write_text("[]", encoding="ascii")
    (folder / "letter.txt").write_text("dear", encoding="ascii")
    (folder / "logs").mkdir()
    with pytest.raises(FolderUnusable, match=r"documents holds letter\.txt, and no stack") as caught:
        getattr(stack_in(folder), command)()
    assert "--home" in caught.value.advice
    assert ["letter.txt", "logs", "stack.json"] == sorted(entry.name for entry in folder.iterdir())
    assert 0o755 == folder.stat().st_mode & 0o777


def test_what_came_before_the_first_start_is_no_obstacle(tmp_path: Path) -> None:
    """The demo's marker, the master key, what `neraca run` leaves.

    The open folder stays open, what holds data does not. Once there is a stack, other things may lie beside
    it.
    """
    home = Home(tmp_path / "home")
    home.folder.mkdir(mode=0o755)
    for name in (MARKER, MASTER_KEY_FILE, "lock"):
        (home.folder / name).touch()
    home.service_folder("decider").mkdir(parents=True)
    made = home.prepare()
    assert 0o755 == home.folder.stat().st_mode & 0o777
    assert {"kafka", "postgres", "logs"} == {path.name for path in made}
    assert {0o700} == {path.stat().st_mode & 0o777 for path in made}
    home.tidy(made)
    assert {MARKER, MASTER_KEY_FILE, "lock", "services"} == {path.name for path in home.folder.iterdir()}
    home.save(home.load())
    (home.folder / "notes.txt").touch()
    home.prepare()


def test_two_commands_do_not_fight(new_home: Path) -> None:
    """While one command changes a home, another is told to wait."""
    stack = stack_in(new_home)
    stack.home.prepare()
    with stack.home.locked(), pytest.raises(StackBusy) as caught:
        stack.up(services=())
    assert caught.value.retryable


def test_a_running_server_does_not_move(stack: RunningStack) -> None:
    """Asking for another port while the server runs is refused, not ignored."""
    with pytest.raises(StackError, match="runs already, on port"):
        stack_in(stack.home).up(services=(), with_topics=False, kafka_port=1)


@pytest.mark.parametrize("spelling", ["link", "dots"])
def test_a_home_is_one_stack_however_it_is_spelled(
    stack: RunningStack, tmp_path: Path, spelling: str
) -> None:
    """Through a link or with `..`, what runs is found: `down` would end it, and `up` starts no second."""
    (tmp_path / "elsewhere").mkdir()
    if spelling == "link":
        home = tmp_path / "link"
        home.symlink_to(stack.home)
    else:
        home = tmp_path / "elsewhere" / ".." / os.path.relpath(stack.home, tmp_path)
    found = stack_in(home).status()
    assert {"kafka": "running", "postgres": "running"} == {
        part.name: str(part.condition) for part in found.parts if part.name in ("kafka", "postgres")
    }
    assert stack.home == found.home


def test_the_database_wants_its_password(stack: RunningStack) -> None:
    """No connection without the generated password, which only the owner can read."""
    wrong = make_conninfo(stack.dsn, password=stack.dsn[-8:])
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)
    assert 0o600 == (stack.home / "postgres" / "password").stat().st_mode & 0o777
    assert 0o700 == stack.home.stat().st_mode & 0o777


def test_the_database_starts_from_programs_in_a_closed_folder(
    new_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment below a folder closed to others, as root's home is, serves root as well."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    installed = postgres._program("initdb").parents[1]
    shutil.copytree(installed, closed / installed.parent.name / installed.name, symlinks=True)
    libraries = f"{installed.parent.name}.libs"
    if (installed.parents[1] / libraries).exists():
        shutil.copytree(installed.parents[1] / libraries, closed / libraries, symlinks=True)
    programs = closed / installed.parent.name / installed.name / "bin"
    monkeypatch.setattr(postgres, "_program", programs.joinpath)
    home = Home(new_home)
    home.prepare()
    server = EmbeddedPostgres(home)
    server.format()
    port = ports.choose("a test", wanted=None, option="", remembered=None, avoid=())
    process = server.start(port=port)
    try:
        server.wait_ready(process, port)
        assert str(programs / "postgres") == process.exe()
    finally:
        assert server.stop(process)
    shutil.rmtree(closed)


def test_root_starts_the_database_from_a_checkout_with_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Python that lets go of root starts where the path to the checkout has other letters than ASCII."""
    environment = tmp_path / "Bérkas saya" / ".venv"
    venv.EnvBuilder(symlinks=True).create(environment)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "_neraca.pth").write_text(f"{environment.parent}\n", encoding="utf-8")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(sys, "executable", str(environment / "bin" / "python"))
    command = postgres._as_ordinary_user(tmp_path)
    script = command.index(unprivileged.__file__)
    done = subprocess.run(
        [*command[:script], "-c", "print('started')"],
        env=dict(processes.BARE_ENVIRONMENT),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("started\n", "") == (done.stdout, done.stderr)


def test_a_service_that_cannot_start_is_told_and_not_tried_forever(new_home: Path) -> None:
    """A migration differs after an upgrade: the reason of this start is shown, and nothing of older ones.

    The supervisor is stopped again, what ran before stays, and what the advice says works.
    """
    stack = stack_in(new_home)
    stack.up(services=())
    settings = Settings(home=new_home)
    with psycopg.connect(settings.postgres_dsn(), autocommit=True) as connection:
        migrate(connection)
        connection.execute("UPDATE neraca.schema_migrations SET sha256 = 'another' WHERE number = 1")
    old = stack.home.logs / "projector.log"
    old.write_text("a story of an older start\n", encoding="utf-8")
    with pytest.raises(StackError, match="was applied with SHA-256 another") as caught:
        stack.up(services=("projector",))
    assert "DROP SCHEMA neraca CASCADE" in str(caught.value)
    assert "older start" not in str(caught.value)
    assert old.read_text(encoding="utf-8").startswith("a story of an older start")
    assert {"kafka": "running", "postgres": "running", "projector": "stopped"} == conditions(stack)
    assert not psutil.pid_exists(stack.home.load().supervisor.pid or 0)
    with psycopg.connect(settings.postgres_dsn(), autocommit=True) as connection:
        connection.execute("DROP SCHEMA neraca CASCADE")
    stack.up(services=("projector",))
    assert "stopped" != conditions(stack)["projector"]


def test_a_service_that_is_not_ready_says_why() -> None:
    """A projector that fills its tables and a decider whose decisions are refused do not look alike."""
    service = Monitoring("projector", 0)
    try:
        service.ready(ready=False, because="it fills the tables for the first time")
        assert "it fills the tables for the first time" == why_not_ready(service.port)
        service.ready(ready=True)
        assert "" == why_not_ready(service.port)
    finally:
        service.close()
    assert None is why_not_ready(service.port)


def test_services_are_started_watched_and_stopped(new_home: Path) -> None:
    """`up` runs the services over both servers; killed ones come back, and `down` leaves no process behind.

    The supervisor is killed as well: `up` then replaces the services that it left, and does not double them.
    Kafka is killed, so that the decider ends, and is tried ever more seldom: `up` waits for no such try.
    """
    stack = stack_in(new_home)
    first = {part.name: part for part in stack.up().parts}
    assert {"kafka", "postgres", *SERVICES} == set(first)
    assert {"running"} == {part.condition for part in first.values()} - {"starting", "not ready"}
    for name in SERVICES:
        with urllib.request.urlopen(f"http://127.0.0.1:{first[name].port}/metrics", timeout=10) as page:
            assert b"neraca_" in page.read()
    supervisor_process = psutil.Process(stack.home.load().supervisor.pid)
    supervisor_process.kill()
    supervisor_process.wait(10)
    second = {part.name: part for part in stack.up().parts}
    for name in SERVICES:
        assert first[name].pid != second[name].pid
        assert not psutil.pid_exists(first[name].pid or 0)
        assert first[name].port == second[name].port
    for name in ("kafka", "decider"):
        killed = psutil.Process(second[name].pid)
        killed.kill()
        # Until the system has taken it away, `up` would find it running.
        killed.wait(10)
    assert "Kafka" in " ".join(stack.up().found_ended)
    assert {"running"} == set(conditions(stack).values()) - {"starting", "not ready"}
    stopped = [each.name for each in stack.down()]
    assert ["supervisor", "kafka", "postgres"] == stopped
    # The cleaner of this test run knows the folder as well, and is not the stack's.
    of_stack = [
        arguments
        for process in psutil.process_iter(["cmdline"])
        if str(new_home) in " ".join(arguments := process.info["cmdline"] or []) and "-c" not in arguments
    ]
    assert [] == of_stack
