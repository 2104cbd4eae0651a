"""`neraca reveal`: opens what was sealed for a person, for an officer with a reason, and leaves a record."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from neraca.commands import HomeOption, JsonOption, print_json
from neraca.commands.personal import OfficerOption, PersonArgument, ReasonOption

if TYPE_CHECKING:
    from neraca.keystore.revealing import Sealed
    from neraca.keystore.store import Erasure, KeyStore
    from producers.sealing import Person


def reveal(
    person: PersonArgument,
    reason: ReasonOption,
    officer: OfficerOption,
    field: Annotated[
        list[str] | None,
        typer.Option(help="Show only nik, name, birth_date or passport; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show a person's sealed data. That it was shown, to whom and why, is kept before anything is.

    Exit code 1 where there is nothing to show: the person was erased, or nothing was sealed.

    Example: neraca reveal 3f0c6f1e-5d7a-4c21-9d4e-0a51e4f7c9b1 --officer o-4711 --reason "file 12/2026"
    """
    from neraca.commands.personal import check_person, check_words, keep_access, tables
    from neraca.keystore.opening import opened
    from neraca.keystore.revealing import find
    from neraca.settings import Settings
    from producers.sealing import FIELDS
    from schemas.errors import SettingsError
    from schemas.ids import load_ids
    from schemas.topics import ACTIONS

    settings = Settings.read(home=home)
    check_words(officer, reason)
    given, person = person, check_person(person)
    fields = [name for name in FIELDS if not field or name in field]
    if field and len(fields) != len(set(field)):
        raise SettingsError(
            "--field names something that is not sealed", advice=f"One of {', '.join(FIELDS)}."
        )
    with tables(settings) as database, opened(settings) as store:
        known = store.of_ids([person]).get(person)
        erasure = store.erasure_of(person)
        is_erased = known is not None and known.key is None
        topic = ACTIONS.under(settings.topic_prefix)
        sealed = [
            each
            for spelling in ([] if is_erased else dict.fromkeys((person, given)))
            for each in find(database, settings.kafka_config(), topic, load_ids(None), spelling)
        ]
        status = 410 if is_erased else 200 if sealed else 404
        keep_access(
            database, officer, "reveal", person, status, {"reason": reason, "fields": " ".join(fields)}
        )
        actions = _each_once([_opened(store, each, person, fields) for each in sealed])
    _show(person, known, erasure, actions, as_json=as_json)
    if not any(action["fields"] for action in actions):
        raise typer.Exit(1)


def _each_once(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what was sent again with the same fields; with other ones it is marked, and hides nothing."""
    told: dict[str, list[Any]] = {}
    kept = []
    for action in actions:
        earlier = told.setdefault(action["action_id"], [])
        said = (action["fields"], action["broken"])
        if said not in earlier:
            kept.append({**action, "sent_again": bool(earlier)})
            earlier.append(said)
    return kept


def _opened(store: "KeyStore", sealed: "Sealed", person: str, wanted: list[str]) -> dict[str, Any]:
    import uuid

    from neraca.keystore.revealing import open_sealed
    from producers.sealing import SealBroken
    from schemas.instants import format_instant

    broken = None
    try:
        fields = open_sealed(store, sealed, person)
    except SealBroken as error:
        # Whoever may send actions could put it there: it must not hide what the others hold.
        fields, broken = None, error.field
    return {
        "action_id": str(uuid.UUID(bytes=sealed.action_id)),
        "kind": sealed.kind,
        "registration_id": sealed.registration_id,
        "occurred_at": format_instant(sealed.occurred_at, sealed.occurred_offset_minutes),
        "sealed_for": sealed.person_id or person,
        "broken": broken,
        "fields": None if fields is None else {name: fields[name] for name in wanted if name in fields},
    }


def _show(
    person: str,
    known: "Person | None",
    erasure: "Erasure | None",
    actions: list[dict[str, Any]],
    *,
    as_json: bool,
) -> None:
    is_erased = known is not None and known.key is None
    if as_json:
        at = None if erasure is None or erasure.erased_at is None else erasure.erased_at.isoformat()
        print_json({"person_id": person, "is_erased": is_erased, "erased_at": at, "actions": actions})
        return
    if is_erased:
        by = "" if erasure is None else f" by {erasure.officer} (decision {erasure.seq})"
        typer.echo(f"{person} was erased{by}: nothing can be opened any more")
    elif not actions:
        typer.echo(f"nothing was sealed for {person}")
    for action in actions:
        about = f" of {action['registration_id']}" if action["registration_id"] else ""
        again = ", sent again with other sealed fields" if action["sent_again"] else ""
        typer.echo(f"{action['kind']}{about}, {action['occurred_at']}{again}")
        if action["sealed_for"] != person:
            typer.echo(f"  sealed for {action['sealed_for']}, whose registration it was then")
        if action["broken"] is not None:
            typer.echo(
                f"  {action['broken']} does not open: it was sealed under another key, for another action "
                "or field, or was changed since"
            )
        elif action["fields"] is None:
            typer.echo(
                "  cannot be opened: its key is destroyed, or its source sealed it in a way of its own"
            )
        for name, value in (action["fields"] or {}).items():
            typer.echo(f"  {name:<12}{value}")
