"""The rules know no clock, no chance, no I/O and no order but the contract's: same actions, same bytes."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ledger
from tests.ledger.play import play

ROOT = Path(__file__).parents[2]
MODULES = sorted(Path(ledger.__file__).parent.glob("*.py"))
# Everything that the rules may import; what is not here has to be argued for here.
# `librt` is mypyc's own library: of it a number is read from bytes.
ALLOWED = {"__future__", "bisect", "ledger", "librt", "mypy_extensions", "schemas", "typing"}
# Of `sys` only the interning of strings, which changes no value.
ALLOWED_NAMES = {("sys", "intern")}
WALKING_CALLS = {"enumerate", "iter", "list", "max", "min", "next", "tuple"}
FORBIDDEN_CALLS = {
    "open",
    "print",
    "input",
    "eval",
    "exec",
    "hash",
    "id",
    "float",
    "round",
    "globals",
    "vars",
}


def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).split(".")[0]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_rules_import_nothing_that_is_not_pure(module: Path) -> None:
    """A module of the rules imports what the list allows, and nothing of `sys` but `intern`."""
    tree = _tree(module)
    used = {
        (node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "sys"
    }
    assert set() == set(_imported(tree)) - ALLOWED - ({"sys"} if used else set())
    assert set() == used - ALLOWED_NAMES


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_rules_use_no_float_and_no_ambient_function(module: Path) -> None:
    """No float comes into being, neither written nor by division; no call reaches out of the arguments."""
    found = []
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"line {node.lineno}: {node.value}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div | ast.Pow):
            found.append(f"line {node.lineno}: / or **")
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS
        ):
            found.append(f"line {node.lineno}: {node.func.id}()")
        elif isinstance(node, ast.Global):
            found.append(f"line {node.lineno}: global")
    assert [] == found


def test_rules_never_walk_through_a_set() -> None:
    """No set is iterated, listed or popped: its order is not the contract's, and differs between runs."""
    trees = [_tree(module) for module in MODULES]
    names = {name for tree in trees for name in _names_of_sets(tree)}
    assert {"held", "policy_versions"} <= names
    found = []
    for module, tree in zip(MODULES, trees, strict=True):
        for node in ast.walk(tree):
            walked: list[ast.expr] = []
            if isinstance(node, ast.For | ast.comprehension):
                walked = [node.iter]
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                walked = (
                    node.args if node.func.id in {"list", "tuple", "iter", "next", "enumerate", "min"} else []
                )
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "pop"
            ):
                walked = [node.func.value]
            found += [f"{module.stem}: {ast.unparse(each)}" for each in walked if _is_set(each, names)]
    assert [] == found


def _names_of_sets(tree: ast.Module) -> Iterator[str]:
    """Give the names of variables and attributes that hold sets."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and "set[" in ast.unparse(node.annotation):
            yield node.target.attr if isinstance(node.target, ast.Attribute) else ast.unparse(node.target)
        elif isinstance(node, ast.Assign) and _is_set(node.value, set()):
            yield from (ast.unparse(target).split(".")[-1] for target in node.targets)


def _is_set(node: ast.expr, names: set[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in {"set", "frozenset"}
    return isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node).split(".")[-1] in names


def test_same_actions_give_the_same_bytes() -> None:
    """The journal of one history, decided from the start twice, is the same byte for byte."""
    for seed in range(5):
        assert play(seed).journal == play(seed).journal


def test_bytes_do_not_depend_on_the_run() -> None:
    """Other runs of Python, each with its own order of hashes and its own zone, make the same journals."""
    command = [sys.executable, "-m", "tests.ledger.play", "0", "8"]
    said = {
        subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed, zone in (("0", "UTC"), ("1", "Asia/Jayapura"), ("4242", "America/New_York"))
    }
    (only,) = said
    assert play(7).engine.last_sha256.hex() in only
