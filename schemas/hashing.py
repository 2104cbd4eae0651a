"""SHA-256 of one small record, as cheap as the standard library gives it.

Three hashes are a fifth of what a decision costs, and most of that is not hashing but making the object that
hashes. Runs for every record, so mypyc compiles it.
"""

from __future__ import annotations

import hashlib
from typing import Final

# Copied and never fed: a copy costs a sixth less than a new one, which is looked up by its name each time.
_EMPTY: Final = hashlib.sha256()


def sha256(data: bytes) -> bytes:
    """Give the 32 bytes of the SHA-256 of these bytes (FIPS 180-4)."""
    hashing = _EMPTY.copy()
    hashing.update(data)
    return hashing.digest()
