"""`neraca rebuild`: the tables made anew beside the live ones, compared, and swapped without a pause."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neraca.commands import HomeOption, JsonOption, print_json
from neraca.commands.progress import progress
from neraca.wording import counted

if TYPE_CHECKING:
    from audit.rebuild import Place, Result, TableResult
    from audit.source import Source
    from neraca.settings import Settings
    from projections.comparison import RowDifference


def rebuild(
    only: Annotated[
        str | None, typer.Option(help="Rebuild this table only.", metavar="TABLE", show_default=False)
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            help="Read this archive folder; the topics give only what came after it.",
            metavar="FOLDER",
            show_default=False,
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Compare only; leave everything as it is.")] = False,
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="Swap although the tables differ.")
    ] = False,
    rollback: Annotated[
        bool, typer.Option("--rollback", help="Swap back the tables that the last swap kept.")
    ] = False,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Remove the tables that the last swap kept.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make every table anew from the journal, beside the live ones; compare, and swap. Nothing stops.

    The tables before are kept. Exit code 0: done. 1: the tables differ, the first difference of each is told,
    and nothing was swapped unless --accept-differences was given. 2: it cannot run.

    Example: neraca rebuild --check
    """
    from audit import rebuild as work
    from neraca.settings import Settings
    from schemas.errors import SettingsError

    if sum([rollback, drop_old, check]) > 1 or ((rollback or drop_old) and (only or archive)):
        raise SettingsError(
            "--check, --rollback and --drop-old are three ways to use it, and the latter two take no more",
            advice="See `neraca rebuild --help`.",
        )
    settings = Settings.read(home=home)
    place = work.Place(
        settings.postgres_dsn(),
        _kafka(settings, is_needed=archive is None and not drop_old),
        settings.topic_prefix,
    )
    wish = work.Wish(only=only, check=check, accept_differences=accept_differences)
    if drop_old:
        _tell_dropped(work.drop_kept(place), as_json=as_json)
        return
    with progress("starting", beside_output=False) as bar:

        def tell(what: str, done: int, total: int) -> None:
            bar.show(done, total or None, what)

        if rollback:
            result = work.roll_back(place, wish, tell)
        else:
            result = work.rebuild(place, _source(place, archive), wish, tell)
    if as_json:
        print_json(_as_json(result))
    else:
        _show(result, is_rollback=rollback, check=check)
    if result.is_different and not rollback:
        raise typer.Exit(1)


def _kafka(settings: "Settings", *, is_needed: bool) -> dict[str, str | int] | None:
    from schemas.errors import StackNotRunning

    try:
        return {"log_level": 0, **settings.kafka_config()}
    except StackNotRunning:
        if is_needed:
            raise
        return None


def _source(place: "Place", archive: Path | None) -> "Source":
    from audit.archive.reader import ArchiveSource
    from audit.topics import TopicsSource

    if archive is not None:
        return ArchiveSource(archive)
    return TopicsSource(place.kafka or {}, place.topic_prefix)


def _tell_dropped(dropped: bool, *, as_json: bool) -> None:
    if as_json:
        print_json({"dropped": dropped})
    else:
        typer.echo("The tables that were kept are removed." if dropped else "No tables were kept.")


def _show(result: "Result", *, is_rollback: bool, check: bool) -> None:
    if not is_rollback:
        _show_comparison(result)
    if result.swapped_at is not None:
        back = " back" if is_rollback else ""
        typer.echo(
            f"swapped{back} at seq {result.swapped_at}; the projector waited {result.held_ms:.0f} ms. "
            "The tables before are kept: --rollback, --drop-old"
        )
    elif result.is_different and not check:
        typer.echo("Nothing was swapped. To swap all the same: --accept-differences")
    for name in result.exchanged.left_behind:
        typer.echo(f"  reads the tables of before, drop it and make it again: {name}")


def _show_comparison(result: "Result") -> None:
    if result.uncompared is not None:
        typer.echo(f"Nothing was compared: {result.uncompared}.")
    elif result.tables:
        _show_tables(result)
    for name in result.only_live:
        typer.echo(f"  only in the live tables: {name}")
    for name in result.only_rebuilt:
        typer.echo(f"  new: {name}")
    for one in result.differences:
        for line in _told(one):
            typer.echo(line)
    built = result.seconds["building"] + result.seconds["indexing"]
    rate = result.built / built
    typer.echo(f"built from {result.built:,} decisions in {built:.1f} s, {rate:,.0f}/s, indexes included")


def _show_tables(result: "Result") -> None:
    typer.echo(f"compared at seq {result.seq}:")
    width = max(len(one.table) for one in result.tables)
    for one in result.tables:
        verdict = "same" if one.live == one.rebuilt else "DIFFERS"
        typer.echo(f"  {one.table:<{width}}  {one.rebuilt.rows:>12,} rows  {one.rebuilt.hash}  {verdict}")


def _told(one: "TableResult") -> Iterator[str]:
    """Say what differs in one table, and the first row of it."""
    if one.live.rows != one.rebuilt.rows:
        yield f"{one.table}: {counted(one.live.rows, 'row')} live, {one.rebuilt.rows:,} rebuilt"
    difference = one.difference
    if difference is None:
        return
    key = ", ".join(f"{name} {value}" for name, value in difference.key.items())
    yield f"{one.table}: {counted(difference.rows, 'row differs', 'rows differ')}; the first: {key}"
    for side, value in (("live", difference.live), ("rebuilt", difference.rebuilt)):
        where = "" if difference.column is None else f"{difference.column} "
        yield f"  {side + ':':<9}{where}{'no such row' if value is None and not where else value}"


def _as_json(result: "Result") -> dict[str, Any]:
    return {
        "seq": result.seq,
        "decisions": result.built,
        "same": not result.is_different,
        "uncompared": result.uncompared,
        "tables": [
            {
                "table": one.table,
                "live": {"rows": one.live.rows, "hash": one.live.hash},
                "rebuilt": {"rows": one.rebuilt.rows, "hash": one.rebuilt.hash},
                "same": one.live == one.rebuilt,
                "first_difference": None if one.difference is None else _difference_json(one.difference),
            }
            for one in result.tables
        ],
        "only_live": list(result.only_live),
        "only_rebuilt": list(result.only_rebuilt),
        "swapped_at": result.swapped_at,
        "projector_waited_ms": round(result.held_ms, 1),
        "rebound": list(result.exchanged.rebound),
        "left_behind": list(result.exchanged.left_behind),
        "seconds": {name: round(seconds, 3) for name, seconds in result.seconds.items()},
    }


def _difference_json(difference: "RowDifference") -> dict[str, Any]:
    return {
        "key": difference.key,
        "column": difference.column,
        "live": difference.live,
        "rebuilt": difference.rebuilt,
        "rows": difference.rows,
    }
