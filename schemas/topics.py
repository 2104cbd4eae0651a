"""The topics and the settings that their promises rest on, as plain data. Creating them is not done here."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Kafka counts a record's headers and framing as well: 12 bytes of batch overhead beside the payload.
_RECORD_OVERHEAD_BYTES = 12
ACTION_RECORD_BYTES_MAX = 1024 * 1024
# A decision carries what it leads to (a permit with its lines, a posting for each): it outgrows its action.
DECISION_BYTES_MAX = 16 * ACTION_RECORD_BYTES_MAX
DEAD_LETTER_BYTES_MAX = 2 * ACTION_RECORD_BYTES_MAX
# Three lines and their signatures: commonly 300 bytes.
CHECKPOINT_BYTES_MAX = ACTION_RECORD_BYTES_MAX


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name without a deployment's prefix, its partitions, the settings that must hold, why."""

    name: str
    partitions: int
    config: Mapping[str, str]
    docs: str

    def under(self, prefix: str) -> str:
        """The name on a broker where this ledger's topics carry `prefix`."""
        return prefix + self.name


def _kept_for_ever(max_message_bytes: int) -> Mapping[str, str]:
    return MappingProxyType(
        {
            "cleanup.policy": "delete",
            "retention.ms": "-1",
            "retention.bytes": "-1",
            # Nobody but the broker chooses `recorded_at`.
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(max_message_bytes + _RECORD_OVERHEAD_BYTES),
        }
    )


ACTIONS = Topic(
    name="placement.actions.v1",
    partitions=1,
    config=_kept_for_ever(ACTION_RECORD_BYTES_MAX),
    docs="What the source systems say happened or ask for. One partition: one ledger, one order.",
)
DECISIONS = Topic(
    name="placement.decisions.v1",
    partitions=1,
    config=_kept_for_ever(DECISION_BYTES_MAX),
    docs="The journal: one decision an action, numbered without gaps, chained by hash.",
)
DEAD_LETTERS = Topic(
    name="placement.dead-letters.v1",
    partitions=1,
    # Room for letters of earlier versions, which copied the record that they are about.
    config=_kept_for_ever(DEAD_LETTER_BYTES_MAX),
    docs="Which records could not be read, where they stand and why, to be mended and sent again.",
)
CHECKPOINTS = Topic(
    name="placement.checkpoints.v1",
    partitions=1,
    config=_kept_for_ever(CHECKPOINT_BYTES_MAX),
    docs="The journal's signed checkpoints (C2SP tlog-checkpoint, as text), each of a longer journal.",
)

ALL_TOPICS: tuple[Topic, ...] = (ACTIONS, DECISIONS, DEAD_LETTERS, CHECKPOINTS)
