"""Personal data sealed before anything is produced: one key a person, one envelope a field.

Knows nothing of where keys are kept: whoever runs it hands in `People`. Must never put a personal value into
an error, a log line or a `repr`.
"""

from producers.sealing.actions import seal_of, sealed_of, with_sealed
from producers.sealing.envelope import (
    FIELD_BYTES_MAX,
    FIELDS,
    KEY_BYTES,
    NONCE_BYTES,
    SealBroken,
    SealedWrong,
    open_bytes,
    open_fields,
    seal_bytes,
    seal_fields,
)
from producers.sealing.people import People, Person, Strangers

__all__ = [
    "FIELDS",
    "FIELD_BYTES_MAX",
    "KEY_BYTES",
    "NONCE_BYTES",
    "People",
    "Person",
    "SealBroken",
    "SealedWrong",
    "Strangers",
    "open_bytes",
    "open_fields",
    "seal_bytes",
    "seal_fields",
    "seal_of",
    "sealed_of",
    "with_sealed",
]
