"""`neraca as-of`: what a thing was at any instant, and what was known of it then.

Two axes: `--at`, by when it had occurred, and `--known`, by when it was known. The tables answer by indexes
(docs/queries.md, "As of any instant"); only `everything` reads all of them.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from psycopg import Connection

    from neraca.settings import Settings
    from producers.gateway.moments import Moment

Document = dict[str, Any]
_ROWS_TOLD_MAX: Final = 40
_LINE: Final = re.compile(r"(?P<permit>.+)/(?P<line>[1-9][0-9]{0,9})")
_RECORDED: Final = "recorded:"

_BOUNDS: Final = "%(true_at)s, %(known_seq)s, %(entered_by)s, %(recorded_by)s"
REGISTRATIONS_THEN: Final = f"""
SELECT system, status, unit_state, count(*) FROM neraca.registrations_as_of({_BOUNDS})
GROUP BY system, status, unit_state ORDER BY system, status, unit_state NULLS FIRST
"""
UNITS_THEN: Final = f"""
SELECT count(*) AS lines, coalesce(sum(granted), 0)::bigint AS granted,
       coalesce(sum(available), 0)::bigint AS available, coalesce(sum(reserved), 0)::bigint AS reserved,
       coalesce(sum(departed), 0)::bigint AS departed, coalesce(sum(forfeited), 0)::bigint AS forfeited
FROM neraca.quota_balances_as_of({_BOUNDS})
"""
THINGS_THEN: Final = f"""
SELECT thing, CASE thing
           WHEN 'permit' THEN CASE WHEN (state->>'revoked')::boolean THEN 'revoked' ELSE 'not revoked' END
           WHEN 'person' THEN CASE WHEN (state->>'held')::boolean THEN 'on hold' ELSE 'released' END
           ELSE state->>'status' END AS state, count(*)
FROM neraca.reference_as_of({_BOUNDS})
GROUP BY 1, 2 ORDER BY 1, 2
"""


class Thing(StrEnum):
    """What to ask about."""

    PERSON = "person"
    REGISTRATION = "registration"
    PERMIT = "permit"
    LINE = "line"
    AGENCY = "agency"
    DESTINATION = "destination"
    EVERYTHING = "everything"


def as_of(
    thing: Annotated[Thing, typer.Argument(help="What to ask about.", show_default=False)],
    name: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="Its id; a line as PERMIT/LINE; none for everything."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="When it was true: what had occurred by then. An instant with an offset, or a day (all of "
            "it, WIB); absent: now.",
        ),
    ] = None,
    known: Annotated[
        str | None,
        typer.Option(
            metavar="KNOWN",
            help="What was known: a seq (the ledger after that decision), an instant or a day (what was "
            "entered by then), or recorded:INSTANT (what the broker had recorded); absent: all.",
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a thing was at any instant, and what was known of it then.

    "What did we believe on 20 July about 16 July?" Exit code 1 where there was no such thing.

    Example: neraca as-of registration R-1 --at 2023-07-16 --known 2023-07-20
    """
    from neraca.settings import Settings
    from schemas.errors import SettingsError

    if (name is None) != (thing is Thing.EVERYTHING):
        wanted = "takes no id" if thing is Thing.EVERYTHING else "needs an id"
        raise SettingsError(f"as-of {thing} {wanted}", advice="See `neraca as-of --help`.")
    moment = _moment(at, known)
    with _tables(Settings.read(home=home), moment) as tables:
        seq, document = tables.seq, _ASK[thing](tables, name or "")
    if document is None:
        typer.echo(f"neraca: there was no such {thing}, as of seq {seq}", err=True)
        raise typer.Exit(1)
    told = {"seq": seq, "at": at, "known": known, **document}
    if as_json:
        print_json(told)
    else:
        _show(told)


def _moment(at: str | None, known: str | None) -> "Moment":
    from producers.gateway.moments import moment
    from schemas.errors import SettingsError
    from schemas.instants import BadInstantError

    recorded = known is not None and known.startswith(_RECORDED)
    bare = known.removeprefix(_RECORDED) if known is not None else None
    try:
        return moment(_end_of_day(at), _RECORDED + str(_end_of_day(bare)) if recorded else _end_of_day(bare))
    except BadInstantError as error:
        raise SettingsError(
            f"--at {at} --known {known}: {error.reason}"
            if at is not None and known is not None
            else f"{known if at is None else at}: {error.reason}",
            advice="Write an instant with its offset, like 2023-07-16T09:00:00+07:00, or a day like "
            "2023-07-16; --known also takes a seq, or recorded: and an instant.",
        ) from None


def _end_of_day(text: str | None) -> str | None:
    """A day stands for all of it: its last microsecond, WIB."""
    try:
        day = None if text is None else date.fromisoformat(text)
    except ValueError:
        return text
    return (
        text
        if day is None or text is None or len(text) != len("2023-07-16")
        else f"{day}T23:59:59.999999+07:00"
    )


class _Tables:
    """The tables at one moment, all questions in one snapshot."""

    def __init__(self, connection: "Connection[dict[str, Any]]", moment: "Moment") -> None:
        self._connection = connection
        self._bounds = moment.bounds()
        rows = connection.execute(
            "SELECT seq FROM neraca.projection_positions WHERE projection = 'current'"
        ).fetchall()
        self.seq = int(rows[0]["seq"]) if rows else -1

    def rows(self, query: str, **parameters: object) -> list[Document]:
        """Ask one question."""
        return self._connection.execute(query.encode(), {**self._bounds, **parameters}).fetchall()


@contextmanager
def _tables(settings: "Settings", moment: "Moment") -> Iterator[_Tables]:
    import psycopg
    from psycopg.rows import dict_row

    from projections import connecting
    from schemas.errors import DatabaseUnavailable

    dsn = settings.postgres_dsn()
    try:
        with (
            connecting.told(advice="The tables are kept there: see `neraca status`."),
            connecting.connect(dsn, row_factory=dict_row, options="-c timezone=UTC") as connection,
        ):
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield _Tables(connection, moment)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction) as error:
        raise DatabaseUnavailable(
            "the tables are not there, or are those of an older version",
            advice="The projector makes them when it starts (`neraca up`); older ones: `neraca rebuild`.",
        ) from error


def _registration(tables: _Tables, name: str) -> Document | None:
    from producers.gateway import reads
    from producers.gateway.documents import registration_then

    rows = tables.rows(reads.REGISTRATION_THEN, id=name)
    return registration_then(rows[0]) if rows else None


def _person(tables: _Tables, name: str) -> Document | None:
    from producers.gateway import reads
    from producers.gateway.documents import person_then, registration_then

    return person_then(
        name,
        tables.rows(reads.HELD_THEN, id=name),
        [registration_then(row) for row in tables.rows(reads.PERSON_THEN, id=name)],
        tables.rows(reads.TRAININGS_THEN, id=name),
    )


def _permit(tables: _Tables, name: str) -> Document | None:
    from producers.gateway import reads
    from producers.gateway.documents import permit_then

    found = tables.rows(reads.THING_THEN, thing="permit", id=name)
    return permit_then(name, found, tables.rows(reads.LINES_THEN, id=name))


def _line(tables: _Tables, name: str) -> Document | None:
    from schemas.errors import SettingsError

    parts = _LINE.fullmatch(name)
    if parts is None:
        raise SettingsError(f"{name} names no line", advice="Write PERMIT/LINE, like S-9/1.")
    permit = _permit(tables, parts["permit"])
    lines = [] if permit is None else permit.pop("lines")
    found = [line for line in lines if line["line"] == int(parts["line"])]
    return {**permit, **found[0]} if permit is not None and found else None


def _agency(tables: _Tables, name: str) -> Document | None:
    from producers.gateway import reads

    rows = tables.rows(reads.THING_THEN, thing="agency", id=name)
    if not rows:
        return None
    held = tables.rows("SELECT permit_id FROM neraca.permits WHERE agency_id = %(id)s ORDER BY 1", id=name)
    permits = [permit for row in held if (permit := _permit(tables, row["permit_id"])) is not None]
    changed_seq = rows[0]["changed_seq"]
    return {"agency_id": name, **rows[0]["state"], "changed_seq": changed_seq, "permits": permits}


def _destination(tables: _Tables, name: str) -> Document | None:
    from producers.gateway import reads

    rows = tables.rows(reads.THING_THEN, thing="destination", id=name)
    # Only what was ever closed has a history; every other is open.
    state = rows[0]["state"] if rows else {"status": "open"}
    return {"destination": name, **state, "changed_seq": rows[0]["changed_seq"] if rows else None}


def _everything(tables: _Tables, _: str) -> Document | None:
    things: dict[str, dict[str, int]] = {}
    for row in tables.rows(THINGS_THEN):
        things.setdefault(row["thing"], {})[row["state"]] = row["count"]
    return {
        "units": tables.rows(UNITS_THEN)[0],
        "things": things,
        "registrations": tables.rows(REGISTRATIONS_THEN),
    }


_ASK: Final[dict[Thing, Callable[[_Tables, str], Document | None]]] = {
    Thing.PERSON: _person,
    Thing.REGISTRATION: _registration,
    Thing.PERMIT: _permit,
    Thing.LINE: _line,
    Thing.AGENCY: _agency,
    Thing.DESTINATION: _destination,
    Thing.EVERYTHING: _everything,
}


def _show(told: Document) -> None:
    """Print what there was, for a person: scalars first, then a table for each list."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    plain = {name: value for name, value in told.items() if not isinstance(value, list | dict)}
    for name, value in plain.items():
        console.print(f"{name:>18}  {'-' if value is None else value}", markup=False)
    for name, value in told.items():
        if isinstance(value, dict):
            console.print(f"{name:>18}  {_flat(value)}", markup=False)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            table = Table(title=f"{name} ({len(value)})", title_justify="left", box=None, pad_edge=False)
            columns = [column for column in value[0] if column != "stage_seqs"]
            for column in columns:
                table.add_column(column)
            for row in value[:_ROWS_TOLD_MAX]:
                table.add_row(*(escape(_flat(row[column])) for column in columns))
            console.print()
            console.print(table)
            if len(value) > _ROWS_TOLD_MAX:
                console.print(f"… and {len(value) - _ROWS_TOLD_MAX} more: ask with --json", markup=False)


def _flat(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_flat(one)}" for name, one in value.items()) or "-"
    if isinstance(value, list):
        return "; ".join(_flat(one) for one in value) or "-"
    return "-" if value is None else str(value)
