"""What the commands that touch personal data share: a connection to the tables, and the access record."""

import getpass
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from psycopg import Connection

    from neraca.settings import Settings

# In the place of a key of the gateway.
COMMAND_KEY_ID: Final = "neraca"

PersonArgument = Annotated[
    str,
    typer.Argument(help="The person's id; `neraca keystore find` gives the one of a NIK.", metavar="PERSON"),
]
OfficerOption = Annotated[str, typer.Option(help="The officer who answers for it.", show_default=False)]
ReasonOption = Annotated[
    str, typer.Option(help="Why, without personal data: a file number.", show_default=False)
]


@contextmanager
def tables(settings: "Settings") -> "Iterator[Connection[tuple[Any, ...]]]":
    """Give a connection to the tables (autocommit).

    Raises:
        DatabaseUnavailable: PostgreSQL does not answer.

    """
    from projections import connecting

    with connecting.told(), connecting.connect(settings.postgres_dsn(), autocommit=True) as connection:
        yield connection


def check_words(officer: str, reason: str) -> None:
    """See that officer and reason are text, say something, and hold no NIK.

    Raises:
        SettingsError: they do not.

    """
    from neraca.access.keys import is_utf8
    from producers.extract.personal import has_nik
    from schemas.errors import SettingsError
    from schemas.shape import ID_BYTES_MAX, TEXT_BYTES_MAX

    for option, text, bytes_max in (
        ("--officer", officer, ID_BYTES_MAX),
        ("--reason", reason, TEXT_BYTES_MAX),
    ):
        if not is_utf8(text):
            raise SettingsError(f"{option} is no UTF-8 text", advice="Write it in letters and digits.")
        if not text.strip() or len(text.encode()) > bytes_max or "\x00" in text:
            raise SettingsError(f"{option} is empty or too long", advice=f"At most {bytes_max} bytes.")
        if has_nik(text):
            raise SettingsError(
                f"{option} holds what looks like a NIK", advice="It is kept for good: name a file number."
            )


def check_person(person: str) -> str:
    """See that a person's id can be one: a NIK or a name in its place would stay in the access record.

    Gives it as the key store writes it, which knows one spelling of a UUID from no other: the ledger, and the
    access records, do.

    Raises:
        SettingsError: it cannot.

    """
    from neraca.access.keys import is_utf8
    from producers.sealing.guard import may_identify
    from schemas.errors import SettingsError
    from schemas.shape import ID_BYTES_MAX

    can_be = is_utf8(person) and 0 < len(person.encode()) <= ID_BYTES_MAX and "\x00" not in person
    if not can_be or may_identify(person):
        raise SettingsError(
            "PERSON is no person's id", advice="`neraca keystore find` gives the one of a NIK."
        )
    try:
        return str(uuid.UUID(person))
    except ValueError:
        return person


def keep_access(
    database: "Connection[tuple[Any, ...]]",
    officer: str,
    kind: str,
    subject_id: str,
    status: int,
    parameters: Mapping[str, str],
) -> None:
    """Leave an access record, committed when this returns: nothing may be shown before."""
    from neraca.access.keys import migrate
    from neraca.access.records import keep_now
    from producers.gateway.ports import Access

    migrate(database)
    told = {**parameters, "user": getpass.getuser()}
    keep_now(database, Access(COMMAND_KEY_ID, officer, kind, subject_id, status, told))
