"""`neraca check-proof`: whether a proof holds. Needs that file and the log's verifier key, nothing else."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neraca.commands import JsonOption, print_json

if TYPE_CHECKING:
    from audit.tlog.checkpoint import SignedCheckpoint
    from audit.tlog.note import Verifier
    from audit.tlog.proof import InclusionProof
    from schemas.records import Decision


def check_proof(
    file: Annotated[Path, typer.Argument(help="The proof.", show_default=False)],
    key: Annotated[
        list[str],
        typer.Option(
            help="Verifier key of the log, name+hash+base64; repeat it for keys that were rotated.",
            metavar="VKEY",
            show_default=False,
        ),
    ],
    witness: Annotated[
        list[str] | None,
        typer.Option(help="Verifier key of a witness that must have co-signed; repeatable.", metavar="VKEY"),
    ] = None,
    witnesses_min: Annotated[
        int | None,
        typer.Option(min=0, help="So many of them are enough; else all are needed.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a proof, and show its decision in plain words. Exit code 1 when it does not hold.

    No Kafka, no home folder and no settings are needed. Nothing in the file is trusted but by the key.

    Example: neraca check-proof 4711.tlog-proof --key example.org/ledger+c74f20a3+ARpc2QcUPDhMQegwxbz…
    """
    from audit.tlog.files import read_text
    from audit.tlog.note import LOG_SIGNATURE, Verifier
    from audit.tlog.proof import CONSISTENCY_HEADER
    from neraca.commands.holding import exit_1_where_broken
    from schemas.errors import SettingsError

    if not file.is_file():
        raise SettingsError(f"there is no file {file}", advice="Name the file that `neraca prove` wrote.")
    verifiers = [Verifier.parse(text) for text in key]
    # Named twice, a witness is still one.
    witnesses = list(dict.fromkeys(Verifier.parse(text) for text in witness or []))
    if any(one.kind != LOG_SIGNATURE for one in verifiers):
        raise SettingsError("--key names a key of a witness", advice="Give it with --witness.")
    if any(one.kind == LOG_SIGNATURE for one in witnesses):
        raise SettingsError("--witness names a key of a log", advice="Give it with --key.")
    quorum = _Quorum(witnesses, len(witnesses) if witnesses_min is None else witnesses_min)
    if quorum.needed > len(witnesses):
        raise SettingsError(f"--witnesses-min {quorum.needed} is more than there are --witness keys")
    with exit_1_where_broken(as_json=as_json):
        text = read_text(file)
        if text.startswith(CONSISTENCY_HEADER):
            _check_consistency(text, verifiers, quorum, as_json=as_json)
        else:
            _check_inclusion(text, verifiers, quorum, as_json=as_json)


class _Quorum:
    """Which witnesses are trusted, and how many of them must have co-signed."""

    def __init__(self, witnesses: "list[Verifier]", needed: int) -> None:
        self.witnesses = witnesses
        self.needed = needed

    def check(self, signed: "SignedCheckpoint") -> None:
        """Raise ProofInvalid when too few did."""
        from schemas.errors import ProofInvalid

        found = {verifier for verifier, _ in signed.witnesses}
        if len(found) < self.needed:
            absent = ", ".join(sorted(one.name for one in self.witnesses if one not in found))
            raise ProofInvalid(
                f"{len(found)} of the witnesses co-signed the checkpoint, and {self.needed} must have: "
                f"not {absent}"
            )


def _check_inclusion(text: str, verifiers: "list[Verifier]", quorum: _Quorum, *, as_json: bool) -> None:
    from audit.plain_words import printable, sentences
    from audit.tlog.proof import InclusionProof, check_inclusion

    proof = InclusionProof.parse(text)
    signed = check_inclusion(proof, [*verifiers, *quorum.witnesses])
    quorum.check(signed)
    decision = _decision(proof)
    if as_json:
        print_json({"holds": True, "proves": "inclusion", **_json(signed), **_decision_json(decision)})
        return
    said = signed.checkpoint
    typer.echo(
        f"The proof holds: this is decision {proof.index} of the log {printable(said.origin)}, which had "
        f"{said.size} decisions then."
    )
    typer.echo(_signers(signed))
    typer.echo("")
    for sentence in sentences(decision):
        typer.echo(sentence)


def _check_consistency(text: str, verifiers: "list[Verifier]", quorum: _Quorum, *, as_json: bool) -> None:
    from audit.plain_words import printable
    from audit.tlog.proof import ConsistencyProof, check_consistency

    old, new = check_consistency(ConsistencyProof.parse(text), [*verifiers, *quorum.witnesses])
    quorum.check(new)
    before, after = old.checkpoint, new.checkpoint
    if as_json:
        print_json(
            {
                "holds": True,
                "proves": "consistency",
                **_json(new),
                "from_size": before.size,
                "from_root": before.root.hex(),
                "from_log_key": str(old.log_key),
            }
        )
        return
    typer.echo(
        f"The proof holds: the log {printable(after.origin)} of {after.size} decisions begins with the "
        f"{before.size} that it had. None of them was forgotten or changed."
    )
    typer.echo(_signers(new))


def _decision(proof: "InclusionProof") -> "Decision":
    """Read the decision that was proven, and see that it is the one of that number.

    Raises:
        ProofInvalid: it is none, or says another number than the log.

    """
    from schemas.binary import MalformedRecordError
    from schemas.codec import decode_decision
    from schemas.errors import ProofInvalid

    try:
        decision = decode_decision(proof.entry)
    except MalformedRecordError as error:
        raise ProofInvalid(
            f"entry {proof.index} is in the log, but is no decision that this version can read: {error}",
            advice="A newer version of neraca may read it.",
        ) from error
    if decision.seq != proof.index:
        raise ProofInvalid(
            f"entry {proof.index} is in the log, but calls itself decision {decision.seq}: the log is wrong"
        )
    return decision


def _signers(signed: "SignedCheckpoint") -> str:
    from audit.plain_words import printable

    key = f"Signed with key {signed.log_key.key_id.hex()}"
    co_signed = [
        f"{printable(verifier.name)} at {_moment(signature.at_seconds)}"
        for verifier, signature in signed.witnesses
    ]
    return key + (f"; co-signed by {', '.join(co_signed)}." if co_signed else ".")


def _json(signed: "SignedCheckpoint") -> dict[str, object]:
    said = signed.checkpoint
    return {
        "origin": said.origin,
        "size": said.size,
        "root": said.root.hex(),
        "log_key": str(signed.log_key),
        "witnesses": [
            {"key": str(verifier), "at": _moment(signature.at_seconds)}
            for verifier, signature in signed.witnesses
        ],
    }


def _decision_json(decision: "Decision") -> dict[str, object]:
    import json

    from audit.plain_words import sentences
    from schemas.decision_json import decision_json

    return {
        "seq": decision.seq,
        "decision": json.loads(decision_json(decision)),
        "in_plain_words": sentences(decision),
    }


def _moment(at_seconds: int) -> str:
    try:
        return datetime.fromtimestamp(at_seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return f"second {at_seconds}"
