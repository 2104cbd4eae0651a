"""`neraca log-key`: the keys that sign the checkpoints of the log. The gateway's keys are `neraca keys`."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from neraca.commands import HomeOption, JsonOption, print_json

if TYPE_CHECKING:
    from audit.tlog.keys import KeyList


class Deed(StrEnum):
    """What to do with the keys."""

    CREATE = "create"
    ROTATE = "rotate"
    SHOW = "show"


def log_key(
    deed: Annotated[Deed, typer.Argument(help="What to do.", show_default=False)],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make, rotate or show the keys that sign the log's checkpoints: their public halves are printed.

    Each line is the size of the log from which on a key signs, and its verifier key. Publish them where
    people find them without asking this machine. `neraca up` makes the first key.

    Example: neraca log-key show
    """
    from neraca import transparency
    from neraca.settings import Settings

    settings = Settings.read(home=home)
    keys = transparency.log_keys(settings)
    if deed is Deed.CREATE:
        listed = transparency.create_log_keys(settings)
    elif deed is Deed.ROTATE:
        transparency.check_origin(settings, keys.listed())
        listed = keys.rotate()
    else:
        listed = keys.listed()
        transparency.check_origin(settings, listed)
    _show(listed, as_json=as_json)


def _show(listed: "KeyList", *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "origin": listed.origin,
                "keys": [
                    {
                        "from_size": key.from_size,
                        "key_id": key.verifier.key_id.hex(),
                        "verifier_key": str(key.verifier),
                        "signs_now": key.verifier == listed.current,
                    }
                    for key in listed.keys
                ],
            }
        )
        return
    for key in listed.keys:
        typer.echo(f"{key.from_size} {key.verifier}")
