"""The public door: every name is there, type checkers see the same ones, and nothing slow is imported for it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bench import api
from bench.api import UserError

SLOW = ("torch", "transformers", "diffusers", "pandas")


def seen_by_type_checkers() -> dict[str, str]:
    """What the block under TYPE_CHECKING imports: module by name."""
    tree = ast.parse(Path(api.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    assert all(alias.asname == alias.name for node in imports for alias in node.names)
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def test_type_checkers_see_the_names_that_are_there() -> None:
    assert seen_by_type_checkers() == api._MODULES


def test_no_name_is_offered_twice() -> None:
    names = [name for names in api._NAMES.values() for name in names.split()]
    assert sorted(names) == sorted(api.__all__)
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_can_be_had(name: str) -> None:
    value = getattr(api, name)
    assert value is getattr(sys.modules[api._MODULES[name]], name)
    assert name in dir(api)


def test_another_name_is_an_import_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Methods'"):
        _ = api.Methods
    assert api.UserError is UserError


@pytest.mark.parametrize("statement", ["import bench", "import bench.api"])
def test_importing_it_loads_nothing_slow(statement: str) -> None:
    code = f"import sys; {statement}; print(*(name for name in {SLOW!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
