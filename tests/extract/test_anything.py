"""Whatever stands in an extract: it is read to its end, and every row is accounted for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.framing import read_action_record
from schemas.shape import problems
from tests.extract.small import COLUMNS, Reading, SmallExtract, read

CELLS = [(name, column) for name, columns in COLUMNS.items() for column in columns]
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "0",
            "-1",
            "R-1",
            "R-2",
            "SIP-1",
            "P-1",
            "LTSA-1",
            "BATAL",
            "REGISTRASI",
            "01/01/2023",
            "24.00",
        ]
    ),
    st.sampled_from(
        ["G TO G", "L", "P", "L/P", "SKORSING", "WIT", "99999999999", "x" * 3000, "\x00", '"', "\n;"]
    ),
    st.text(max_size=20).filter(lambda text: text.isprintable()),
)
CHANGES = st.lists(st.tuples(st.sampled_from(CELLS), st.integers(0, 20), TEXTS), min_size=1, max_size=6)


def three_lives() -> SmallExtract:
    """Three candidates and two trainings."""
    extract = SmallExtract.ready()
    extract.life(1)
    extract.life(2, stages=3, month=5)
    extract.life(3, stages=1)
    for number in (1, 2):
        extract.add(
            "pelatihan.csv",
            no_pelatihan=f"T-{number}",
            no_registrasi=f"R-{number}",
            jenis="LPK",
            kode_lembaga="L-1",
            tgl_permohonan="05/06/2022",
            tgl_selesai="09/06/2022",
        )
    return extract


def assert_accounted_for(reading: Reading) -> None:
    """Every row of stages and trainings is an action, a repetition, or only reported; shapes are right."""
    places = Counter(action.place >> 40 for action in reading.actions if action.sub == 0)
    for rank, name in ((5, "tahapan.csv"), (6, "pelatihan.csv")):
        rows, repeated, only_reported = reading.counts[name]
        assert rows == places[rank] + repeated + only_reported, (name, reading.counts, reading.defects)
    for name, (rows, repeated, only_reported) in reading.counts.items():
        assert 0 <= repeated + only_reported <= rows, name
    ids = [action.avro[:16] for action in reading.actions]
    assert len(set(ids)) == len(ids)
    for action in reading.actions:
        assert [] == problems(read_action_record(action.avro).action)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_cells_changed_at_random(
    changes: list[tuple[tuple[str, str], int, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Up to six cells of a good extract say something else."""
    extract = three_lives()
    for (name, column), row, text in changes:
        rows = extract.rows[name]
        rows[row % len(rows)][column] = text
    assert_accounted_for(read(extract.write(tmp_path_factory.mktemp("x"))))


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(list(COLUMNS)), place=st.integers(0, 2000), noise=st.binary(min_size=1, max_size=30)
)
def test_bytes_put_in_at_random(
    name: str, place: int, noise: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Bytes below the header of one file, of any kind; rows are still rows."""
    folder: Path = three_lives().write(tmp_path_factory.mktemp("x"))
    path = folder / name
    header, _, rest = path.read_bytes().partition(b"\n")
    at = place % (len(rest) + 1)
    path.write_bytes(header + b"\n" + rest[:at] + noise + rest[at:])
    assert_accounted_for(read(folder))
