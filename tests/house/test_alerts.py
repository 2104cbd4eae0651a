"""The alerts that are deployed: each explains itself, fires where it should, and nowhere else."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOYED = ROOT / "deploy/prometheus"
STORIES = Path(__file__).with_name("alerts.test.yml")


def alerts() -> list[dict[str, Any]]:
    """Every alert that Prometheus is given."""
    groups = yaml.safe_load((DEPLOYED / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str | Path) -> None:
    """Run Prometheus' own checker, where it is installed; what it finds wrong is shown."""
    program = shutil.which("promtool")
    if program is not None:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
        assert 0 == done.returncode, done.stdout + done.stderr


def test_every_alert_says_what_to_do() -> None:
    """Whoever is called reads what is wrong and where to begin, and knows whether it can wait."""
    for alert in alerts():
        assert {"summary", "advice"} == set(alert["annotations"]), alert["alert"]
        assert alert["labels"]["severity"] in {"page", "ticket"}, alert["alert"]


def test_prometheus_takes_the_files() -> None:
    """The configuration of the container is one that Prometheus starts with, its alerts included."""
    config = yaml.safe_load((DEPLOYED / "prometheus.yml").read_text(encoding="utf-8"))
    assert ["alerts.yml"] == config["rule_files"]
    promtool("check", "config", DEPLOYED / "prometheus.yml")


def test_each_fires_and_keeps_still() -> None:
    """Of series that go wrong each alert fires, and of a healthy, a resting and a busy ledger none does."""
    stories = STORIES.read_text(encoding="utf-8")
    assert [] == [alert["alert"] for alert in alerts() if alert["alert"] not in stories]
    promtool("test", "rules", STORIES)
