"""Where a command writes its result: standard output, or a file that appears whole or not at all."""

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from schemas.errors import NeracaError


@contextmanager
def output(out: Path | None) -> Iterator[BinaryIO]:
    """Give what to write to: the file of that name, or standard output where there is none.

    Raises:
        NeracaError: the file cannot be written.

    """
    if out is None:
        yield sys.stdout.buffer
        return
    try:
        if out.exists() and not out.is_file():
            # A device or a pipe cannot be replaced by a whole file.
            with out.open("wb") as target:
                yield target
            return
        partial = out.with_name(f"{out.name}.partial")
        try:
            with partial.open("wb") as target:
                yield target
            partial.replace(out)
        finally:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NeracaError(
            f"{out} cannot be written: {error.strerror}",
            advice="Name a file in a folder that exists and that you can write to.",
        ) from error
