"""A real Prometheus, where one is installed: started for one test, asked over its API, stopped."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

START_TIMEOUT_SECONDS = 30


def installed() -> str | None:
    """The program, or None on a machine that has none."""
    return shutil.which("prometheus")


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Prometheus:
    """What a running Prometheus answers."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def __repr__(self) -> str:
        return f"Prometheus({self.url})"

    def get(self, path: str, **parameters: str) -> Any:
        """The `data` of an API call; an error of the query shows its message."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        result: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return result

    def wait_for_scrapes(self, count: int, timeout_seconds: float = 60) -> None:
        """Until every target was read this often: a rate needs two values."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            scrapes = [
                float(s["value"][1]) for s in self.query("min_over_time(up[1m]) * count_over_time(up[1m])")
            ]
            if scrapes and min(scrapes) >= count:
                return
            assert time.monotonic() < deadline, f"not scraped in time: {self.get('targets')}"
            time.sleep(0.3)


@contextmanager
def scraping(targets: Sequence[str], folder: Path) -> Iterator[Prometheus]:
    """A Prometheus that reads these host:port and the deployed alerts once a second; its data in `folder`."""
    program = installed()
    assert program is not None
    deployed = Path(__file__).parents[2] / "deploy/prometheus"
    config = yaml.safe_load((deployed / "prometheus.yml").read_text("utf-8"))
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(deployed / name) for name in config["rule_files"]]
    (job,) = [job for job in config["scrape_configs"] if job["job_name"] == "neraca"]
    job["static_configs"] = [{"targets": list(targets)}]
    config["scrape_configs"] = [job]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        wait_ready(process, port, folder / "prometheus.log")
        yield Prometheus(port)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until it answers; a Prometheus that gave up shows its log."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2):
                return
        except OSError:
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
            time.sleep(0.1)
