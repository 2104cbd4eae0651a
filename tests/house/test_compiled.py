"""A compiled module never hides the source that stands beside it, and a failed compilation hides nothing."""

import ast
import builtins
import importlib.machinery
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from neraca.compiled import ROOT, Compiled, _looks_as_built, inspect, refuse_stale
from schemas.errors import StaleBuild

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
GOOD = "def double(number: int) -> int:\n    return number * 2\n"
# mypyc leaves at a type error, before any C compiler is asked.
ILL_TYPED = GOOD.replace("number * 2", '"two"')


def house(root: Path, codec: str) -> Path:
    """A project as small as it can be that is built by our setup.py."""
    for package in ("schemas", "ledger", "neraca"):
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").write_text("", encoding="utf-8")
    (root / "schemas" / "codec.py").write_text(codec, encoding="utf-8")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "house"\nversion = "0"\n[tool.setuptools]\npackages = ["schemas"]\n',
        encoding="utf-8",
    )
    shutil.copy(ROOT / "setup.py", root)
    return root


def build(root: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Compiles in place, as `make compile` does."""
    environment = {name: value for name, value in os.environ.items() if name not in {"CC", "NERACA_PURE"}}
    return subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"],
        cwd=root,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def double(root: Path) -> str:
    """What the module says when it is imported from `root`, and from which kind of file."""
    program = "import schemas.codec as c; print(c.double(2), c.__file__.endswith('.py'))"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_compiled_classes_inherit_compiled_ones() -> None:
    """A compiled class whose parent is not is laid out over the parent's fields: the collector crashes on it.

    Python's own exceptions are fine; any other parent wants `@mypyc_attr(native_class=False)`.
    """
    classes = [
        (path, node)
        for path in map(ROOT.joinpath, compiled_sources())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    exceptions = {n for n, v in vars(builtins).items() if isinstance(v, type) and issubclass(v, Exception)}
    fine = {node.name for _, node in classes} | exceptions
    assert [] == [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, node in classes
        if not {ast.unparse(base) for base in node.bases} <= fine
        and "native_class=False" not in " ".join(map(ast.unparse, node.decorator_list))
    ]


def compiled_sources() -> list[str]:
    """What `COMPILED` and `NOT_COMPILED` of setup.py come to."""
    assigned = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in ast.parse((ROOT / "setup.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and "COMPILED" in ast.unparse(node.targets[0])
    }
    found = {
        path.relative_to(ROOT).as_posix() for pattern in assigned["COMPILED"] for path in ROOT.glob(pattern)
    }
    return sorted(found - {*assigned["NOT_COMPILED"]})


def test_nothing_here_is_stale() -> None:
    """What these tests run is what the sources say."""
    state = inspect()
    assert state.kind != "stale", state
    assert "compilation failed" not in state.reason, state


def test_edit_shows_as_stale(tmp_path: Path) -> None:
    """An edit, a deleted source, a lost or a foreign library: each is told, and a new build mends all."""
    root = house(tmp_path, GOOD)
    done = build(root)
    state = inspect(root)
    if state.kind == "pure":
        # No compiler on this machine: there is nothing that could become stale, and the module runs as it is.
        assert "neraca: running as pure Python" in done.stdout
        assert "4 True" == double(root)
        return
    assert Compiled("compiled", ("schemas/codec.py",)) == state
    assert "4 False" == double(root)

    source = root / "schemas" / "codec.py"
    library = root / "schemas" / f"codec{SUFFIX}"
    source.write_text(GOOD.replace("* 2", "* 2 + 0"), encoding="utf-8")
    assert ("schemas/codec.py was edited",) == inspect(root).problems
    assert "make compile" in str(inspect(root))

    source.unlink()
    assert ("schemas/codec.py is gone, its library is not",) == inspect(root).problems

    source.write_text(GOOD, encoding="utf-8")
    shutil.copy(library, root / "ledger" / f"rules{SUFFIX}")
    assert (f"ledger/rules{SUFFIX} is in no record",) == inspect(root).problems

    library.rename(root / "codec.away")
    assert "schemas/codec.py lost its library" in inspect(root).problems

    assert 0 == build(root, NERACA_PURE="1").returncode
    assert Compiled("pure", reason="NERACA_PURE is set") == inspect(root)
    assert "4 True" == double(root)


def test_the_command_refuses_a_stale_build(tmp_path: Path) -> None:
    """Whatever changed since the build, newer, older or of another length: refused, with what to do.

    Sources whose times changed alone, as in a copy, are read once and not again.
    """
    root = house(tmp_path, GOOD)
    refuse_stale(root)  # Never built.
    build(root)
    refuse_stale(root)
    if inspect(root).kind == "pure":
        return  # No compiler on this machine: there is nothing that could become stale.
    source, record = root / "schemas" / "codec.py", root / "neraca" / "compiled.json"
    same_length = GOOD.replace("* 2", "* 3")
    for text, age_seconds in ((same_length, -10), (GOOD + "# of an older release\n", 1_000_000)):
        source.write_text(text, encoding="utf-8")
        moment = record.stat().st_mtime - age_seconds
        os.utime(source, (moment, moment))
        with pytest.raises(StaleBuild, match=r"schemas/codec\.py was edited") as raised:
            refuse_stale(root)
        assert "make setup" in raised.value.advice
    source.unlink()
    with pytest.raises(StaleBuild, match="is gone, its library is not"):
        refuse_stale(root)

    source.write_text(GOOD, encoding="utf-8")
    built_at_ns = record.stat().st_mtime_ns
    refuse_stale(root)
    assert record.stat().st_mtime_ns > built_at_ns
    assert _looks_as_built(str(root), str(record), record.stat().st_mtime_ns)


@pytest.mark.parametrize("left", ["", '{"suffix": ".so", "sour', "{}", "[]"])
def test_a_damaged_record_is_told(tmp_path: Path, left: str) -> None:
    """A build that was cut while it wrote its record: the command says what to do, and no more than that."""
    record = tmp_path / "neraca" / "compiled.json"
    record.parent.mkdir()
    record.write_text(left, encoding="utf-8")
    with pytest.raises(StaleBuild, match=r"neraca/compiled\.json, their record, is damaged") as raised:
        refuse_stale(tmp_path)
    assert "make setup" in raised.value.advice


def test_every_compiled_source_is_known_to_make() -> None:
    """`make setup` compiles again when any of them changes: its list of prerequisites names them all."""
    rule = re.search(
        r"\.compiled: setup\.py.*?wildcard ([^)]*)\)", (ROOT / "Makefile").read_text(), re.DOTALL
    )
    assert rule is not None
    watched = {p.relative_to(ROOT).as_posix() for glob in rule[1].split() for p in ROOT.glob(glob)}
    assert set() == set(compiled_sources()) - watched


@pytest.mark.parametrize(
    ("codec", "variables"),
    [
        pytest.param(ILL_TYPED, {}, id="mypyc refuses"),
        pytest.param(GOOD, {"CC": "false"}, id="the C compiler fails"),
        pytest.param(GOOD, {"CC": "no-such-compiler"}, id="no C compiler"),
        pytest.param(GOOD, {"NERACA_PURE": "1"}, id="pure on request"),
    ],
)
def test_failed_compilation_leaves_pure_python(tmp_path: Path, codec: str, variables: dict[str, str]) -> None:
    """Whatever keeps modules from being compiled, the build goes on, says so, and leaves no library."""
    root = house(tmp_path, codec)
    leftover = root / "schemas" / f"codec{SUFFIX}"
    leftover.write_bytes(b"of an earlier build")

    done = build(root, **variables)

    assert 0 == done.returncode, done.stderr
    assert "neraca: running as pure Python, slower but byte for byte the same" in done.stdout
    assert "pure" == inspect(root).kind
    assert [] == [*root.glob(f"*{SUFFIX}"), *root.glob(f"*/*{SUFFIX}")]
    assert double(root).endswith("True")


@pytest.mark.parametrize(
    ("codec", "variables"),
    [
        pytest.param(ILL_TYPED, {}, id="mypyc refuses"),
        pytest.param(GOOD, {"CC": "false"}, id="the C compiler fails"),
        pytest.param(GOOD, {"CC": "no-such-compiler"}, id="no C compiler"),
    ],
)
def test_compilation_can_be_demanded(tmp_path: Path, codec: str, variables: dict[str, str]) -> None:
    """NERACA_PURE=0 makes a build that cannot compile fail, for images that must be fast."""
    done = build(house(tmp_path, codec), NERACA_PURE="0", **variables)
    assert 0 != done.returncode
