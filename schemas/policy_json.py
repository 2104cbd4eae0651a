"""A policy as JSON, both ways, exactly as contract §5 has it."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.action_model import judge_policy
from schemas.errors import ShapeError
from schemas.instants import format_instant
from schemas.records import Policy
from schemas.shape import policy_problems
from schemas.strict_json import NotStrictJsonError, load_object


def policy_json(policy: Policy) -> str:
    """Write a policy as one line of JSON; `parse_policy` gives the same back."""
    limit, closure, taken_at = policy.registration_limit, policy.closure, policy.unit_taken_at
    return json.dumps(
        {
            "version": policy.version,
            "registration_limit": format_instant(limit.at, limit.offset_minutes),
            "closure": format_instant(closure.at, closure.offset_minutes),
            "unit_taken_at": {"SISKOTKLN": taken_at.SISKOTKLN, "SIAPKERJA": taken_at.SIAPKERJA},
            "biometrics_not_required": policy.biometrics_not_required,
            "agreement_not_required": policy.agreement_not_required,
            "restore_if_valid_at": policy.restore_if_valid_at,
            "restoration": policy.restoration,
            "late_departures": policy.late_departures,
            "clock_skew_seconds": policy.clock_skew_seconds,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def parse_policy(text: str) -> Policy:
    """Give the policy that a JSON object holds, with every field of contract §5.

    Raises:
        ShapeError: it breaks the shape; its `problems` are everything that is wrong.

    """
    try:
        value = load_object(text)
    except NotStrictJsonError as error:
        raise ShapeError(error.reason, advice=error.advice) from None
    return policy_of(value)


def policy_of(value: object) -> Policy:
    """Give the policy of a JSON value that `strict_json` read.

    Raises:
        ShapeError: as `parse_policy`.

    """
    policy, found = judge_policy(value)
    found = found if policy is None else policy_problems(policy)
    if policy is None or found:
        first = found[0]
        raise ShapeError(first.reason, field=first.field, advice=first.advice, problems=found)
    return policy


def read_policy_file(path: Path) -> Policy:
    """Give the policy of a file.

    Raises:
        ShapeError: the file cannot be read, or breaks the shape; the message names the file.

    """
    try:
        return parse_policy(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ShapeError(
            f"the policy cannot be read: {path}: {error.strerror}", advice="name a file with a policy"
        ) from None
    except UnicodeDecodeError:
        raise ShapeError(f"the policy in {path} is not UTF-8", advice="save it as UTF-8") from None
    except ShapeError as error:
        raise ShapeError(
            f"the policy in {path} breaks the shape: {error}",
            field=error.field,
            advice=error.advice,
            problems=error.problems,
        ) from None
