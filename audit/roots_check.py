"""The journal beside what was signed of it, and beside the tiles of its log: root by root, tile by tile.

Only against these, and the tables, can it be seen that a journal lost its tail: what is left follows itself
without a flaw. Signatures are verified before the journal is read; the tree is made anew from its decisions.
Must not write, and takes no hash from the log that it checks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from audit.beside import Outcome
from audit.findings import Difference, Finding, Found
from audit.tlog.checkpoint import Checkpoint
from audit.tlog.keys import KeyList, ListedKey, LogKeyMissing, read_documents, read_listed
from audit.tlog.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hashes, node_hash, perfect_root
from audit.tlog.note import Note, Verifier
from audit.tlog.publishing import KEYS_FOLDER, CheckpointFiles, CheckpointTopic
from audit.tlog.tiles import LENGTH_BYTES, TILE_LEVELS, TILE_WIDTH, TileLog, tile_path
from schemas.errors import ArchiveDamaged, ProofInvalid

_GONE: Final = "The journal's tail was dropped. Restore it from an archive first of all."
_CHANGED: Final = (
    "A decision was changed since it was signed, or the checkpoint is of another journal. Compare with a "
    "copy that somebody else keeps."
)
_UNSIGNED: Final = "there is no signed checkpoint: the key that you trust vouches for not one decision"
_ASK_FOR_SIGNED: Final = (
    "Whoever takes the checkpoints away can make another history from its beginning. Ask for the folder log/ "
    "with its checkpoints, or compare with a copy that somebody else keeps."
)
_ROLLED_BACK_ADVICE: Final = (
    "Who reads log/checkpoint is shown a log that forgot its last decisions. Put the newest one of "
    "log/checkpoints/ back, and ask who can write there. A copy made while the archiver wrote: make another, "
    "with `neraca archive`."
)
# The two files of a new checkpoint are written one behind the other; each waits for the disk.
_BETWEEN_FILES_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody says of the first decisions of the journal.

    Attributes:
        check: `checkpoints` where a key vouches for it, `tiles` where only a file says so.
        where: Where it was found.
        size: Of how many decisions it speaks.
        root: The root over them.
        is_signed: Whether the key that signs at that size did.

    """

    check: str
    where: str
    size: int
    root: bytes
    is_signed: bool = False


@dataclass(slots=True)
class Stated:
    """What was found outside of the journal, before it is read.

    Attributes:
        statements: To be compared.
        findings: What is wrong with them already.
        tiles: The log's folder, where its tiles are to be compared.
        tiles_size: How far they count.
        keys: The keys that were accepted, as they are published.
        checkpoints: How many signed checkpoints were read.
        must_be_signed: Whether somebody names a key that he trusts, so that no signature at all is a fault.

    """

    statements: list[Statement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    tiles: Path | None = None
    tiles_size: int = 0
    keys: list[str] = field(default_factory=list)
    checkpoints: int = 0
    must_be_signed: bool = False


def collect(
    checks: frozenset[str],
    folder: Path | None,
    topic: CheckpointTopic | None,
    *,
    own_keys: KeyList | None = None,
    remembered: str | None = None,
    trusted: Sequence[Verifier] = (),
) -> Stated:
    """Read every checkpoint and see how far the tiles go. Call it before the journal's end is asked for.

    Args:
        checks: Of these, `checkpoints` and `tiles` are meant.
        folder: The log's folder, where there is one.
        topic: The topic of checkpoints, where there is one.
        own_keys: The keys as this deployment keeps them: they come before those beside the log.
        remembered: The last checkpoint that this deployment's key signed, as it lies beside the key.
        trusted: Keys known from elsewhere: the log's keys must lead to each of them.

    Raises:
        BrokerUnavailable: Kafka does not answer.

    """
    stated = Stated()
    if "checkpoints" in checks:
        notes: dict[str, str] = {}
        if folder is not None:
            _read_files(folder, notes, stated)
        in_folder = set(notes)
        if topic is not None:
            _read_topic(topic, notes, stated)
        if remembered is not None:
            notes.setdefault(remembered, "the last checkpoint that this home's key signed")
        stated.checkpoints = len(notes)
        stated.must_be_signed = bool(trusted)
        if notes:
            keys = _keys(folder, own_keys, trusted, stated)
            signed = {note: _judge(note, where, keys, stated) for note, where in notes.items()}
            if folder is not None:
                _find_rolled_back(folder, max((signed[note] for note in in_folder), default=0), stated)
    if "tiles" in checks and folder is not None:
        _open_tiles(folder, stated)
    return stated


def _read_files(folder: Path, notes: dict[str, str], stated: Stated) -> None:
    files = CheckpointFiles(folder)
    for size in files.sizes():
        _read_file(files, size, f"the checkpoint of {size} in {folder}", notes, stated)
    _read_file(files, None, f"the last checkpoint in {folder}", notes, stated)


def _read_file(
    files: CheckpointFiles, size: int | None, where: str, notes: dict[str, str], stated: Stated
) -> None:
    try:
        note = files.latest() if size is None else files.at(size)
        if note is None:
            return
        notes.setdefault(note, where)
        said = Checkpoint.parse(Note.parse(note).text).size
    except ProofInvalid as error:
        stated.findings.append(Finding("checkpoints", max(0, (size or 0) - 1), f"{where}: {error}"))
        return
    if size not in (None, said):
        what = f"{where} speaks of {said} decisions"
        stated.findings.append(Finding("checkpoints", max(0, said - 1), what))


def _read_topic(topic: CheckpointTopic, notes: dict[str, str], stated: Stated) -> None:
    try:
        for number, note in enumerate(topic.notes()):
            notes.setdefault(note, f"checkpoint {number} on {topic.name}")
    except ProofInvalid as error:
        stated.findings.append(Finding("checkpoints", 0, f"{error}"))


def _keys(
    folder: Path | None, own_keys: KeyList | None, trusted: Sequence[Verifier], stated: Stated
) -> KeyList | None:
    """Give the keys to verify with: this deployment's, those beside the log, or the trusted one alone."""
    beside: KeyList | None = None
    if folder is not None:
        try:
            beside = read_documents(folder / KEYS_FOLDER)
        except LogKeyMissing:
            beside = None
        except ProofInvalid as error:
            stated.findings.append(
                Finding(
                    "checkpoints", 0, f"the keys beside the log do not hold: {error}", advice=error.advice
                )
            )
    keys = own_keys or beside
    if own_keys is not None and beside is not None and own_keys.keys[: len(beside.keys)] != beside.keys:
        stated.findings.append(
            Finding(
                "checkpoints",
                0,
                f"the keys beside the log in {folder} are not those of this deployment",
                (Difference("keys", _shown(own_keys.verifiers), _shown(beside.verifiers)),),
                "Somebody put other keys there, or the folder is another ledger's.",
            )
        )
    if keys is None and len(trusted) == 1:
        keys = KeyList(trusted[0].name, (ListedKey(0, trusted[0]),))
    if keys is None:
        stated.findings.append(
            Finding(
                "checkpoints",
                0,
                "there are checkpoints, and no keys of the log to verify them with",
                advice="Give the log's key with --key, from where it was published.",
            )
        )
        return None
    stated.keys = [str(verifier) for verifier in keys.verifiers]
    for verifier in trusted:
        if verifier not in keys.verifiers:
            stated.findings.append(
                Finding(
                    "checkpoints",
                    0,
                    "the log's keys do not lead to the one that you trust",
                    (Difference("keys", str(verifier), _shown(keys.verifiers)),),
                    "The log was signed anew with another key, is another one, or is from before that key.",
                )
            )
    return keys


def _judge(note: str, where: str, keys: KeyList | None, stated: Stated) -> int:
    """Verify a checkpoint's signature; what it says is compared later, whoever signed it.

    Of how many decisions it speaks, where a key vouches for it; else 0.
    """
    try:
        said = Checkpoint.parse(Note.parse(note).text)
    except ProofInvalid as error:
        told = Finding("checkpoints", 0, f"{where}: {error}", advice=error.advice)
        # A file that is none was told when it was read.
        if all(each.what != told.what for each in stated.findings):
            stated.findings.append(told)
        return 0
    reason, advice = _doubt(note, said, keys)
    is_signed = keys is not None and not reason
    stated.statements.append(Statement("checkpoints", where, said.size, said.root, is_signed))
    if reason:
        what = f"{where}: {reason}"
        stated.findings.append(Finding("checkpoints", max(0, said.size - 1), what, advice=advice))
    return said.size if is_signed else 0


def _find_rolled_back(folder: Path, newest: int, stated: Stated) -> None:
    """See that `log/checkpoint`, which everybody is shown, is no older than one that was signed and kept."""
    is_gone, last = _last_of(folder)
    if (last or 0) < newest:
        time.sleep(_BETWEEN_FILES_SECONDS)
        is_gone, last = _last_of(folder)
    if is_gone and newest:
        what = f"there is no last checkpoint in {folder}, and one of {newest} decisions was signed"
    elif last is not None and last < newest:
        what = (
            f"the last checkpoint in {folder} was rolled back: it speaks of {last} decisions, and one of "
            f"{newest} was signed"
        )
    else:
        return
    difference = Difference("decisions", f"{newest}", f"{last or 0}")
    stated.findings.append(Finding("checkpoints", last or 0, what, (difference,), _ROLLED_BACK_ADVICE))


def _last_of(folder: Path) -> tuple[bool, int | None]:
    """Tell whether the last checkpoint is gone, and of how many decisions it speaks; None: of none."""
    try:
        note = CheckpointFiles(folder).latest()
        return note is None, None if note is None else Checkpoint.parse(Note.parse(note).text).size
    except ProofInvalid:
        # Told when it was read.
        return False, None


def _doubt(note: str, said: Checkpoint, keys: KeyList | None) -> tuple[str, str]:
    """Say why the keys do not vouch for a checkpoint, and what to do; nothing where they do."""
    if keys is None:
        return "", ""
    if said.origin != keys.origin:
        return f"it is of the log {said.origin}, and not of {keys.origin}", ""
    try:
        read_listed(note, keys)
    except ProofInvalid as error:
        return str(error), error.advice
    return "", ""


def _open_tiles(folder: Path, stated: Stated) -> None:
    # Asked first: the log may grow meanwhile.
    signed_size = max([*CheckpointFiles(folder).sizes(), _last_of(folder)[1] or 0])
    try:
        log = TileLog(folder)
        root = log.root(log.durable_size)
    except ArchiveDamaged as error:
        stated.findings.append(
            Finding("tiles", 0 if error.seq is None else error.seq, str(error), advice=error.advice)
        )
        return
    stated.tiles = folder
    stated.tiles_size = log.durable_size
    stated.statements.append(Statement("tiles", f"the log in {folder}", log.durable_size, root))
    if log.durable_size < signed_size:
        stated.findings.append(
            Finding(
                "tiles",
                log.durable_size,
                f"the tiles of the log in {folder} count {log.durable_size} decisions, and a checkpoint in "
                f"it is of {signed_size}",
                (Difference("decisions", f"{signed_size} or more", f"{log.durable_size}"),),
                "A checkpoint is signed only of tiles that are on the disk: tiles, or the file `tree`, were "
                "put back. Take the folder from another copy of the log.",
            )
        )


def _shown(verifiers: Iterable[Verifier]) -> str:
    return ", ".join(str(verifier) for verifier in verifiers)


@dataclass(frozen=True, slots=True)
class RootsPlan:
    """How to begin the comparison with what was collected."""

    stated: Stated
    findings_max: int

    def begin(self) -> _RootsTask:
        """Begin."""
        return _RootsTask(self)


class _RootsTask:
    """Makes the tree of the whole journal, one row of hashes a level, none longer than a tile."""

    def __init__(self, plan: RootsPlan) -> None:
        stated = plan.stated
        self._found: Final = Found(plan.findings_max)
        for finding in stated.findings:
            self._found.note(finding)
        self._stated: Final = stated
        self._due: Final = sorted(stated.statements, key=lambda each: each.size, reverse=True)
        self._size = 0
        self._rows: list[list[bytes]] = [[]]
        # Decisions of the bundle that is not full yet, for the tile of entries.
        self._bundle: list[bytes] = []
        self._last_good = 0
        self._signed_size = 0
        self._tiles_compared = 0
        self._tiles_told: Final[set[Path]] = set()

    def take(self, values: list[bytes]) -> None:
        """Take the next decisions, stopping at every size that was stated."""
        leaves = leaf_hashes(values)
        at = 0
        while at < len(values):
            end = min(len(values), at + TILE_WIDTH - len(self._rows[0]))
            if self._due:
                end = min(end, at + max(0, self._due[-1].size - self._size))
            self._rows[0] += leaves[at:end]
            self._bundle += values[at:end]
            self._size += end - at
            at = end
            self._compare_stated()
            if len(self._rows[0]) == TILE_WIDTH:
                self._carry(0)

    def finish(self) -> Outcome:
        """Compare what is stated of the whole journal, the tiles at its edge, and what speaks of more."""
        self._compare_stated()
        if self._size != self._stated.tiles_size:
            self._compare_edge(is_needed=False)
        for statement in self._due:
            self._found.note(
                Finding(
                    statement.check,
                    self._size,
                    f"{statement.where} speaks of {statement.size} decisions; the journal has {self._size}",
                    (Difference("decisions", f"{statement.size} or more", f"{self._size}"),),
                    _GONE,
                    is_of_the_end=True,
                )
            )
        if self._stated.must_be_signed and not self._stated.checkpoints and self._size:
            self._found.note(Finding("checkpoints", 0, _UNSIGNED, advice=_ASK_FOR_SIGNED))
        facts = {
            "size": self._size,
            "root": self._root().hex(),
            "checkpoints": self._stated.checkpoints,
            "signed_size": self._signed_size,
            "must_be_signed": self._stated.must_be_signed,
            "keys": self._stated.keys,
            "tiles": self._tiles_compared,
            "tiles_size": self._stated.tiles_size,
        }
        return Outcome("roots", self._found, facts)

    def _compare_stated(self) -> None:
        root = b""
        while self._due and self._due[-1].size <= self._size:
            statement = self._due.pop()
            root = root or self._root()
            if statement.root == root:
                self._last_good = statement.size
                self._signed_size = statement.size if statement.is_signed else self._signed_size
            else:
                self._tell_root(statement, root)
            if statement.check == "tiles":
                self._compare_edge(is_needed=True)

    def _tell_root(self, statement: Statement, root: bytes) -> None:
        since = f"from decision {self._last_good} on" if self._last_good else "somewhere"
        self._found.note(
            Finding(
                statement.check,
                max(0, statement.size - 1),
                f"the first {statement.size} decisions do not make the root that {statement.where} states: "
                f"one of them is another, {since}",
                (Difference("root", statement.root.hex(), root.hex()),),
                _CHANGED,
            )
        )

    def _carry(self, level: int) -> None:
        """A row is as long as a tile: compare the tile, and go on in the row above."""
        if level + 1 == len(self._rows):
            self._rows.append([])
        row = self._rows[level]
        number = (self._size >> (TILE_LEVELS * (level + 1))) - 1
        # One that lies there is compared, however far the log says that it goes.
        is_needed = (number + 1) << (TILE_LEVELS * (level + 1)) <= self._stated.tiles_size
        self._compare_tile(level, number, row, is_needed=is_needed)
        if level == 0:
            self._compare_bundle(number, self._bundle, is_needed=is_needed)
        if level == 0:
            self._bundle = []
        self._rows[level + 1].append(perfect_root(row))
        self._rows[level] = []
        if len(self._rows[level + 1]) == TILE_WIDTH:
            self._carry(level + 1)

    def _compare_edge(self, *, is_needed: bool) -> None:
        """Compare the tiles that are not full yet."""
        for level, row in enumerate(self._rows):
            number, width = divmod(self._size >> (TILE_LEVELS * level), TILE_WIDTH)
            if width and len(row) == width:
                self._compare_tile(level, number, row, is_needed=is_needed)
                if level == 0:
                    self._compare_bundle(number, self._bundle, is_needed=is_needed)

    def _compare_tile(self, level: int, number: int, row: Sequence[bytes], *, is_needed: bool) -> None:
        span = 1 << (TILE_LEVELS * level)
        first = number * TILE_WIDTH
        for path, data, width in self._read_tiles(level, number, len(row), is_needed=is_needed):
            count = min(width, len(row))
            expected = b"".join(row[:count])
            if data is None:
                self._tell_tile(path, "is not there", first * span, count * span)
                continue
            # What a wider tile holds of later decisions is compared when they come.
            if data == expected or (width > count and data.startswith(expected)):
                continue
            found = [data[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(count)]
            place = next((at for at in range(count) if found[at] != row[at]), None)
            if place is None:
                what = f"has {len(data)} bytes, {len(data) - len(expected)} more than belong there"
                self._tell_tile(path, what, first * span, count * span)
            else:
                difference = Difference("hash", row[place].hex(), found[place].hex())
                what = "holds another hash than the journal gives"
                self._tell_tile(path, what, (first + place) * span, span, difference)

    def _compare_bundle(self, number: int, bundle: Sequence[bytes], *, is_needed: bool) -> None:
        first = number * TILE_WIDTH
        for path, data, width in self._read_tiles(None, number, len(bundle), is_needed=is_needed):
            count = min(width, len(bundle))
            if data is None:
                self._tell_tile(path, "is not there", first, count)
                continue
            entries = [len(entry).to_bytes(LENGTH_BYTES, "big") + entry for entry in bundle[:count]]
            at = 0
            for place, entry in enumerate(entries):
                if not data.startswith(entry, at):
                    what = "holds another decision than the journal"
                    self._tell_tile(path, what, first + place, 1)
                    break
                at += len(entry)
            else:
                if width == count and len(data) != at:
                    what = f"has {len(data)} bytes, {len(data) - at} more than belong there"
                    self._tell_tile(path, what, first, count)

    def _read_tiles(
        self, level: int | None, number: int, width: int, *, is_needed: bool
    ) -> Iterator[tuple[Path, bytes | None, int]]:
        """Give every tile of a place, from the narrowest to the full one: path, bytes, width.

        Readers of an older checkpoint ask for a narrow one, from before the tile was as full as it is, and
        for the full one where that is gone. `is_needed`: one that holds `width` has to be there.
        """
        folder = self._stated.tiles
        if folder is None:
            return
        is_there = False
        for other in _widths(folder, level, number):
            path = folder / tile_path(level, number, other)
            # The archiver takes the narrow ones away once the tile is full.
            if (data := _read(path)) is not None:
                is_there = is_there or other >= width
                yield path, data, other
        self._tiles_compared += is_there
        if is_needed and not is_there:
            yield folder / tile_path(level, number, width), None, width

    def _tell_tile(
        self, path: Path, what: str, first: int, count: int, difference: Difference | None = None
    ) -> None:
        """Tell of a tile, at the last decision that it may be about: what is known of one comes before."""
        if path in self._tiles_told:
            return
        self._tiles_told.add(path)
        last = min(first + count, self._size) - 1
        about = f"decision {first}" if count == 1 else f"decisions {first} to {last}"
        self._found.note(
            Finding(
                "tiles",
                last,
                f"{path} {what}: {about}",
                () if difference is None else (difference,),
                "The tile is not the journal's. Where the checkpoints hold, the tile was damaged or changed: "
                "take it from another copy of the log.",
            )
        )

    def _root(self) -> bytes:
        """Give the root of what was taken: the rows folded from below, each over what is left of it."""
        made: bytes | None = None
        for row in self._rows:
            peaks = []
            at = 0
            while at < len(row):
                width = 1 << ((len(row) - at).bit_length() - 1)
                peaks.append(perfect_root(row[at : at + width]))
                at += width
            for peak in reversed(peaks):
                made = peak if made is None else node_hash(peak, made)
        return EMPTY_ROOT if made is None else made


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _widths(folder: Path, level: int | None, number: int) -> list[int]:
    """Tell how wide the tiles of that place may be: those from before it was full, and the full one."""
    try:
        names = [path.name for path in (folder / f"{tile_path(level, number)}.p").iterdir()]
    except OSError:
        names = []
    return [
        *sorted(int(name) for name in names if name.isdecimal() and 0 < int(name) < TILE_WIDTH),
        TILE_WIDTH,
    ]
