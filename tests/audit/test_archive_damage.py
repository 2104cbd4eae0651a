"""Whatever is done to a file of an archive is found when it is read, and the place is named."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.archive.container import block_head, encode_long, read_header, write_header
from audit.archive.reader import ArchiveSource
from audit.archive.rows import decode_block
from schemas.binary import Cursor
from schemas.errors import ArchiveDamaged
from tests.audit.ledgers import SmallLedger, files, keep, small_ledger

DECISIONS = 1_100
FIRST = "000000000000.avro"
TAIL = "000000001024.tail.avro"


@pytest.fixture(scope="module")
def ledger() -> SmallLedger:
    """Four full blocks and a part of a fifth."""
    return small_ledger(DECISIONS)


@pytest.fixture(scope="module")
def whole(ledger: SmallLedger, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of it. Not to be changed: copy it."""
    root = tmp_path_factory.mktemp("whole") / "archive"
    keep(ledger, root)
    return root


@pytest.fixture
def archive(whole: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    shutil.copytree(whole, tmp_path / "archive")
    return tmp_path / "archive"


def read(root: Path) -> None:
    """Read everything that an archive holds."""
    source = ArchiveSource(root)
    for _ in source.decisions():
        pass
    for _ in source.actions():
        pass


def damage(root: Path) -> ArchiveDamaged:
    """What reading it says."""
    with pytest.raises(ArchiveDamaged) as caught:
        read(root)
    return caught.value


class Blocks:
    """The blocks of one container file, to be moved about."""

    def __init__(self, root: Path, stream: str) -> None:
        self._path = root / stream / FIRST
        data = self._path.read_bytes()
        self.header = read_header(data)
        index = (root / "blocks" / stream / FIRST).read_bytes()
        cursor = Cursor(index)
        cursor.at = len(read_header(index).data)
        self.starts = []
        while cursor.at < len(index):
            cursor.long()
            cursor.long()
            self.starts.append(int(decode_block(cursor).byte))
            cursor.raw(16)
        ends = [*self.starts[1:], len(data)]
        self.blocks = [data[start:end] for start, end in zip(self.starts, ends, strict=True)]

    def records(self, number: int, sizes: list[int]) -> bytes:
        """The records of a block, of which these are the sizes."""
        return self.blocks[number][len(block_head(len(sizes), sum(sizes))) : -16]

    def write(self) -> None:
        """Put the file together again."""
        self._path.write_bytes(b"".join([self.header.data, *self.blocks]))


def test_a_whole_archive_is_read(whole: Path) -> None:
    """Nothing is found where nothing was done."""
    read(whole)


@pytest.mark.parametrize("seq", [0, 1, 254, 255, 256, 700, 1023, 1024, DECISIONS - 1])
def test_a_flipped_bit_names_its_decision(archive: Path, ledger: SmallLedger, seq: int) -> None:
    """One bit of one decision: file, block, record and byte are named, and its `seq`."""
    value = ledger.values()[seq]
    path = archive / "decisions" / (FIRST if seq < 1024 else TAIL)
    data = bytearray(path.read_bytes())
    start = data.index(value)
    data[start + len(value) // 2] ^= 8
    path.write_bytes(data)
    error = damage(archive)
    place = f"block {seq // 256 % 4}, record {seq % 256}, from byte {start} on: decision {seq}"
    assert seq == error.seq
    assert f"{path.name}: {place}" in str(error)


@pytest.mark.parametrize("seq", [256, 300, 511])
def test_one_decision_is_not_given_damaged(archive: Path, ledger: SmallLedger, seq: int) -> None:
    """Who asks for one decision by its number gets it as it was, or is told."""
    value = ledger.values()[seq]
    path = archive / "decisions" / FIRST
    data = bytearray(path.read_bytes())
    data[data.index(value) + len(value) - 9] ^= 8
    path.write_bytes(data)
    with pytest.raises(ArchiveDamaged):
        ArchiveSource(archive).decision(seq)
    assert ledger.values()[700] == ArchiveSource(archive).decision(700)


@pytest.mark.parametrize("number", [0, 300, 700, 800])
def test_a_flipped_bit_names_its_action(archive: Path, ledger: SmallLedger, number: int) -> None:
    """One bit of one action: its file, block, record and byte are named; no decision names its hash."""
    head = b"\x00\x00\x00\x00\x04"
    values = [one.value for one in ledger.actions if one.value and one.value.startswith(head)]
    value = [one for one in values if not one.endswith(b"nobody")][number][5:]
    path = archive / "actions/4" / (FIRST if number < 768 else "000000000768.tail.avro")
    data = bytearray(path.read_bytes())
    start = data.index(value)
    data[start + 20] ^= 1
    path.write_bytes(data)
    message = str(damage(archive))
    assert f"actions/4/{path.name}: " in message
    assert f"record {number % 256}, from byte {start} on: no decision names its hash" in message


def test_any_bit_of_any_file_is_found(archive: Path, whole: Path) -> None:
    """Bits flipped at random in every file that says something of the ledger: none goes unnoticed.

    `archive.json` is left out: the names of topics in it are for people.
    """
    chance = random.Random(7)
    kept = {name: data for name, data in files(whole).items() if not name.startswith(("log/", "archive."))}
    missed = []
    for name, data in kept.items():
        for _ in range(12):
            place = chance.randrange(8 * len(data))
            changed = bytearray(data)
            changed[place // 8] ^= 1 << place % 8
            if name == "position.json" and same_position(bytes(changed), data):
                continue
            (archive / name).write_bytes(changed)
            try:
                read(archive)
            except ArchiveDamaged:
                pass
            else:
                missed.append((name, place))
        (archive / name).write_bytes(data)
    assert [] == missed


def same_position(one: bytes, other: bytes) -> bool:
    """Whether two texts say the same, but for the hints where to go on, which are checked when used."""
    try:
        found, wanted = json.loads(one), json.loads(other)
    except ValueError:
        return False
    hints = ("journal_offset", "next_action_offset")
    return {**found, **dict.fromkeys(hints)} == {**wanted, **dict.fromkeys(hints)}


def test_a_cut_tail_is_found(archive: Path, whole: Path) -> None:
    """Each file cut anywhere: its name is told, and how much is missing."""
    chance = random.Random(3)
    for name, data in files(whole).items():
        if name.startswith(("log/", "archive.", "position.")):
            continue
        for size in (0, len(data) - 1, chance.randrange(len(data))):
            (archive / name).write_bytes(data[:size])
            assert Path(name).name in str(damage(archive)), (name, size)
        (archive / name).write_bytes(data)


@pytest.mark.parametrize("stream", ["decisions", "offsets", "actions/4"])
def test_swapped_blocks_are_found(archive: Path, stream: str) -> None:
    """Two blocks in each other's place: the first of them is named."""
    file = Blocks(archive, stream)
    file.blocks[1], file.blocks[2] = file.blocks[2], file.blocks[1]
    file.write()
    message = str(damage(archive))
    assert f"{stream}/{FIRST}: block 1, from byte {file.starts[1]} on" in message
    if stream == "decisions":
        assert "record 0, from byte" in message
        assert "is decision 512, and 256 belongs there" in message


@pytest.mark.parametrize("stream", ["decisions", "offsets", "blocks/decisions"])
def test_a_wrong_sync_marker_is_found(archive: Path, stream: str) -> None:
    """One bit of the marker that ends a block: other tools lose their way there, so it is told."""
    path = archive / stream / FIRST
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    message = str(damage(archive))
    assert f"{stream}/{FIRST}: " in message
    wanted = "row 3, from byte" if stream.startswith("blocks/") else "does not end with the sync marker"
    assert wanted in message


def test_an_inserted_decision_is_found(archive: Path, ledger: SmallLedger) -> None:
    """A decision put between two others, in a block that says that it has one more: it is named."""
    values = ledger.values()
    stranger = values[300]
    file = Blocks(archive, "decisions")
    records = [*values[512:600], stranger, *values[600:768]]
    data = b"".join(records)
    file.blocks[2] = block_head(257, len(data)) + data + file.header.sync
    file.write()
    message = str(damage(archive))
    assert f"decisions/{FIRST}: block 2, from byte {file.starts[2]} on" in message
    assert "record 88, from byte" in message
    assert "is decision 300, and 600 belongs there" in message


def test_a_forged_decision_is_found(archive: Path, ledger: SmallLedger) -> None:
    """Two decisions exchanged within a block, which keeps all sizes as they were: the first is named."""
    values = ledger.values()
    sizes = [len(value) for value in values[:256]]
    one, other = next((a, b) for a in range(2, 200) for b in range(a + 1, 200) if sizes[a] == sizes[b])
    file = Blocks(archive, "decisions")
    records = values[:256]
    records[one], records[other] = records[other], records[one]
    data = b"".join(records)
    file.blocks[0] = block_head(256, len(data)) + data + file.header.sync
    file.write()
    error = damage(archive)
    assert one == error.seq
    assert f"decision {other} stands in its place" in str(error)


def remove_file(root: Path) -> str:
    """Take a file away."""
    (root / "decisions" / FIRST).unlink()
    return f"decisions/{FIRST} is not there"


def remove_tail(root: Path) -> str:
    """Take the last block away."""
    (root / "offsets" / TAIL).unlink()
    return f"offsets/{TAIL} is not there"


def add_file(root: Path) -> str:
    """Put a file behind the last one."""
    shutil.copy(root / "decisions" / FIRST, root / "decisions" / "000000065536.avro")
    return "decisions/000000065536.avro is no part of the archive"


def add_stream(root: Path) -> str:
    """Put actions there that were written with a schema of which the archive knows nothing."""
    shutil.copytree(root / "actions/4", root / "actions/9")
    return "actions/9 is no part of the archive"


def move_file(root: Path) -> str:
    """Put one file into another's place."""
    shutil.copy(root / "offsets" / FIRST, root / "unreadable" / "000000000000.tail.avro")
    return "000000000000.tail.avro"


def append_bytes(root: Path) -> str:
    """Write behind the end of a file."""
    with (root / "decisions" / FIRST).open("ab") as file:
        file.write(b"more")
    return "and 4 follow"


def older_position(root: Path) -> str:
    """Say that one decision less was kept."""
    text = (root / "position.json").read_text(encoding="utf-8")
    (root / "position.json").write_text(text.replace('"next_seq": 1100', '"next_seq": 1099'))
    return "position.json names 1099 decisions, and 1100 records of them"


def earlier_actions(root: Path) -> str:
    """Say that the action topic is kept less far than it is: the next writer would write some twice."""
    path = root / "position.json"
    position = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**position, "next_action_offset": 5}), encoding="utf-8")
    return "says how far the action topic is kept: offset 5 follows "


def later_actions(root: Path) -> str:
    """Say that the action topic is kept much further than it is: who restores would fill a disk."""
    _change_position(root, lambda at: at.update(next_action_offset=2**62))
    return "no transaction is that large"


def nested_position(root: Path) -> str:
    """Brackets in brackets, more than any parser goes down."""
    (root / "position.json").write_text("[" * 100_000, encoding="utf-8")
    return "position.json is not what was written"


def _change_position(root: Path, change: Callable[[dict[str, Any]], None]) -> str:
    path = root / "position.json"
    position = json.loads(path.read_text(encoding="utf-8"))
    change(position)
    path.write_text(json.dumps(position), encoding="utf-8")
    return "position.json is not what was written"


def hash_that_is_none(root: Path) -> str:
    """Letters that are no hexadecimal in the hash of a block."""
    return _change_position(root, lambda at: at["streams"]["decisions"]["tail"].update(sha256="zz" * 32))


def hash_cut_short(root: Path) -> str:
    """Half a hash of the last decision."""
    return _change_position(root, lambda at: at.update(last_sha256=at["last_sha256"][:32]))


def number_beyond_all(root: Path) -> str:
    """An offset that no topic has, and no 64 bits hold."""
    return _change_position(root, lambda at: at.update(next_action_offset=10**22))


def folder_for_a_tail(root: Path) -> str:
    """A folder under the name of the last block's file."""
    (root / "decisions" / TAIL).unlink()
    (root / "decisions" / TAIL).mkdir()
    return f"decisions/{TAIL} cannot be read"


def _with_header(path: Path, old: str, new: str) -> None:
    """Let the header of a file say otherwise, with the sync marker that fits it, also behind each block."""
    data = path.read_bytes()
    header = read_header(data)
    told = {key: value.decode().replace(old, new) for key, value in header.metadata.items()}
    schema, _ = told.pop("avro.schema"), told.pop("avro.codec")
    made = write_header(schema, told)
    assert len(made.data) == len(header.data)
    path.write_bytes(made.data + data[len(header.data) :].replace(header.sync, made.sync))


def header_of_another_file(root: Path) -> str:
    """A header that is whole, and calls the file by another series."""
    _with_header(root / "decisions" / FIRST, "decisions", "positions")
    return f"decisions/{FIRST} is another file of an archive, moved here"


def header_with_another_schema(root: Path) -> str:
    """A header that is whole, and names a schema of which the records are not."""
    _with_header(root / "decisions" / FIRST, '"name":"Decision"', '"name":"Decisive"')
    return f"decisions/{FIRST} names another schema than records of decisions have"


def actions_with_another_schema(root: Path) -> str:
    """The same for actions."""
    _with_header(root / "actions/4" / FIRST, '"name":"officer"', '"name":"officed"')
    return f"actions/4/{FIRST} names another schema"


def index_with_another_schema(root: Path) -> str:
    """The same for the index."""
    _with_header(root / "blocks/decisions" / FIRST, '"first"', '"firsz"')
    return f"blocks/decisions/{FIRST} names another schema"


def index_of_another_record(root: Path) -> str:
    """A row of the index that tells of the record behind; no hash stands over it."""
    path = root / "blocks" / "offsets" / FIRST
    data = path.read_bytes()
    cursor = Cursor(data)
    cursor.at = len(read_header(data).data)
    cursor.long()
    length = cursor.long()
    # Behind the first row and its marker, and what the second says of its own length.
    cursor.raw(length + 16)
    cursor.long()
    cursor.long()
    at = int(cursor.at)
    assert 256 == cursor.long()
    path.write_bytes(data[:at] + encode_long(257) + data[at + 2 :])
    return "row 1 tells of record 257"


def position_in_the_middle_of_a_block(root: Path) -> str:
    """A file that ends elsewhere than where its blocks do: the next writer would go on there."""
    _change_position(root, lambda at: at["streams"]["decisions"].update(segment_bytes=1_000))
    return f"decisions/{FIRST} goes up to record 1024"


@pytest.mark.parametrize(
    "change",
    [
        header_of_another_file,
        header_with_another_schema,
        actions_with_another_schema,
        index_with_another_schema,
        index_of_another_record,
        position_in_the_middle_of_a_block,
        hash_that_is_none,
        hash_cut_short,
        number_beyond_all,
        folder_for_a_tail,
        remove_file,
        remove_tail,
        add_file,
        add_stream,
        move_file,
        append_bytes,
        older_position,
        earlier_actions,
        later_actions,
        nested_position,
    ],
)
def test_files_that_do_not_belong_are_found(archive: Path, change: Callable[[Path], str]) -> None:
    """A file that is missing, added, or another's, is named."""
    wanted = change(archive)
    assert wanted in str(damage(archive))
