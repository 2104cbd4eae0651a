"""What somebody asks to be changed: fields of the policy, a whole policy, actions in, out or otherwise.

Reads what a person wrote and says what is wrong with it: the field, and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from audit.what_if.given import Given
from schemas.action_json import action_of
from schemas.errors import NeracaError, ShapeError
from schemas.framing import ACTION_BYTES_MAX, ActionRecord, action_record
from schemas.policy_json import policy_json, policy_of
from schemas.records import Policy
from schemas.shape import problems
from schemas.strict_json import NotStrictJsonError, load_object

# Each field of a policy as `--set` takes it, with an example of what is right.
POLICY_FIELDS: Final = {
    "registration_limit": "an instant with its offset, such as 2023-02-17T00:00:00+07:00",
    "closure": "an instant with its offset, such as 2023-07-24T00:00:00+07:00",
    "unit_taken_at.SISKOTKLN": "registration or agreement",
    "unit_taken_at.SIAPKERJA": "registration or agreement",
    "biometrics_not_required": "systems separated by commas, such as SISKOTKLN, or nothing",
    "agreement_not_required": "schemes separated by commas, such as INDIVIDUAL,UKPS, or nothing",
    "restore_if_valid_at": "reregistration or closure",
    "restoration": "true or false",
    "late_departures": "true or false",
    "clock_skew_seconds": "a whole number of seconds, such as 300",
}
_LISTS: Final = ("biometrics_not_required", "agreement_not_required")
_FLAGS: Final = {"true": True, "false": False}
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")
AT_END: Final = "end"
BY_ENTERED: Final = "entered"


class BadChange(NeracaError):
    """A change that cannot be made: it names a field, a record or an action that is not there, or not so."""


@dataclass(frozen=True, slots=True)
class Told:
    """One change as a person reads it.

    Attributes:
        what: `policy`, `set`, `insert`, `drop` or `change`.
        name: The field, the file, the action or the record.
        before: What it was, where that is known.
        after: What it would be.

    """

    what: str
    name: str
    before: str = ""
    after: str = ""


@dataclass(slots=True)
class Changes:
    """Everything that is to be otherwise.

    Attributes:
        policy: The policy to begin with; None: the one that the ledger began with.
        settings: Field of the policy to its value, for every policy in force.
        given: Records inserted, dropped, changed.
        told: The same for a person.

    """

    policy: Policy | None = None
    settings: dict[str, str] = field(default_factory=dict)
    given: Given = field(default_factory=Given)
    told: list[Told] = field(default_factory=list)

    def set(self, assignment: str) -> None:
        """Take a `FIELD=VALUE`.

        Raises:
            BadChange: there is no such field, or the value is none for it.

        """
        name, equals, value = assignment.partition("=")
        name = name.strip()
        if not equals:
            raise BadChange(
                f"--set {assignment}: there is no = in it",
                advice="Write FIELD=VALUE, such as restoration=false.",
            )
        if name not in POLICY_FIELDS:
            raise BadChange(
                f"--set {assignment}: a policy has no field {name}",
                advice=f"The fields are {', '.join(POLICY_FIELDS)}.",
            )
        self.settings[name] = value.strip()
        self.told = [each for each in self.told if (each.what, each.name) != ("set", name)]
        self.told.append(Told("set", name, after=value.strip()))

    def policy_with_settings(self, policy: Policy) -> Policy:
        """Give a policy with every `--set` in it, under its own name.

        Raises:
            BadChange: a value is none for its field.

        """
        if not self.settings:
            return policy
        document = load_object(policy_json(policy))
        for name, value in self.settings.items():
            head, _, tail = name.partition(".")
            parsed = _value(name, value)
            if tail:
                taken_at = document[head]
                assert isinstance(taken_at, dict)  # noqa: S101 - `policy_json` wrote it
                taken_at[tail] = parsed
            else:
                document[head] = parsed
        try:
            return policy_of(document)
        except ShapeError as error:
            name = next((each for each in self.settings if error.field.startswith(each)), error.field)
            raise BadChange(
                f"--set {name}={self.settings.get(name, '')}: {error.reason}",
                advice=f"Right would be {POLICY_FIELDS.get(name, error.advice)}.",
            ) from None

    def drop_action(self, text: str) -> None:
        """Take an action out.

        Raises:
            BadChange: it is no UUID.

        """
        try:
            action_id = UUID(text)
        except ValueError:
            raise BadChange(
                f"--drop {text} is no action id",
                advice="Give the action's UUID; to drop a record by its number use --drop-seq.",
            ) from None
        self.given.drop_ids.add(action_id.bytes)
        self.told.append(Told("drop", str(action_id)))

    def drop_record(self, seq: int) -> None:
        """Take a record out, by its number."""
        self.given.drop_seqs.add(seq)
        self.told.append(Told("drop", f"seq {seq}"))

    def insert_file(self, path: Path, place: str) -> None:
        """Take actions in.

        Each line is an action as `neraca decide` takes it, which goes to `place`, or an object of its own
        place: `{"before_seq": 120, "action": {…}}`.

        Args:
            path: The file.
            place: `entered`, `end`, or the number of a record to come before.

        Raises:
            BadChange: the file cannot be read, or a line of it is no such thing.

        """
        count = 0
        for number, value in _objects(path):
            where = place
            if "action" in value:
                if "before_seq" in value:
                    where = str(_position(path, number, value, "before_seq"))
                value = _inner(path, number, value, {"action", "before_seq"})  # noqa: PLW2901 - unwrapped
            record = _record(path, number, value)
            if where == AT_END:
                self.given.at_end.append(record)
            elif where == BY_ENTERED:
                self.given.by_entered.append(record)
            else:
                self.given.before_seq.setdefault(int(where), []).append(record)
            count += 1
        self.given.by_entered.sort(key=lambda record: int(record.action.entered_at))
        self.told.append(Told("insert", path.name, after=f"{count}"))

    def change_file(self, path: Path) -> None:
        """Put other contents in the place of actions.

        Each line is an action with the id of the one that it replaces, or `{"seq": 120, "action": {…}}`.

        Raises:
            BadChange: the file cannot be read, or a line of it is no such thing.

        """
        count = 0
        for number, value in _objects(path):
            if "action" in value:
                seq = _position(path, number, value, "seq")
                if seq == AT_END:
                    raise BadChange(
                        f"{path} line {number}: seq is no number", advice="Give a record's number."
                    )
                record = _record(path, number, _inner(path, number, value, {"action", "seq"}))
                self.given.change_seqs[int(seq)] = record
            else:
                record = _record(path, number, value)
                self.given.change_ids[record.action.action_id] = record
            count += 1
        self.told.append(Told("change", path.name, after=f"{count}"))

    def is_empty(self) -> bool:
        """Tell whether nothing was asked for."""
        return not self.told

    def check_met(self, records: int) -> None:
        """See that everything that was named is there, after all records were read.

        Raises:
            BadChange: something was not.

        """
        given = self.given
        for seqs, what in ((given.drop_seqs, "drop"), (set(given.change_seqs), "change")):
            for seq in sorted(seqs - given.met_seqs):
                raise BadChange(
                    f"there is no record {seq} to {what}: the ledger has {records} records",
                    advice="Records are numbered from 0; `neraca what-if` numbers them as the journal does.",
                )
        for ids, what in ((given.drop_ids, "drop"), (set(given.change_ids), "change")):
            for action_id in sorted(ids - given.met_ids):
                raise BadChange(
                    f"there is no action {UUID(bytes=action_id)} to {what}",
                    advice="Look the id up in the decision on the action: its `action_id`.",
                )
        for seq in sorted(given.before_seq):
            raise BadChange(
                f"nothing can be inserted before record {seq}: the ledger has {records} records",
                advice='Use "before_seq": "end" to insert after the last one.',
            )

    def __repr__(self) -> str:
        """Show what is asked for."""
        return f"Changes({self.told})"


def _value(name: str, text: str) -> Any:  # noqa: ANN401 - a value of JSON
    """Give a setting's value as the JSON of a policy has it."""
    if name in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    if name in ("restoration", "late_departures"):
        if text.lower() not in _FLAGS:
            raise BadChange(
                f"--set {name}={text}: it is neither true nor false", advice="Write true or false."
            )
        return _FLAGS[text.lower()]
    if name == "clock_skew_seconds":
        if not _WHOLE.fullmatch(text):
            raise BadChange(
                f"--set {name}={text}: it is no whole number", advice=f"Right would be {POLICY_FIELDS[name]}."
            )
        return int(text)
    return text


def _objects(path: Path) -> Iterable[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadChange(
            f"{path} cannot be read: {error.strerror}",
            advice="Name a file of actions, one JSON object a line.",
        ) from error
    except UnicodeDecodeError as error:
        raise BadChange(f"{path} is not UTF-8", advice="Save it as UTF-8.") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, load_object(line)
            except NotStrictJsonError as error:
                raise BadChange(f"{path} line {number}: {error.reason}", advice=error.advice) from None


def _position(path: Path, number: int, value: dict[str, Any], name: str) -> int | str:
    found = value.get(name)
    if found == AT_END or (isinstance(found, int) and not isinstance(found, bool) and found >= 0):
        return found
    raise BadChange(
        f"{path} line {number}: {name} is {found!r}, no number of a record",
        advice='Records are numbered from 0; "end" is behind the last one.',
    )


def _inner(path: Path, number: int, value: dict[str, Any], known: set[str]) -> dict[str, Any]:
    inner = value["action"]
    if not isinstance(inner, dict) or not value.keys() <= known:
        raise BadChange(
            f"{path} line {number}: it is no action with a place",
            advice=f"Right would be an action, or an object of {' and '.join(sorted(known))}.",
        )
    return inner


def _record(path: Path, number: int, value: dict[str, Any]) -> ActionRecord:
    try:
        action = action_of(value)
    except ShapeError as error:
        named = f"{error.field}: " if error.field else ""
        raise BadChange(f"{path} line {number}: {named}{error.reason}", advice=error.advice) from None
    record = action_record(action)
    if problems(action) or len(record.avro) > ACTION_BYTES_MAX:
        raise BadChange(
            f"{path} line {number}: the action is larger than {ACTION_BYTES_MAX} bytes",
            advice="Shorten evidence or sealed fields.",
        )
    return record
