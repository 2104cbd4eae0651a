"""The command itself, as a process with an emptied environment: exit codes, help, JSON, quiet pipes."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from neraca.cli import _COMMANDS
from neraca.settings import Settings
from tests.running import RunningStack

ROOT = Path(__file__).parents[2]


def neraca(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing in the environment but PATH, HOME and what is given."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), **variables}
    return subprocess.run(
        [sys.executable, "-m", "neraca", *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.parametrize("command", _COMMANDS)
def test_every_command_has_help_with_an_example(command: str, tmp_path: Path) -> None:
    """`--help` shows how the command is used."""
    done = neraca(command, "--help", home=tmp_path)
    assert (0, "") == (done.returncode, done.stderr)
    assert "Example: " in done.stdout
    assert f"neraca {command}" in done.stdout


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    """What only the work needs is not loaded to show a page of help."""
    program = (
        "import sys; from neraca.cli import main\ntry: main(['up', '--help'])\nfinally: print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"polars", "jgo", "pydantic_settings", "confluent_kafka", "psycopg", "psutil", "structlog"}
    assert set() == heavy & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "No such command 'nope'"),
        (["up", "--kafka-port", "70000"], "--kafka-port"),
        (["run", "nope"], "there is no service 'nope'"),
        (["run", "decider"], "there is no stack in"),
    ],
)
def test_bad_usage_ends_with_two(arguments: list[str], said: str, tmp_path: Path) -> None:
    """Exit code 2, the reason on standard error, nothing on standard output, no traceback."""
    done = neraca(*arguments, home=tmp_path)
    assert (2, "") == (done.returncode, done.stdout)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_ends_with_two(tmp_path: Path) -> None:
    """A misspelt variable is not passed over."""
    done = neraca("status", home=tmp_path, NERACA_HOEM="x")
    assert 2 == done.returncode
    assert "unknown setting: NERACA_HOEM (did you mean NERACA_HOME?)" in done.stderr


def test_down_and_status_of_nothing(tmp_path: Path) -> None:
    """Where nothing was started, nothing is stopped, nothing is made, and that is no error."""
    done = neraca("down", "--home", str(tmp_path / "none"), home=tmp_path)
    assert (0, f"nothing was running in {tmp_path / 'none'}\n") == (done.returncode, done.stdout)
    done = neraca("status", "--json", "--home", str(tmp_path / "none"), home=tmp_path)
    assert not json.loads(done.stdout)["running"]
    assert not (tmp_path / "none").exists()


def test_up_status_down(new_home: Path, tmp_path: Path) -> None:
    """The way of a user, in a pipe: quiet on standard error, a result for programs on standard output."""
    cache = str(Settings(home=new_home).jar_cache)
    home = ("--home", str(new_home))
    up = neraca("up", "--no-services", "--json", *home, home=tmp_path, NERACA_JAR_CACHE=cache)
    assert (0, "") == (up.returncode, up.stderr)
    assert json.loads(up.stdout)["running"]
    status = neraca("status", *home, home=tmp_path)
    assert 2 == status.stdout.count("running")
    described = neraca("status", "--json", *home, home=tmp_path)
    access = json.loads(described.stdout)["postgres"]
    assert {"127.0.0.1", "neraca", str(new_home / "postgres" / "password")} <= set(access.values())
    assert f"tables: {access['psql']}" in status.stdout
    command = f"{access['psql']} -Atc 'SELECT current_user, inet_server_port()'"
    answer = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert f"neraca|{access['port']}\n" == answer.stdout
    password = Path(access["password_file"]).read_text(encoding="ascii")
    assert password not in status.stdout + described.stdout + up.stdout
    down = neraca("down", "--json", *home, home=tmp_path)
    stopped = json.loads(down.stdout)["stopped"]
    assert [("kafka", True), ("postgres", True)] == [(each["name"], each["when_asked"]) for each in stopped]


def test_a_service_without_topics_says_what_to_do(stack: RunningStack, tmp_path: Path) -> None:
    """The topics are checked before the service starts."""
    done = neraca("run", "decider", "--home", str(stack.home), home=tmp_path, NERACA_TOPIC_PREFIX="absent.")
    assert 2 == done.returncode
    assert "missing topics" in done.stderr
    assert "absent.placement.actions.v1" in done.stderr
    assert "neraca up" in done.stderr


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    """`neraca … | head`: no traceback, and the exit code that a shell gives to SIGPIPE."""
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [sys.executable, "-m", "neraca", "status", "--json", "--home", str(tmp_path / "none")],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writing)
        _, errors = process.communicate(timeout=60)
    assert (141, "") == (process.returncode, errors)


@pytest.mark.parametrize("arguments", [["--help"], ["workload", "--candidates", "20"], ["decide", "--help"]])
def test_a_full_disk_behind_standard_output_ends_with_two(arguments: list[str]) -> None:
    """A sentence and no traceback; 1 would mean that a difference was found."""
    with Path("/dev/full").open("wb") as full:
        said = subprocess.run(
            [sys.executable, "-m", "neraca", *arguments],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert 2 == said.returncode
    assert b"no space is left" in said.stderr
    assert b"Traceback" not in said.stderr


def test_commands_point_at_functions() -> None:
    """Every line of the table of commands leads to a module that is there."""
    modules = {target.split(":")[0] for target in _COMMANDS.values()}
    assert all(importlib.util.find_spec(module) for module in modules)
