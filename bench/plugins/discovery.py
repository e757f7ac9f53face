"""Finds drop-ins: one file is one method, dataset, metric or report; the file's name is its name.

A drop-in is a module with the class of its kind (`Method`, `Builder`, `Metric` or `Report`): a frozen dataclass
whose fields are its configuration. It needs no registration. Built-in ones are in the content folders `methods/`,
`datasets/`, `bench/metrics/` and `reports/`; a user's own are in a folder of `$BENCH_PATH` (as `--path DIR` sets it),
either directly or in a sub-folder of the kind's name.

Code that a user's drop-ins share may be in the same folder: a file without such a class that another file of the user's
folders imports is a helper, not a drop-in; `import palette` finds it. If no file imports it, it is reported as broken.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

from bench.core.errors import UserError, did_you_mean, one_line
from bench.plugins.helpers import HelperFinder
from bench.plugins.imports import imported_names
from bench.plugins.method import FidelityNote, Tunable
from bench.plugins.metric import Column, Feature, Grain

Kind = Literal["methods", "datasets", "metrics", "reports"]
KINDS: tuple[Kind, ...] = ("methods", "datasets", "metrics", "reports")
ROLES: dict[Kind, str] = {"methods": "Method", "datasets": "Builder", "metrics": "Metric", "reports": "Report"}
ENVIRONMENT = "BENCH_PATH"


@dataclass(frozen=True)
class DropIn:
    """A drop-in that was imported: its kind, its name on the command line, its file and its class."""

    kind: Kind
    name: str
    file: Path
    role: type[Any]

    @property
    def summary(self) -> str:
        """One line for `bench list`: the class's `summary`, else the first line of its docstring."""
        return str(getattr(self.role, "summary", None) or (inspect.getdoc(self.role) or "").split("\n")[0])

    @property
    def source(self) -> str:
        """The class's `source`: the paper and section that describe it; its file where it names none."""
        return str(getattr(self.role, "source", "") or self.file)

    @property
    def variants(self) -> Mapping[str, Mapping[str, Any]]:
        """The field values of each named variant; they replace the defaults."""
        return getattr(self.role, "variants", {})

    @property
    def ledger(self) -> tuple[FidelityNote, ...]:
        """Its fidelity ledger: where its sources are silent or contradict each other, and what it does."""
        return tuple(getattr(self.role, "ledger", ()))

    @property
    def tunable(self) -> Tunable:
        """What `bench tune` may change of it; nothing unless the class says so."""
        tunable: Tunable = getattr(self.role, "tunable", Tunable())
        return tunable


@dataclass(frozen=True)
class Broken:
    """A file that cannot be used as a drop-in, with the reason in one line."""

    kind: Kind
    name: str
    file: Path
    why: str


@dataclass(frozen=True)
class Discovery:
    """All drop-ins of a kind by name, and the files that failed."""

    found: Mapping[str, DropIn]
    broken: tuple[Broken, ...]


def search_path(kind: Kind) -> list[str]:
    """The folders that hold drop-ins of `kind`: the checkout's, then every `$BENCH_PATH` folder's, then the wheel's."""
    package = Path(__file__).parents[1]
    checkout = package.parent / kind
    own = [checkout] if (package.parent / "pyproject.toml").is_file() and checkout.is_dir() else []
    return [str(folder) for folder in (*own, *_user_folders(kind), package / kind)]


def add_path(folder: Path) -> None:
    """Add `folder` to the search path of this process and of those started from it.

    Raises `UserError` if there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"--path {folder}: there is no such folder; name one that holds your drop-ins")
    known = os.environ.get(ENVIRONMENT)
    os.environ[ENVIRONMENT] = os.pathsep.join([str(folder.resolve()), *([known] if known else [])])
    refresh()


def user_folders() -> tuple[str, ...]:
    """What `--path` has to be given, in order, to make the same drop-ins known from the working folder."""
    here = Path.cwd().resolve()
    folders = [Path(folder) for folder in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if folder]
    near = (str(one.relative_to(here)) if one.is_relative_to(here) else str(one) for one in reversed(folders))
    return tuple(dict.fromkeys(near))


def refresh() -> None:
    """Clear the caches: read `$BENCH_PATH` and the files of its folders again."""
    for name in [name for name, module in sys.modules.items() if _is_users(name, module)]:
        del sys.modules[name]
    for kind in KINDS:
        sys.modules.pop(f"bench.{kind}", None)
        importlib.import_module(f"bench.{kind}")
    discover.cache_clear()
    importlib.invalidate_caches()


def helper_file(name: str) -> Path | None:
    """The file in the user's folders that `import name` loads; None if it loads something installed, or nothing."""
    return _HELPERS.resolve(name)


@cache
def discover(kind: Kind) -> Discovery:
    """Import every drop-in of `kind`; a broken file is reported and does not affect the others.

    Raises `UserError` if two files have the same name.
    """
    files = _unique(kind)
    outcomes = [_load(kind, name, file) for name, file in sorted(files.items())]
    return Discovery(
        {found.name: found for found in outcomes if isinstance(found, DropIn)},
        tuple(broken for broken in outcomes if isinstance(broken, Broken)),
    )


def find(kind: Kind, name: str) -> DropIn:
    """The drop-in of that name.

    Raises `UserError` naming the known ones and the closest match, or the reason why its file is broken.
    """
    discovery = discover(kind)
    if name in discovery.found:
        return discovery.found[name]
    for broken in discovery.broken:
        if broken.name == name:
            raise UserError(f"{broken.file} is broken: {broken.why}")
    hint = did_you_mean(name, discovery.found)
    known = ", ".join(discovery.found)
    raise UserError(
        f"no {ROLES[kind].lower()} is called '{name}'{hint} Known: {known}. "
        "(`bench list` tells more; a file of your own is found with --path DIR)"
    )


def _user_folders(kind: Kind) -> Iterator[Path]:
    for folder in filter(None, os.environ.get(ENVIRONMENT, "").split(os.pathsep)):
        if (Path(folder) / kind).is_dir():
            yield Path(folder) / kind
        yield Path(folder)


def _all_user_folders() -> Iterator[Path]:
    return (folder for kind in KINDS for folder in _user_folders(kind))


_HELPERS = HelperFinder(_all_user_folders)
sys.meta_path.append(_HELPERS)


def _is_users(name: str, module: ModuleType) -> bool:
    """Whether it is the user's module: a helper, or one in a content package that is not built in."""
    if name.partition(".")[0] in _HELPERS.found:
        return True
    kind = next((kind for kind in KINDS if name.startswith(f"bench.{kind}.")), None)
    file = getattr(module, "__file__", None)
    package = Path(__file__).parents[1]
    return kind is not None and file is not None and Path(file).parent not in (package / kind, package.parent / kind)


def _unique(kind: Kind) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for file in _files(kind):
        name = file.stem.replace("_", "-")
        if name in files and files[name] != file:
            raise UserError(f"two {kind} are called '{name}': {files[name]} and {file}; rename one of the files")
        files[name] = file
    return files


def _files(kind: Kind) -> Iterator[Path]:
    mixed = [Path(folder) for folder in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if folder]
    for folder in map(Path, importlib.import_module(f"bench.{kind}").__path__):
        for file in sorted(folder.glob("*.py")):
            if file.name.startswith("_"):
                continue
            roles = _roles(file)
            # in a mixed folder, a file without any role is reported as a broken method
            ours = folder not in mixed or kind in roles or (not roles and kind == "methods")
            if ours and (roles or file.stem not in _imported_by_users()):
                yield file.resolve()


def _roles(file: Path) -> set[Kind]:
    """The kinds whose role a class of the file has."""
    text = file.read_text(encoding="utf-8", errors="replace")
    return {kind for kind, role in ROLES.items() if re.search(rf"^class {role}\b", text, re.MULTILINE)}


def _imported_by_users() -> set[str]:
    """The names of the modules that the user's files import, bare or from a content package."""
    names: set[str] = set()
    for file in {file for folder in _all_user_folders() for file in folder.glob("*.py")}:
        with contextlib.suppress(SyntaxError, ValueError):  # that file is reported as broken by itself
            names |= imported_names(ast.parse(file.read_bytes()), f"bench.{KINDS[0]}")
    content = re.compile(rf"bench\.(?:{'|'.join(KINDS)})\.(\w+)")
    return {match[1] if (match := content.match(name)) else name.partition(".")[0] for name in names}


def _load(kind: Kind, name: str, file: Path) -> DropIn | Broken:
    try:
        module = importlib.import_module(f"bench.{kind}.{file.stem}")
        role = _role(module, kind)
        _check_attributes(role)
        if kind == "metrics":
            _check_metric(role)
        return DropIn(kind, name, file, role)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a file that ends the program is as broken as one that raises
        return Broken(kind, name, file, one_line(error))


def _role(module: ModuleType, kind: Kind) -> type[Any]:
    role = getattr(module, ROLES[kind], None)
    if not inspect.isclass(role):
        raise TypeError(f"it has no class {ROLES[kind]}")
    if not hasattr(role, "__dataclass_fields__"):
        raise TypeError(f"its class {ROLES[kind]} is not a dataclass (add @dataclass(frozen=True))")
    made: Any = role  # what `dataclass` adds is not annotated
    if not made.__dataclass_params__.frozen:
        raise TypeError(
            f"its class {ROLES[kind]} is not frozen, so its settings could change during a run "
            "(write @dataclass(frozen=True))"
        )
    return role


def _check_attributes(role: type[Any]) -> None:
    """Raise `TypeError` for what a class says of itself in a form that nothing can read."""
    ledger = getattr(role, "ledger", ())
    if not isinstance(ledger, tuple | list) or not all(isinstance(note, FidelityNote) for note in ledger):
        raise TypeError("its ledger is not a tuple of FidelityNotes")
    variants = getattr(role, "variants", {})
    if not isinstance(variants, Mapping) or not all(isinstance(values, Mapping) for values in variants.values()):
        raise TypeError("its variants are not a mapping of names to the fields they set")
    unknown = [field for values in variants.values() for field in values if field not in role.__dataclass_fields__]
    if unknown:
        raise TypeError(f"its variants set '{unknown[0]}', which is none of its fields")
    _check_tunable(role)


def _check_tunable(role: type[Any]) -> None:
    """Raise `TypeError` for what a class says of its tuning in a form that nothing can read."""
    tunable = getattr(role, "tunable", Tunable())
    if not isinstance(tunable, Tunable):
        raise TypeError("its tunable is not a Tunable")
    unknown = [field for field in (*tunable.rates, *tunable.steps) if field not in role.__dataclass_fields__]
    if unknown:
        raise TypeError(f"its tunable has '{unknown[0]}', which is none of its fields")
    for name, ends in tunable.rates.items():
        if not 0 < ends[0] < ends[1]:
            raise TypeError(f"its tunable's range of {name} is {ends}; give (lowest, highest), both above zero")


def _check_metric(role: type[Any]) -> None:
    """Raise `ValueError` for a grain or a feature that there is not, `TypeError` for columns that are none."""
    if not isinstance(role.columns, tuple | list) or not all(isinstance(column, Column) for column in role.columns):
        raise TypeError("its columns are not a tuple of Columns")
    for known, named in ((get_args(Grain), (role.grain,)), (get_args(Feature), role.needs)):
        if unknown := [name for name in named if name not in known]:
            raise ValueError(f"its class Metric names '{unknown[0]}', which is none of {', '.join(known)}")
