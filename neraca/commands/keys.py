"""`neraca keys`: who may use the gateway, for which systems and offices, and what they may read."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from psycopg import Connection

    from neraca.access.keys import Key
    from neraca.settings import Settings

_PIPE_COLUMNS = 10_000


class Deed(StrEnum):
    """What to do with keys."""

    CREATE = "create"
    LIST = "list"
    ROTATE = "rotate"
    REVOKE = "revoke"


def keys(
    deed: Annotated[Deed, typer.Argument(help="What to do.", show_default=False)],
    subject: Annotated[
        str | None,
        typer.Argument(help="create: a name for the key; rotate, revoke: its id.", show_default=False),
    ] = None,
    officer: Annotated[
        str | None,
        typer.Option(help="Officer of every action sent with the key.", show_default=False),
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(help="System that it may act in; may be repeated.", show_default=False),
    ] = None,
    office: Annotated[
        list[str] | None,
        typer.Option(help="Office that it may act for, TYPE:CODE or TYPE:*; may be repeated."),
    ] = None,
    read: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may read: registrations, people, permits, decisions or all; may be repeated."
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days until it ends; absent: it does not end.")
    ] = None,
    grace_hours: Annotated[
        int, typer.Option(min=0, max=24 * 90, help="rotate: how long the secret before stays valid.")
    ] = 168,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make, list, rotate and revoke the keys of the gateway. A key is shown once; only its hash is kept.

    Example: neraca keys create desk --officer o-4711 --system SIAPKERJA --office BP3MI:* --read all
    """
    from neraca.access import keys as store
    from neraca.settings import Settings
    from schemas.errors import SettingsError

    settings = Settings.read(home=home)
    if deed is not Deed.LIST and subject is None:
        raise SettingsError(f"keys {deed} needs one more word", advice="See `neraca keys --help`.")
    with _connection(settings) as connection:
        store.migrate(connection)
        if deed is Deed.LIST:
            _show_all(store.list_keys(connection), as_json=as_json)
        elif deed is Deed.REVOKE:
            _show(store.revoke(connection, subject or ""), None, as_json=as_json)
        elif deed is Deed.ROTATE:
            key, text = store.rotate(connection, subject or "", timedelta(hours=grace_hours))
            _show(key, text, as_json=as_json)
        else:
            if officer is None:
                raise SettingsError(
                    "keys create needs --officer", advice="Every action sent with the key is that officer's."
                )
            new = store.NewKey(subject or "", officer, system or [], office or [], read or [])
            expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
            key, text = store.create(connection, new, expires_at)
            _show(key, text, as_json=as_json)


@contextmanager
def _connection(settings: "Settings") -> "Iterator[Connection[tuple[object, ...]]]":
    from projections import connecting

    with (
        connecting.told(advice="Keys are kept there: see `neraca status`."),
        connecting.connect(settings.postgres_dsn(), autocommit=True) as connection,
    ):
        yield connection


def _show(key: "Key", text: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json(key.as_json() if text is None else {"key": text, **key.as_json()})
        return
    if text is None:
        typer.echo(f"{key.key_id} ({key.name}) is revoked; gateways follow within seconds")
        return
    # The key alone on standard output, so that `KEY=$(neraca keys create …)` holds it.
    typer.echo(text)
    typer.echo(f"key {key.key_id} of {key.officer}; it is not shown again", err=True)


def _show_all(found: "list[Key]", *, as_json: bool) -> None:
    if as_json:
        print_json([key.as_json() for key in found])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("key", "name", "officer", "systems", "offices", "reads", "state"):
        table.add_column(column)
    for key in found:
        table.add_row(
            key.key_id,
            key.name,
            key.officer,
            " ".join(key.systems),
            " ".join(key.offices),
            " ".join(key.reads),
            _state(key),
        )
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        # A line each, however long: programs read lines.
        console.width = _PIPE_COLUMNS
    console.print(table)


def _state(key: "Key") -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        return "ended"
    rotating = ", rotating" if key.secrets_valid > 1 else ""
    return f"valid{rotating}" if key.expires_at is None else f"until {key.expires_at:%Y-%m-%d}{rotating}"
