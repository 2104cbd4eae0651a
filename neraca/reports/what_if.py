"""The answer to a what-if: what it holds, and as one JSON object with everything in it.

Words that officials read stand here in English and Bahasa Indonesia. Must not run or look anything up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TextIO

from audit.what_if.chain import Step, consequences, heaviest, reasons
from audit.what_if.changes import Told
from audit.what_if.differences import POLICY, Difference, Link
from audit.what_if.outcomes import ACCOUNTS, FIGURES, ChangedRegistration, Group, Outcomes, standing
from audit.what_if.running import Run, Shown
from schemas.action_json import action_json, uuid_text
from schemas.decision_json import decision_json, stages_in_order
from schemas.instants import format_instant
from schemas.policy_json import policy_json
from schemas.records import Decision, Policy, Registration

# Where a decision stands, and what follows from that: other in every decision after the first that differs.
NOT_MEANING: Final = frozenset(
    {
        "seq",
        "action_offset",
        "first_seq",
        "action_sha256",
        "previous_sha256",
        "recorded_at",
        "policy",
        "content_digest",
        "stage_seqs",
    }
)
HEAVIEST_MAX: Final = 10
_BALANCES: Final = frozenset(ACCOUNTS)
_NAMED_BY: Final = (
    "registration_id",
    "permit_id",
    "agency_id",
    "destination",
    "person_id",
    "training_id",
    "complaint_id",
    "version",
)

FIGURE_WORDS: Final = {
    "registrations": ("registrations", "pendaftaran"),
    "open": ("in process", "dalam proses"),
    "departed": ("departed", "berangkat"),
    "cancelled": ("cancelled", "batal"),
    "voided": ("voided", "dibatalkan sistem"),
    "reregistered": ("re-registered", "registrasi ulang"),
    "units_held": ("units held", "kuota terpakai"),
    "units_restored": ("units restored", "kuota dipulihkan"),
    "units_forfeited": ("units forfeited", "kuota hangus"),
    "units_released": ("units released by ruling", "kuota dilepas dengan putusan"),
    "units_stranded": ("units stranded", "kuota tertahan"),
}
THING_WORDS: Final = {
    "policy": ("the policy", "kebijakan"),
    "action": ("the action", "tindakan"),
    "registration": ("registration", "pendaftaran"),
    "person": ("person", "orang"),
    "line": ("units free on line", "kuota tersedia pada jabatan"),
    "permit": ("permit", "SIP2MI"),
    "agency": ("agency", "P3MI"),
    "destination": ("destination", "negara tujuan"),
    "training": ("training", "pelatihan"),
    "complaint": ("complaint", "pengaduan"),
}
GIVEN_WORDS: Final = {
    "dropped": ("dropped", "dihapus"),
    "inserted": ("inserted", "disisipkan"),
    "changed": ("changed", "diubah"),
}


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Everything that is told.

    Attributes:
        ledger: What the ledger that is is called.
        told: What was asked to be otherwise.
        run: Both ledgers, at their ends.
        outcomes: What became of whom.
        explained: The difference that is explained; None: there is none.
        wanted: What was to be explained and does not differ; empty where nothing was asked, or it does.

    """

    ledger: str
    told: Sequence[Told]
    run: Run
    outcomes: Outcomes
    explained: Shown | None
    wanted: str = ""

    def kinds(self) -> list[tuple[Difference, int]]:
        """How many differences there are of each kind, the most first, each with its first one."""
        first: dict[tuple[str, str, str, str], Difference] = {}
        counts: Counter[tuple[str, str, str, str]] = Counter()
        for each in self.run.differences:
            key = (each.given, each.before, each.after, each.effects)
            first.setdefault(key, each)
            counts[key] += 1
        return [(first[key], count) for key, count in counts.most_common()]

    def because(self) -> list[tuple[str, int]]:
        """How many differences each sort of thing explains, the most first; `given` explains itself."""
        counts: Counter[str] = Counter()
        for each in self.run.differences:
            if each.given:
                counts["given"] += 1
            elif not each.causes:
                counts["nothing"] += 1
            else:
                # Several alternatives or several together: each sort once.
                counts[" and ".join(sorted({link.divergence.kind for link in each.causes}))] += 1
        return counts.most_common()

    def consequences(self) -> Iterator[Step]:
        """What follows from the difference that is explained, itself first."""
        if self.explained is None:
            return iter(())
        return consequences(self.run.differences, self.explained.difference)

    def reasons(self) -> list[Step]:
        """What the difference that is explained follows from."""
        return [] if self.explained is None else reasons(self.run.differences, self.explained.difference)

    def heaviest(self) -> list[tuple[Difference, int]]:
        """The differences from which the most others follow, the most first."""
        return heaviest(self.run.differences, HEAVIEST_MAX)

    def why(self, changed: ChangedRegistration) -> list[Step]:
        """The way from what was asked for to a registration that stands otherwise."""
        if not changed.made_by:
            return []
        return reasons(self.run.differences, self.run.differences[changed.made_by[0]])


def with_former_values(told: Sequence[Told], policy: Policy) -> list[Told]:
    """Give the changes with what each field was in the policy that the ledger began with."""
    document = json.loads(policy_json(policy))
    found = []
    for each in told:
        if each.what != "set":
            found.append(each)
            continue
        head, _, tail = each.name.partition(".")
        value = document[head][tail] if tail else document[head]
        text = (
            ",".join(value)
            if isinstance(value, list)
            else value
            if isinstance(value, str)
            else json.dumps(value)
        )
        found.append(Told(each.what, each.name, text, each.after))
    return found


def seq_text(difference: Difference) -> str:
    """Give where a difference stands, for a person."""
    return f"before {difference.seq}" if difference.given == "inserted" else f"{difference.seq}"


def thing_text(link_kind: str, key: str, language: int = 0) -> str:
    """Give a thing's name, for a person."""
    word = THING_WORDS[link_kind][language]
    return word if link_kind == POLICY else f"{word} {key}"


def turn_text(difference: Difference) -> str:
    """Give what a decision turns into, for a person."""
    before, after = difference.before or "–", difference.after or "–"
    if difference.effects:
        return f"{before}: {difference.effects}"
    return f"{before} → {after}"


def fields_that_differ(shown: Shown) -> list[tuple[str, str, str]]:
    """Give each field of two decisions that differs, as it is and as it would be; what is absent is empty."""
    before = {} if shown.before is None else _flat(json.loads(decision_json(shown.before)))
    after = {} if shown.after is None else _flat(json.loads(decision_json(shown.after)))
    names = list(before)
    names.extend(name for name in after if name not in before)
    return [
        (name, before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _flat(value: Any, path: str = "") -> dict[str, str]:  # noqa: ANN401 - a value of JSON
    """Give the fields of a decision by their paths; members of a list by the thing that they are about."""
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for name, inner in value.items():
            if name in NOT_MEANING or (name in _BALANCES and "postings[" in path):
                continue
            found |= _flat(inner, f"{path}.{name}" if path else name)
        return found
    if isinstance(value, list):
        found = {}
        for number, inner in enumerate(value):
            found |= _flat(inner, f"{path}[{_name_of(inner, number, path)}]")
        return found
    return {path: value if isinstance(value, str) else json.dumps(value)}


def _name_of(value: Any, number: int, path: str) -> str:  # noqa: ANN401 - a value of JSON
    if path != "postings" and isinstance(value, dict):
        for name in _NAMED_BY:
            if name in value:
                return str(value[name])
    return str(number)


def write_json(report: WhatIf, target: TextIO) -> None:
    """Write the one object, piece by piece: differences may be a million."""
    run, ends = report.run, report.outcomes
    head = {
        "ledger": report.ledger,
        "records": int(run.records),
        "asked": [_told(each) for each in report.told],
        "policies": {
            "before": [_policy(seq, policy) for seq, policy in run.policies_before],
            "after": [_policy(seq, policy) for seq, policy in run.policies_after],
        },
        "decisions": {
            "differ": len(run.differences),
            "by_kind": [
                {
                    "given": each.given or None,
                    "before": each.before or None,
                    "after": each.after or None,
                    "effects": each.effects or None,
                    "count": count,
                    "first": each.number,
                }
                for each, count in report.kinds()
            ],
            "because": [{"of": name, "count": count} for name, count in report.because()],
            "outcomes_before": dict(sorted(run.outcomes_before.items())),
            "outcomes_after": dict(sorted(run.outcomes_after.items())),
        },
        "total": _group(ends.total),
        "turns": [{"before": was, "after": becomes, "count": count} for was, becomes, count in ends.turns],
        "first": None if run.first is None else _shown(run.first, run),
        "heaviest": [
            {"difference": int(each.number), "seq": int(each.seq), "follow": count}
            for each, count in report.heaviest()
        ],
        "explained": None if report.explained is None else _shown(report.explained, run),
    }
    text = json.dumps(head, ensure_ascii=False, indent=1)
    target.write(text[: text.rindex("\n}")])
    _write_list(target, "reasons", report.reasons(), _step)
    _write_list(target, "consequences", report.consequences(), _step)
    _write_list(
        target, "agencies", ends.agencies.items(), lambda item: {"agency_id": item[0], **_group(item[1])}
    )
    _write_list(
        target,
        "destinations",
        ends.destinations.items(),
        lambda item: {"destination": item[0], **_group(item[1])},
    )
    _write_list(
        target,
        "lines",
        ends.lines,
        lambda line: {
            "permit_id": line.permit_id,
            "line": line.line,
            "agency_id": line.agency_id,
            "destination": line.destination,
            "before": dict(zip(ACCOUNTS, line.before, strict=True)),
            "after": dict(zip(ACCOUNTS, line.after, strict=True)),
            "difference": dict(zip(ACCOUNTS, line.difference, strict=True)),
        },
    )
    _write_list(
        target,
        "registrations",
        ends.registrations,
        lambda changed: {
            "registration_id": changed.known.registration_id,
            "person_id": changed.known.person_id,
            "agency_id": changed.known.agency_id,
            "destination": changed.known.destination,
            "before": _registration(changed.before),
            "after": _registration(changed.after),
            "made_by": list(changed.made_by),
            "why": [step.difference.number for step in report.why(changed)],
        },
    )
    _write_list(target, "differences", run.differences, _difference)
    target.write("\n}\n")


def _write_list(target: TextIO, name: str, items: Any, of: Callable[[Any], object]) -> None:  # noqa: ANN401 - any
    target.write(f',\n "{name}": [')
    separator = "\n  "
    for item in items:
        target.write(separator + json.dumps(of(item), ensure_ascii=False))
        separator = ",\n  "
    target.write("]")


def _told(told: Told) -> dict[str, object]:
    return {"what": told.what, "name": told.name, "before": told.before or None, "after": told.after or None}


def _policy(seq: int, policy: Policy) -> dict[str, object]:
    return {"seq": None if seq < 0 else seq, "policy": json.loads(policy_json(policy))}


def _group(group: Group) -> dict[str, object]:
    return {
        "changed": group.changed,
        "before": {name: group.before[name] for name in FIGURES},
        "after": {name: group.after[name] for name in FIGURES},
        "units_before": {name: group.units_before[name] for name in ACCOUNTS},
        "units_after": {name: group.units_after[name] for name in ACCOUNTS},
    }


def _registration(registration: Registration | None) -> dict[str, object] | None:
    if registration is None:
        return None
    unit = registration.unit
    return {
        "system": registration.system,
        "scheme": registration.scheme,
        "status": registration.status,
        "unit": None
        if unit is None
        else {"permit_id": unit.permit_id, "line": int(unit.line), "state": unit.state},
        "reregistered_as": registration.reregistered_as,
        "reregistered_from": registration.reregistered_from,
        "stages": {
            name: format_instant(stage.at, stage.offset_minutes)
            for name, stage in stages_in_order(registration)
        },
        "stands": standing(registration),
    }


def _link(link: Link) -> dict[str, object]:
    nearest = int(link.nearest())
    return {
        "kind": link.divergence.kind,
        "key": link.divergence.key,
        "made_by": None if nearest < 0 else nearest,
        "made_by_count": int(link.made_by_count),
    }


def _difference(each: Difference) -> dict[str, object]:
    return {
        "number": int(each.number),
        "seq": int(each.seq),
        "given": each.given or None,
        "action_id": uuid_text(each.action_id) if each.action_id else None,
        "kind": each.kind or None,
        "system": each.system or None,
        "occurred_at": format_instant(each.occurred_at, each.occurred_offset_minutes) if each.kind else None,
        "registration_id": each.registration_id,
        "person_id": each.person_id,
        "permit_id": each.permit_id,
        "line": int(each.line) or None,
        "before": each.before or None,
        "after": each.after or None,
        "effects": each.effects or None,
        "causes": [_link(link) for link in each.causes],
        "all_causes_together": each.is_joint,
    }


def _shown(shown: Shown, run: Run) -> dict[str, object]:
    return {
        "difference": _difference(shown.difference),
        "action": None if shown.action is None else json.loads(action_json(shown.action)),
        "changed_action": None if shown.changed is None else json.loads(action_json(shown.changed)),
        "before": None if shown.before is None else json.loads(decision_json(shown.before)),
        "after": None if shown.after is None else _would_be(shown.after, run),
        "fields": [
            {"field": name, "before": was or None, "after": becomes or None}
            for name, was, becomes in fields_that_differ(shown)
        ],
    }


def _would_be(decision: Decision, run: Run) -> dict[str, object]:
    """Give a decision of the ledger that would be; what only a journal would give it is null."""
    found: dict[str, object] = json.loads(decision_json(decision))
    judged_by = [policy for seq, policy in run.policies_after if seq < decision.seq]
    found |= {"policy": judged_by[-1].version, "previous_sha256": None, "action_sha256": None}
    return found


def _step(step: Step) -> dict[str, object]:
    return {
        "difference": int(step.difference.number),
        "seq": int(step.difference.seq),
        "because": None if step.because is None else int(step.because.number),
        "through": None if step.through is None else {"kind": step.through.kind, "key": step.through.key},
        "depth": step.depth,
    }
