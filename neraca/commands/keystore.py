"""`neraca keystore`: the keys of personal data as a whole: counted, rotated, compared with the ledger."""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from neraca.keystore.store import KeyStore
    from neraca.settings import Settings


NIK_DIGITS: Final = 16


class Deed(StrEnum):
    """What to do with the key store."""

    STATUS = "status"
    FIND = "find"
    ROTATE_MASTER = "rotate-master"
    ROTATE_LOOKUP = "rotate-lookup"
    RECONCILE = "reconcile"


def keystore(
    deed: Annotated[Deed, typer.Argument(help="What to do.", show_default=False)],
    officer: Annotated[
        str | None, typer.Option(help="find: the officer who answers for it.", show_default=False)
    ] = None,
    reason: Annotated[
        str | None, typer.Option(help="find: why, without personal data.", show_default=False)
    ] = None,
    make: Annotated[
        bool, typer.Option("--make", help="find: give the owner of a NIK that nobody was met with an id.")
    ] = False,
    forget_erased: Annotated[
        bool,
        typer.Option(
            "--forget-erased", help="rotate-lookup: forget that NIKs of erased people were ever met."
        ),
    ] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Look after the keys by which personal data is sealed and people are found.

    status: how many people, erased people, and keys. find: the person of a NIK, read from standard input;
    with --make also of one that nobody was met with, who then has an id.
    rotate-master: wrap every key anew and destroy the master keys before, so that old backups open no more.
    rotate-lookup: hash every NIK anew. reconcile: after a restored backup, erase again whom the ledger
    erased. Each can be run again where it was cut.

    Example: neraca keystore rotate-master
    """
    from neraca.keystore.opening import opened
    from neraca.settings import Settings

    settings = Settings.read(home=home)
    with opened(settings) as store:
        if deed is Deed.FIND:
            _find(settings, store, officer or "", reason or "", is_making=make, as_json=as_json)
            return
        if deed is Deed.STATUS:
            found = _status(store)
        elif deed is Deed.RECONCILE:
            found = {"erased_again": _reconcile(settings, store)}
        else:
            found = _rotate(store, deed, is_forgetting_erased=forget_erased)
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name.replace('_', ' '):<32}{value}")


def _status(store: "KeyStore") -> dict[str, Any]:
    rows = store.connection.execute(
        "SELECT (SELECT count(*) FROM neraca_keys.people),"
        " (SELECT count(*) FROM neraca_keys.people WHERE erased_at IS NOT NULL),"
        " (SELECT count(*) FROM neraca_keys.erasures WHERE erased_at IS NULL),"
        " (SELECT count(*) FROM neraca_keys.secrets WHERE name = 'lookup' AND wrapped_key IS NOT NULL),"
        " (SELECT max(created_at) FROM neraca_keys.master_keys),"
        " (SELECT count(*) FROM neraca_keys.people"
        "  WHERE erased_at > (SELECT max(created_at) FROM neraca_keys.master_keys))"
    ).fetchall()
    people, erased, unfinished, lookup_keys, master_since, since = rows[0]
    return {
        "people": people,
        "people_erased": erased,
        "erasures_unfinished": unfinished,
        "lookup_keys": lookup_keys,
        "master_key_since": master_since.isoformat(),
        "erased_since_then": since,
    }


def _find(
    settings: "Settings", store: "KeyStore", officer: str, reason: str, *, is_making: bool, as_json: bool
) -> None:
    from neraca.commands.personal import check_words, keep_access, tables
    from producers.sealing.clear import plain_nik

    check_words(officer, reason)
    # Never an argument: those stand in the shell's history, and in the list of processes.
    text = typer.prompt("NIK", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    nik = plain_nik(text.strip())
    person = store.find(nik)
    # A registration may have to be ruled to be somebody's whom no system has sent yet (docs/corrections.md).
    is_made = person is None and is_making
    if is_made:
        _check_nik(nik)
        (person,) = store.of_niks([nik])
    with tables(settings) as database:
        status = 404 if person is None else 201 if is_made else 410 if person.key is None else 200
        subject = "" if person is None else person.person_id
        keep_access(database, officer, "find", subject, status, {"reason": reason})
    if as_json:
        print_json({"person_id": None if person is None else person.person_id, "is_erased": status == 410})  # noqa: PLR2004 (as in the access record)
    elif person is not None:
        typer.echo(person.person_id)
    if person is None:
        if not as_json:
            typer.echo("neraca: nobody with this NIK was ever met", err=True)
        raise typer.Exit(1)


def _check_nik(nik: str) -> None:
    """See that a NIK can be one, before somebody is made its owner for good."""
    from schemas.errors import SettingsError

    if len(nik) != NIK_DIGITS or not nik.isdecimal():
        raise SettingsError(f"it is no NIK of {NIK_DIGITS} digits", advice="Nobody was made.")


def _rotate(store: "KeyStore", deed: Deed, *, is_forgetting_erased: bool) -> dict[str, Any]:
    from neraca.commands.progress import progress
    from neraca.keystore.rotating import rotate_lookup, rotate_master

    with progress("rotating", beside_output=False) as bar:
        if deed is Deed.ROTATE_MASTER:
            return {"keys_wrapped_anew": rotate_master(store, bar.show).changed}
        done = rotate_lookup(store, bar.show, is_forgetting_erased=is_forgetting_erased)
    return {"niks_hashed_anew": done.changed, "erased_people_under_old_keys": done.left}


def _reconcile(settings: "Settings", store: "KeyStore") -> int:
    """Destroy keys of people whom the ledger has recorded as erased: a backup brought them back."""
    from neraca.commands.personal import tables
    from neraca.keystore.erasing import erase_again

    with tables(settings) as database:
        return erase_again(store, database)
