"""Archives that released versions wrote, kept for ever: every later version has to find them well.

One file a version: `golden/vN.tar.xz` holds an archive as its writer left it, with the tiles, the checkpoints
and the documents of the log's keys; `golden/vN.vkey` is the first verifier key. The private keys are gone. To
keep the archive of a version, at its release: `python -m tests.audit.golden N`.
"""

from __future__ import annotations

import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from audit.archive.writer import ArchiveWriter
from audit.reexecution import Reexecution
from audit.source import RecordedAction
from audit.tlog.keys import LogKeys
from audit.tlog.publishing import CheckpointPublisher
from producers.workload import Profile, actions
from schemas.action_json import read_action_line
from schemas.errors import ShapeError
from schemas.framing import frame_action
from schemas.ids import built_in_ids
from schemas.strict_json import compact
from tests.audit.archived import ABOUT, append
from tests.audit.tampering import Ledger, recorded

FOLDER = Path(__file__).parent / "golden"
CASES = Path(__file__).parents[3] / "shared" / "cases"
ORIGIN = "example.org/golden"
CANDIDATES = 60
# What tells things apart: each case has things of its own, though all of them are called the same there.
_IDS = {
    "registration_id", "person_id", "agency_id", "permit_id", "training_id", "provider_id", "complaint_id",
    "destination", "version",
}  # fmt: skip


def _of_its_own(value: Any, case: int, name: str = "") -> Any:
    """The action of a case with ids that no other case has; countries become others."""
    if isinstance(value, dict):
        return {key: _of_its_own(each, case, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_of_its_own(each, case) for each in value]
    if name == "action_id":
        return str(uuid5(NAMESPACE_OID, f"{case} {value}"))
    if name == "destination":
        return value[0] + chr(ord("A") + (ord(value[1]) - ord("A") + case) % 26)
    return f"{value}/{case}" if name in _IDS else value


def lines() -> Iterator[str]:
    """The sixteen cases one after the other, and then a small workload in which some lines are no actions."""
    for case, file in enumerate(sorted(CASES.glob("*.json")), 1):
        for action in json.loads(file.read_text("utf-8"))["actions"]:
            yield compact(_of_its_own(action, case))
    yield from actions(1, CANDIDATES, Profile(nonsense=0.02))


def _records() -> list[RecordedAction]:
    ids = built_in_ids()
    values: list[bytes | None] = []
    for line in lines():
        try:
            values.append(frame_action(read_action_line(line.encode()), ids))
        except ShapeError:
            values.append(line.encode())
    return recorded(values)


def write(number: int) -> int:
    """Write the archive of this version, signed at three sizes and with a key that was rotated once."""
    records = _records()
    ledger = Ledger(Reexecution(built_in_ids()).run(records), records)
    size = len(ledger.journal)
    with tempfile.TemporaryDirectory() as folder:
        keys = LogKeys(Path(folder) / "keys")
        first = keys.create(ORIGIN).current
        root = Path(folder) / f"v{number}"
        start = 0
        for end in (100, 300, size):
            with ArchiveWriter(
                root, ABOUT, built_in_ids(), lambda log: CheckpointPublisher(log, keys)
            ) as writer:
                append(writer, ledger, start, end)
                writer.commit()
                writer.checkpoint()
            if start == 0:
                keys.rotate()
            start = end
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"v{number}.vkey").write_text(f"{first}\n")
        with tarfile.open(FOLDER / f"v{number}.tar.xz", "w:xz") as packed:
            packed.add(root, f"v{number}", filter=_anonymous)
    return size


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Who wrote it and when is nobody's business; the lock file is of no use."""
    if Path(member.name).name == ".lock":
        return None
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    print(write(int(sys.argv[1])))  # noqa: T201 - what it is run for
