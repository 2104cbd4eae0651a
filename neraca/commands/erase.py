"""`neraca erase`: a person's key is destroyed, and the ledger records it."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neraca.commands import HomeOption, JsonOption, print_json
from neraca.commands.personal import OfficerOption, PersonArgument, ReasonOption

if TYPE_CHECKING:
    from psycopg import Connection

    from neraca.keystore.erasing import Verdict
    from neraca.keystore.store import Erasure
    from neraca.settings import Settings


def erase(
    person: PersonArgument,
    reason: ReasonOption,
    officer: OfficerOption,
    while_open: Annotated[
        bool, typer.Option("--while-open", help="Also a person whose registration is still open.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
    timeout_seconds: Annotated[
        float, typer.Option(min=1, help="How long nothing may happen before that is an error.")
    ] = 60.0,
) -> None:
    """Destroy the key of a person, so that nobody opens what was sealed with it any more.

    The ledger records it first, as an action of its own; what it recorded before stays as it is, and so do
    all proofs. If this is cut, the same command finishes it. Exit code 1 where the ledger refuses.

    Example: neraca erase 3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1 --officer o-4711 --reason "file 12/2026"
    """
    from neraca.commands.personal import check_person, check_words, tables
    from neraca.keystore.erasing import ErasureRefused
    from neraca.keystore.erasing import erase as erase_person
    from neraca.keystore.opening import opened
    from neraca.settings import Settings

    settings = Settings.read(home=home)
    check_words(officer, reason)
    given, person = person, check_person(person)
    with tables(settings) as database, opened(settings) as store:
        known = store.erasure_of(person)
        if known is None or known.erased_at is None:
            if not while_open:
                _check_open(database, [given, person])
            _confirm(person, is_sure=yes)
        try:
            erasure, is_new = erase_person(
                store,
                person,
                officer,
                reason,
                lambda avro: _recorded(settings, avro, timeout_seconds=timeout_seconds),
            )
        except ErasureRefused as error:
            typer.echo(f"neraca: {error}\n  {error.advice}", err=True)
            raise typer.Exit(1) from None
    _show(erasure, is_new=is_new, as_json=as_json)


def _check_open(database: "Connection[tuple[Any, ...]]", spellings: list[str]) -> None:
    """Refuse while the person is in the process: whoever works on it needs to know whom."""
    from psycopg import errors

    from schemas.errors import NeracaError

    try:
        row = database.execute(
            "SELECT min(registration_id) FROM neraca.registrations"
            " WHERE person_id = ANY(%s) AND status = 'open'",
            (spellings,),
        ).fetchone()
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        return
    if row is not None and row[0] is not None:
        raise NeracaError(
            f"registration {row[0]} of this person is open; nothing was destroyed",
            advice="Erasure yields to the process while it runs. With --while-open it is done all the same.",
        )


def _confirm(person: str, *, is_sure: bool) -> None:
    from schemas.errors import SettingsError

    if is_sure:
        return
    if not sys.stdin.isatty():
        raise SettingsError("nobody is there to be asked", advice="Give --yes.")
    typer.confirm(f"Destroy the key of {person} for good?", abort=True, err=True)


def _recorded(settings: "Settings", avro: bytes, *, timeout_seconds: float) -> "Verdict":
    """Have the action decided through Kafka, and give what became of it, also where it was sent before."""
    from neraca.importing import ThroughKafka
    from neraca.keystore.erasing import Verdict
    from producers.extract import ExtractAction
    from schemas.records import Decision

    decisions: list[Decision] = []
    with ThroughKafka(
        settings, lambda _, decision: decisions.append(decision), timeout_seconds=timeout_seconds
    ) as deciding:
        deciding.take(ExtractAction(avro, 0, 0))
        deciding.finish()
        decision = decisions[0]
        if decision.first_seq is None:
            return Verdict(int(decision.seq), decision.code)
        first_seq = int(decision.first_seq)
        return Verdict(first_seq, deciding.refused_before([first_seq]).get(first_seq))


def _show(erasure: "Erasure", *, is_new: bool, as_json: bool) -> None:
    at = "" if erasure.erased_at is None else erasure.erased_at.isoformat()
    if as_json:
        print_json(
            {
                "person_id": erasure.person_id,
                "erased_at": at,
                "officer": erasure.officer,
                "reason": erasure.reason,
                "seq": erasure.seq,
                "action_id": str(erasure.action_id),
                "is_new": is_new,
            }
        )
        return
    already = "" if is_new else "already "
    typer.echo(f"{erasure.person_id} was {already}erased at {at}; decision {erasure.seq} records it")
    if is_new:
        typer.echo(
            "Backups of the key store hold the key until they end, or until `neraca keystore rotate-master`."
        )
