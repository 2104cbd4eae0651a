"""The decider as a process of its own with what the settings do not offer: small limits, or other rules.

Run by `services.py`. The loop is the real one; only what it is given differs.
"""

import argparse
import resource
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from consumers import decider
from consumers.seen_actions import FRESH_IDS_MAX
from ledger.engine import Engine
from ledger.state import State
from neraca.settings import Settings
from tests.faults.other_rules import start_with_other_rules


class OtherRules:
    """Stands where the decider looks for its engine, and starts one that judges otherwise."""

    def __new__(cls, state: State, last_sha256: bytes) -> Engine:  # type: ignore[misc] # it gives engines
        """Give an engine that goes on from a snapshot."""
        return Engine(state, last_sha256)

    start = staticmethod(start_with_other_rules)


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--metrics-port", type=int, required=True)
    parser.add_argument("--snapshot-every", type=int, default=decider.SNAPSHOT_EVERY_DECISIONS)
    parser.add_argument("--fresh-ids-max", type=int, default=FRESH_IDS_MAX)
    parser.add_argument("--file-bytes-max", type=int, help="no file may grow larger: as on a full disk")
    parser.add_argument("--other-rules", action="store_true")
    arguments = parser.parse_args()
    if arguments.file_bytes_max is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (arguments.file_bytes_max, resource.RLIM_INFINITY))
    settings = Settings.read()
    config = decider.DeciderConfig(
        kafka=settings.kafka_config(),
        topic_prefix=settings.topic_prefix,
        state_folder=arguments.state,
        metrics_port=arguments.metrics_port,
    )
    if arguments.other_rules:
        vars(decider)["Engine"] = OtherRules
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    decider.run(
        replace(
            config,
            snapshot_every_decisions=arguments.snapshot_every,
            fresh_ids_max=arguments.fresh_ids_max,
        ),
        stop,
    )


if __name__ == "__main__":
    main()
