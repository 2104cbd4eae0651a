"""Lines of an input: each once, with its number, wherever the pieces that were read happen to end."""

from __future__ import annotations

import os
import tempfile

from hypothesis import example, given
from hypothesis import strategies as st

from neraca.commands.lines import Lines
from tests.schemas.strategies import patient


@patient
@given(
    st.lists(st.sampled_from([b"a", b"{}", b"\n", b"\r\n", b" ", b"\t", b"\xff"]), max_size=30),
    st.integers(1, 7),
)
@example([b"a", b"\n", b"\n", b" ", b"\n", b"a"], 1)
def test_lines_do_not_hang_on_pieces(parts: list[bytes], piece_bytes: int) -> None:
    """Whatever the size of a piece: the lines that are not blank, each with its number in the file."""
    text = b"".join(parts)
    expected = [(number, line) for number, line in enumerate(text.split(b"\n"), 1) if line.strip(b" \t\r\n")]
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.flush()
        lines = Lines(file.fileno(), name="a test", piece_bytes=piece_bytes)
        for _ in range(2):
            os.lseek(file.fileno(), 0, os.SEEK_SET)
            assert expected == [row for piece in lines.pieces() for row in piece]
        assert len(text) * 2 == lines.bytes_read


def test_a_pipe_is_waited_for() -> None:
    """While nothing is there, there is time for something else; what is there is given at once."""
    reader, writer = os.pipe()
    idle_calls: list[int] = []

    def idle() -> None:
        idle_calls.append(len(idle_calls))
        if len(idle_calls) == 3:
            os.write(writer, b"first\nsec")
        elif len(idle_calls) == 5:
            os.write(writer, b"ond")
            os.close(writer)

    lines = Lines(reader, name="a pipe")
    pieces = lines.pieces(idle)
    assert next(pieces) == [(1, b"first")]
    assert len(idle_calls) == 3
    assert list(pieces) == [[(2, b"second")]]
    assert not lines.is_seekable
    os.close(reader)


def test_reading_again_begins_where_it_began() -> None:
    """Standard input may be a file of which somebody has read a part."""
    with tempfile.TemporaryFile() as file:
        file.write(b"before\nfirst\n")
        file.flush()
        os.lseek(file.fileno(), len(b"before\n"), os.SEEK_SET)
        lines = Lines(file.fileno(), name="a test")
        first = list(lines.pieces())
        lines.rewind()
        assert [[(1, b"first")]] == first == list(lines.pieces())
