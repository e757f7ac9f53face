"""The hash of a drop-in's source: its own text and that of its imports which no version of the engine covers."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench.core.errors import UserError
from bench.core.hashing import bytes_hash, digest
from bench.plugins.discovery import KINDS, DropIn, helper_file
from bench.plugins.imports import for_type_checkers, imported_names

API = "bench.api"
ENGINE = Path(__file__).parents[1]
_TYPES_ONLY = ("__future__", "collections.abc", "typing")
"""Modules whose names stand in annotations: importing them differently changes no result."""


@dataclass(frozen=True)
class SourceFile:
    """A source file with its module name."""

    name: str
    file: Path

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.file.name == "__init__.py" else self.name.rpartition(".")[0]


@cache
def source_hash(drop_in: DropIn) -> str:
    """A hash (20 hexadecimal digits) of a drop-in's source code; read once per process.

    It covers the drop-in's file; the helper modules and other drop-ins that it imports; and every file of a sub-package
    of the engine that it imports but `bench.api` does not, such as one for a single method: with everything that
    these import in turn. What `bench.api` imports is not covered: the engine raises a version when that changes.
    Of each file, what `hashed_text` leaves is hashed.

    Raises `UserError` for a file that cannot be read or is not Python.
    """
    others = [(each.name, _text_hash(each.file)) for each in reached_files(drop_in) if each.file != drop_in.file]
    return digest([_text_hash(drop_in.file), sorted(others)])


def reached_files(drop_in: DropIn) -> set[SourceFile]:
    """The drop-in's file and all others that its source hash covers; raises `UserError` as that does."""
    found: set[SourceFile] = set()
    waiting = [SourceFile(f"bench.{drop_in.kind}.{drop_in.file.stem}", drop_in.file)]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(file for name in imported_names(_tree(one), one.package) for file in _files_of(name))
    return found


def hashed_text(source: bytes) -> str:
    """The part of a file that can change a result: its text without docstrings, engine imports and blank lines.

    Any string that stands alone counts as a docstring. Imports of drop-ins and helpers stay; of the others that are
    cut, new names stay (`import a as b`). Lines lose white space at their end, but not inside of strings. Raises
    `SyntaxError` or `ValueError` if it is not Python.
    """
    text = importlib.util.decode_source(source)
    tree = ast.parse(text)
    lines = text.encode().split(b"\n")
    cuts = sorted(_cuts(tree), key=lambda node: (node.lineno, node.col_offset), reverse=True)
    for node in cuts:
        _cut(lines, node)
    begins, ends = _lines_in_strings(tree)
    kept = [line if number in ends else line.rstrip() for number, line in enumerate(lines, start=1)]
    kept = [line for number, line in enumerate(kept, start=1) if line or number in begins]
    return b"\n".join(kept).decode() + "".join(f"\n{name}" for name in sorted(_new_names(cuts)))


def _files_of(name: str) -> Iterator[SourceFile]:
    """The files to hash if `name` is imported; none if it is installed or not a module."""
    parts = name.split(".")
    if parts[0] != "bench":
        file = helper_file(parts[0]) if parts[0] else None
        yield from _module_files(parts[0], file) if file is not None else ()
    elif len(parts) > 1 and parts[1] in KINDS:
        yield from _content_files(".".join(parts[:3])) if len(parts) > 2 else ()
    elif (package := _package(name)) is not None and package not in _behind_api():
        yield from _engine_files(package)


def _module_files(name: str, file: Path) -> Iterator[SourceFile]:
    """A module's file, or all files of a package."""
    if file.name != "__init__.py":
        yield SourceFile(name, file)
        return
    for each in sorted(file.parent.rglob("*.py")):
        parts = each.relative_to(file.parent).with_suffix("").parts
        yield SourceFile(".".join([name, *(part for part in parts if part != "__init__")]), each)


def _content_files(name: str) -> Iterator[SourceFile]:
    """The files of a drop-in, or of a helper imported as `bench.methods.palette`."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.origin is not None:
        yield from _module_files(name, Path(spec.origin).resolve())


@cache
def _package(name: str) -> str | None:
    """The engine's sub-package that is, or contains, the module of that name; None if there is none."""
    path = ENGINE.joinpath(*name.split(".")[1:])
    folder = path if path.is_dir() else path.parent
    if folder == ENGINE or not (path.is_dir() or path.with_suffix(".py").is_file()):
        return None
    return ".".join(["bench", *folder.relative_to(ENGINE).parts])


def _engine_files(package: str) -> list[SourceFile]:
    files = sorted(ENGINE.joinpath(*package.split(".")[1:]).glob("*.py"))
    return [SourceFile(f"{package}.{file.stem}".removesuffix(".__init__"), file) for file in files]


@cache
def _behind_api() -> frozenset[str]:
    """The sub-packages that `bench.api` imports, directly or not, lazily or not."""
    tree = _tree(SourceFile(API, ENGINE / "api.py"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    waiting = [*imported_names(tree, "bench"), *(text for text in texts if text.startswith("bench."))]
    found: set[str] = set()
    while waiting:
        package = _package(waiting.pop())
        if package is not None and package not in found:
            found.add(package)
            waiting.extend(
                name for file in _engine_files(package) for name in imported_names(_tree(file), file.package)
            )
    return frozenset(found)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror or error}") from error


def _tree(source: SourceFile) -> ast.Module:
    try:
        return ast.parse(importlib.util.decode_source(_read(source.file)))
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{source.file} is not Python: {error}") from error


def _text_hash(file: Path) -> str:
    try:
        return bytes_hash(hashed_text(_read(file)).encode())
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{file} is not Python: {error}") from error


def _cuts(tree: ast.AST) -> Iterator[ast.stmt]:
    """The statements that cannot change a result, none inside another."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.stmt) and _is_cut(node):
            yield node
        else:
            yield from _cuts(node)


def _is_cut(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.Import):
        return all(_is_engines(alias.name) for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return not node.level and all(_is_engines(f"{node.module}.{alias.name}") for alias in node.names)
    return for_type_checkers(node)


def _is_engines(name: str) -> bool:
    """Whether an imported name is of the engine, not of a drop-in or helper, or stands in annotations only."""
    parts = name.split(".")
    content = parts[0] == "bench" and len(parts) > 1 and parts[1] in KINDS
    return (parts[0] == "bench" and not content) or any(f"{name}.".startswith(f"{one}.") for one in _TYPES_ONLY)


def _new_names(cuts: list[ast.stmt]) -> set[str]:
    """The aliases of removed imports, as `a as b`: with another one, the remaining code would mean something else."""
    aliases = [alias for cut in cuts if isinstance(cut, (ast.Import, ast.ImportFrom)) for alias in cut.names]
    return {f"{one.name.rpartition('.')[2]} as {one.asname}" for one in aliases if one.asname not in (None, one.name)}


def _cut(lines: list[bytes], node: ast.stmt) -> None:
    """Remove a statement from the lines, which keep their numbers; columns are bytes of UTF-8."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    rest = lines[last][node.end_col_offset :]
    lines[first] = lines[first][: node.col_offset] + rest
    for number in range(first + 1, last + 1):
        lines[number] = b""


def _lines_in_strings(tree: ast.AST) -> tuple[set[int], set[int]]:
    """The numbers of lines that begin inside of a string, and of those that end inside of one."""
    begins: set[int] = set()
    ends: set[int] = set()
    for node in _strings(tree):
        last = node.end_lineno or node.lineno
        begins.update(range(node.lineno + 1, last + 1))
        ends.update(range(node.lineno, last))
    return begins, ends


def _strings(node: ast.AST) -> Iterator[ast.expr]:
    """The string literals that are kept, each whole: what is inside of an f-string has no reliable position in 3.11."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt) and _is_cut(child):
            continue
        if isinstance(child, ast.JoinedStr) or (
            isinstance(child, ast.Constant) and isinstance(child.value, str | bytes)
        ):
            yield child
        else:
            yield from _strings(child)
