"""The container files start the same system as the embedded stack."""

import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from neraca.cli import app
from neraca.settings import Settings
from neraca.stack.jars import KAFKA_VERSION
from neraca.stack.postgres import MAJOR_VERSION

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """docker-compose.yml with anchors and merges resolved."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return document


def test_compose_file_is_valid() -> None:
    """The file keeps to the Compose specification."""
    program = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    """Every image names a version: the same file starts the same system next year."""
    images = {service["image"] for service in compose["services"].values()}
    assert set() == {image for image in images if not re.fullmatch(r"[\w./-]+:v?\d+(?:\.\d+)*", image)}


def test_ports_stay_on_this_machine(compose: dict[str, Any]) -> None:
    """Development passwords stand in the file, so nothing listens beyond this machine."""
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]


def test_long_running_services_are_watched(compose: dict[str, Any]) -> None:
    """Every service but the one-shot `init` has a health check and comes back after a crash."""
    for name, service in compose["services"].items():
        if name != "init":
            assert "healthcheck" in service, name
            assert "unless-stopped" == service["restart"], name


def test_state_is_in_named_volumes(compose: dict[str, Any]) -> None:
    """What must outlive a container is in a named volume; what is mounted from here exists."""
    mounts = [m.split(":")[0] for s in compose["services"].values() for m in s.get("volumes", [])]
    named = {mount for mount in mounts if not mount.startswith(".")}
    assert set(compose["volumes"]) == named
    assert [] == [mount for mount in mounts if mount.startswith(".") and not (ROOT / mount).exists()]


def test_two_deciders_share_no_state(compose: dict[str, Any]) -> None:
    """There is an active decider and a standby, each with its own snapshot."""
    deciders = {
        n: s for n, s in compose["services"].items() if s.get("command", [])[:2] == ["run", "decider"]
    }
    assert 2 == len(deciders)
    assert 2 == len({tuple(service["volumes"]) for service in deciders.values()})


def test_same_kafka_and_postgres(compose: dict[str, Any]) -> None:
    """Containers and embedded stack run the same Kafka and the same major version of PostgreSQL."""
    assert f"apache/kafka:{KAFKA_VERSION}" == compose["services"]["kafka"]["image"]
    assert f"postgres:{MAJOR_VERSION}" == compose["services"]["postgres"]["image"]


def test_settings_are_real(compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings class reads what our containers are given: no unknown name, nothing left embedded."""
    for name, service in ours(compose).items():
        for variable, value in service["environment"].items():
            monkeypatch.setenv(variable, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value))
        settings = Settings.read()
        assert not settings.kafka_is_embedded, name
        assert not settings.postgres_is_embedded, name


def test_commands_are_real(compose: dict[str, Any]) -> None:
    """Each container of ours runs a command that `neraca` has, with options that it knows."""
    for name, service in ours(compose).items():
        done = subprocess.run(
            [sys.executable, "-m", "neraca", *service["command"], "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, f"{name}: {done.stderr}"


def test_documented_commands_are_real(compose: dict[str, Any]) -> None:
    """Each command of docs/containers.md names services of the file; one of ours, what `neraca` takes."""
    text = (ROOT / "docs/containers.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    group = typer.main.get_command(app)
    parsed = 0
    for line in lines:
        program, compose_word, verb, *words = shlex.split(line.partition(" < ")[0])
        assert ("docker", "compose") == (program, compose_word)
        named = [word for word in words if word in compose["services"]]
        if verb == "up":
            assert {word for word in words if word[0] != "-"} == set(named), line
        elif verb in {"run", "exec"}:
            assert named[0] in ours(compose), line
            ours_too = words[words.index(named[0]) + 1 :]
            if verb == "exec":
                assert "neraca" == ours_too.pop(0), line
            command = group.get_command(group.make_context("neraca", list(ours_too)), ours_too[0])  # type: ignore[attr-defined]
            command.make_context(ours_too[0], ours_too[1:])
            parsed += 1
        else:
            assert verb in {"build", "cp"}, line
    assert parsed > 10
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert 'ENTRYPOINT ["neraca"]' in dockerfile.splitlines()


def test_topics_are_never_automatic(compose: dict[str, Any]) -> None:
    """Topics come from `init`, with the settings of the embedded stack; the broker makes none by itself."""
    assert "false" == compose["services"]["kafka"]["environment"]["KAFKA_AUTO_CREATE_TOPICS_ENABLE"]
    assert ["up", "--no-services"] == compose["services"]["init"]["command"]


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The services that run our image."""
    return {n: s for n, s in compose["services"].items() if s["image"].startswith("neraca:")}


def test_services_wait_for_their_ground(compose: dict[str, Any]) -> None:
    """Ours start when topics and tables are there, and those are made when broker and database are up."""
    services = compose["services"]
    assert {"kafka": "service_healthy", "postgres": "service_healthy"} == {
        name: need["condition"] for name, need in services["init"]["depends_on"].items()
    }
    for name, service in ours(compose).items():
        if name != "init":
            assert "service_completed_successfully" == service["depends_on"]["init"]["condition"], name


def test_every_service_of_ours_is_scraped(compose: dict[str, Any]) -> None:
    """Prometheus asks each of our services, at the port where it serves its metrics."""
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8"))
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "neraca"]
    targets = {target for entry in job["static_configs"] for target in entry["targets"]}
    expected = {
        f"{name}:{service['command'][service['command'].index('--metrics-port') + 1]}"
        for name, service in ours(compose).items()
        if name != "init"
    }
    assert expected == targets


@pytest.mark.slow
def test_wheel_is_whole(tmp_path: Path) -> None:
    """The wheel that the image installs holds every module, schema and migration, and runs by itself."""
    source = copy_of_sources(tmp_path / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [
            *pip,
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            str(tmp_path),
            str(source),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        wanted = {
            str(path.relative_to(source))
            for package in PACKAGES
            for path in (source / package).rglob("*")
            if path.name.endswith((".py", ".avsc", ".sql", ".json"))
        }
        assert set() == wanted - set(packed.namelist())
        packed.extractall(tmp_path / "installed")
    for module in ("neraca.compiled", "neraca.cli"):
        shown = subprocess.run(
            [sys.executable, "-P", "-c", f"import {module} as module; print(module.__file__)"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(tmp_path / "installed")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert shown.startswith(str(tmp_path / "installed")), shown


PACKAGES = {"schemas", "ledger", "producers", "projections", "consumers", "audit", "neraca"}


def copy_of_sources(target: Path) -> Path:
    """The files of a clone that deploy/Dockerfile copies, in a folder of their own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in listed:
        wanted = name.split("/")[0] in {*PACKAGES, "pyproject.toml", "setup.py", "README.md", "LICENSE"}
        if wanted and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes((ROOT / name).read_bytes())
    return target
