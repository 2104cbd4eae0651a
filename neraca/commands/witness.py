"""`neraca witness`: co-signs a log's checkpoint that continues what it saw, and refuses one that does not."""

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neraca.commands import JsonOption, print_json

if TYPE_CHECKING:
    from audit.tlog.proof import ConsistencyProof
    from audit.tlog.witness import ConsistencySource, Cosigned


def witness(
    source: Annotated[
        Path | None,
        typer.Argument(
            help="The log's folder, an archive, a proof of `prove --from-size`, or a first checkpoint.",
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        Path,
        typer.Option(help="The witness's own folder: its key, and what it saw.", metavar="FOLDER"),
    ] = Path("witness"),
    key: Annotated[
        list[str] | None,
        typer.Option(help="Verifier key of the log; repeat it for keys that were rotated.", metavar="VKEY"),
    ] = None,
    create: Annotated[
        str | None,
        typer.Option(
            help="Make the witness's key, under that name; prints its verifier key.", metavar="NAME"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the co-signed checkpoint there.", metavar="F")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Co-sign the checkpoint of a log, if it continues the last one that this witness saw.

    A log that forgot, changed or forked is refused with exit code 1, and both checkpoints are kept. Needs no
    Kafka and none of the log's settings: a witness is somebody else.

    Example: neraca witness /mnt/archive --state ./witness --key example.org/ledger+c74f20a3+ARpc2QcUPDhMQegw…
    """
    from audit.tlog.files import write_durably
    from audit.tlog.note import Verifier
    from audit.tlog.witness import Witness
    from neraca.commands.holding import exit_1_where_broken
    from schemas.errors import SettingsError

    own = Witness(state)
    if create is not None:
        made = own.create(create)
        if as_json:
            print_json({"verifier_key": str(made)})
        else:
            typer.echo(str(made))
        return
    if source is None or not key:
        raise SettingsError("witness needs a log and --key", advice="See `neraca witness --help`.")
    if not source.exists():
        raise SettingsError(f"there is no {source}", advice="Name the log's folder, or a file of a proof.")
    own.signer()
    verifiers = [Verifier.parse(text) for text in key]
    with exit_1_where_broken(as_json=as_json):
        note, proof = _source(source)
        signed = own.consider(note, verifiers, proof, at_seconds=int(time.time()))
        if out is not None:
            write_durably(out, str(signed.note).encode())
    _show(signed, out, as_json=as_json)


def _source(source: Path) -> "tuple[str, ConsistencySource]":
    """Give a checkpoint, and where the hashes come from that lead to it."""
    from audit.tlog.files import read_text
    from audit.tlog.proof import CONSISTENCY_HEADER, ConsistencyProof
    from audit.tlog.tiles import CHECKPOINT_FILE, TileLog
    from neraca.transparency import log_folder_in

    if source.is_dir():
        folder = log_folder_in(source)
        return read_text(folder / CHECKPOINT_FILE), TileLog(folder).consistency_proof
    text = read_text(source)
    if not text.startswith(CONSISTENCY_HEADER):
        return text, _no_proof
    given = ConsistencyProof.parse(text)
    return given.new, partial(_given_proof, given)


def _given_proof(given: "ConsistencyProof", old_size: int, _new_size: int) -> tuple[bytes, ...]:
    """Give the hashes of a proof that was sent, if it begins where this witness stands."""
    from schemas.errors import ProofInvalid

    if given.old_size != old_size:
        raise ProofInvalid(
            f"the witness saw the log at size {old_size}, and the proof begins at {given.old_size}",
            advice=f"Give the log's folder, or the proof of `neraca prove --from-size {old_size}`.",
        )
    return given.hashes


def _no_proof(old_size: int, new_size: int) -> tuple[bytes, ...]:
    from schemas.errors import ProofInvalid

    raise ProofInvalid(
        f"the witness saw the log at size {old_size}, and only a checkpoint of {new_size} is given: no proof",
        advice=f"Give the log's folder, or the proof of `neraca prove --from-size {old_size}`.",
    )


def _show(signed: "Cosigned", out: Path | None, *, as_json: bool) -> None:
    said = signed.checkpoint
    ((_, cosignature),) = signed.witnesses
    if as_json:
        print_json(
            {
                "holds": True,
                "origin": said.origin,
                "size": said.size,
                "continues": signed.continues,
                "root": said.root.hex(),
                "cosignature": cosignature.line().rstrip("\n"),
                "checkpoint": str(signed.note),
            }
        )
        return
    seen = (
        "the first of this log that this witness sees: nothing to compare it with"
        if signed.continues is None
        else f"it continues the log at size {signed.continues}"
    )
    if out is None:
        sys.stdout.buffer.write(str(signed.note).encode())
        sys.stderr.write(f"{seen}\n")
    else:
        typer.echo(f"co-signed: {said.origin} at size {said.size}, in {out}; {seen}")
