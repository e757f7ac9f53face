"""What a Python file imports, read from its text without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")
"""The fields of statements that hold other statements."""


def imported_names(tree: ast.AST, package: str) -> frozenset[str]:
    """Absolute names of everything that a file of `package` may import when it runs, lazily or not.

    `from a.b import c` gives `a.b` and `a.b.c`, since the text does not say whether `c` is a module. Imports for type
    checkers alone are left out.
    """
    return frozenset(name for node in _statements(tree) for name in _names(node, package))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every statement within a node but those under `if TYPE_CHECKING:`; expressions, which hold none, are not read."""
    for block in _BLOCKS:
        for inner in getattr(node, block, ()):
            if not for_type_checkers(inner):
                yield inner
                yield from _statements(inner)


def for_type_checkers(node: ast.AST) -> bool:
    """Whether it is an `if TYPE_CHECKING:` block, which never runs."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    test = node.test
    name = test.id if isinstance(test, ast.Name) else test.attr if isinstance(test, ast.Attribute) else ""
    return name == "TYPE_CHECKING"


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = _absolute(node, package)
        yield module
        yield from (f"{module}.{alias.name}" for alias in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that is imported from; `from ..a import b` in the package `x.y` is from `x.a`."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])
