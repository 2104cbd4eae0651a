"""A ledger that judges by a policy which nobody adopted: the smallest decider that runs other rules."""

from ledger.engine import Engine
from ledger.policy import default_policy
from ledger.state import SeenActions
from schemas.records import Policy

VERSION = "other-rules"


def start_with_other_rules(seen: SeenActions | None = None) -> Engine:
    """Give it before its first decision; each decision carries the policy's version, so each one differs."""
    policy = default_policy()
    values = {name: getattr(policy, name) for name in Policy.__slots__}
    return Engine.start(Policy(**{**values, "version": VERSION}), seen)
