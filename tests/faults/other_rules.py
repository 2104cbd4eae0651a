"""A ledger that judges by a policy which nobody adopted: the smallest decider that runs other rules."""

from ledger.engine import Engine
from ledger.policy import DEFAULT_VERSION, default_policy
from ledger.state import SeenActions
from schemas.policy_json import parse_policy, policy_json

VERSION = "other-rules"


def start_with_other_rules(seen: SeenActions | None = None) -> Engine:
    """Give it before its first decision; each decision carries the policy's version, so each one differs."""
    adopted = policy_json(default_policy())
    return Engine.start(parse_policy(adopted.replace(DEFAULT_VERSION, VERSION)), seen)
