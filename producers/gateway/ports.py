"""What the gateway is given from outside: who asks, where decisions stand, what a refusal says. Protocols
only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from producers.sealing.clear import Clear, Sealing

# What a key may read, beside `all`.
READ_SCOPES = ("registrations", "people", "permits", "decisions")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as an authenticator found out.

    `offices` are pairs of type and code; the code `*` stands for every office of that type. `reads` are names
    of `READ_SCOPES`, or `all`.
    """

    key_id: str
    officer: str
    systems: frozenset[str] = frozenset()
    offices: frozenset[tuple[str, str]] = frozenset()
    reads: frozenset[str] = frozenset()

    def may_act_in(self, system: str) -> bool:
        """Whether actions of this system may be sent."""
        return system in self.systems

    def may_act_for(self, office_type: str, office_code: str) -> bool:
        """Whether actions of this office may be sent."""
        return (office_type, office_code) in self.offices or (office_type, "*") in self.offices

    def may_read(self, scope: str) -> bool:
        """Whether this kind of thing may be read."""
        return scope in self.reads or "all" in self.reads


class NotAuthenticated(Exception):
    """The request carries no credential, or none that is valid. `reason` names which, never a secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AuthenticationUnavailable(Exception):
    """Nobody can say at the moment whether a credential is valid."""


class Authenticator(Protocol):
    """Tells who sent a request. Keys today; OpenID Connect fits here: a bearer token in, a principal out."""

    async def authenticate(self, authorization: str | None) -> Principal:
        """Give who asks, from the value of the `Authorization` header.

        Raises:
            NotAuthenticated: there is no valid credential.
            AuthenticationUnavailable: the store of credentials has not answered for too long.

        """
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """One look at a person's data: by whom, at what, with which end."""

    key_id: str
    officer: str
    kind: str
    subject_id: str
    status: int
    parameters: Mapping[str, str] = field(default_factory=dict)


class AccessRecords(Protocol):
    """Where looks at a person's data are kept."""

    async def keep(self, access: Access) -> None:
        """Return once the record is kept.

        Raises:
            psycopg.Error, TimeoutError: it could not be kept; then nothing may be shown.

        """
        ...


class SealerUnavailable(Exception):
    """Nobody can be found and nothing be sealed at the moment."""


class Sealer(Protocol):
    """Finds people by NIK, and seals what a source sends in the clear."""

    async def seal(self, clear: Clear) -> Sealing:
        """Find or make the person, and seal for one action.

        Raises:
            SealerUnavailable: the keys cannot be reached.

        """
        ...


class Journal(Protocol):
    """Decisions that lie further back than the gateway's own memory."""

    async def read(self, wanted: Sequence[tuple[int, bytes]]) -> list[bytes]:
        """Give the Avro bytes of decisions, each told by `seq` and SHA-256, in the same order.

        Raises:
            BrokerUnavailable: Kafka does not answer.
            JournalMismatch: a decision is not there, or another one is.

        """
        ...


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a code says: its title, and what to do about it in English and Bahasa Indonesia."""

    title: str
    english: str
    indonesian: str


Sentences = Mapping[str, Sentence]
