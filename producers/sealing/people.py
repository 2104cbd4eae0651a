"""Who is whom, as a producer is told: a random id for each NIK, and the key of each person.

A port. The key store behind it (`neraca/keystore`) is handed in by whoever runs a producer.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID

_DIGEST_BYTES: Final = 16
_RANDOM_UUID: Final = 4


@dataclass(frozen=True, slots=True)
class Person:
    """A person as the key store knows them.

    Attributes:
        person_id: Random, as text.
        key: Seals and opens this person's fields; None once the person was erased, or where nothing is to be
            sealed.

    """

    person_id: str
    key: bytes | None = field(repr=False)


class People(Protocol):
    """Where people are found."""

    def of_niks(self, niks: Sequence[str]) -> list[Person]:
        """Give the owner of each NIK, in the same order; who is not known yet gets an id and a key.

        Two callers at once get the same person for the same NIK.
        """
        ...

    def of_ids(self, person_ids: Sequence[str]) -> dict[str, Person]:
        """Give the people of those ids, as far as they are known."""
        ...


class Strangers:
    """People without a key store: ids that hold for as long as this object, and nothing to seal with.

    For a dry run, which leaves nothing behind. Memory does not grow: an id follows from the NIK and from a
    key that nobody keeps.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key: Final = key if key is not None else secrets.token_bytes(32)

    def of_niks(self, niks: Sequence[str]) -> list[Person]:
        """Give the owner of each NIK."""
        return [
            Person(
                str(
                    UUID(
                        bytes=hmac.digest(self._key, nik.encode("utf-8", "surrogateescape"), "sha256")[
                            :_DIGEST_BYTES
                        ],
                        version=_RANDOM_UUID,
                    )
                ),
                None,
            )
            for nik in niks
        ]

    def of_ids(self, person_ids: Sequence[str]) -> dict[str, Person]:
        """Give people without keys."""
        return {person_id: Person(person_id, None) for person_id in person_ids}

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "Strangers()"
