"""Files that are either whole or absent, and that say which schema they follow."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pydantic

from bench.core.errors import UserError, is_disk_full
from bench.core.leftovers import is_temporary, replaced_name, sweep, temporary_name


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then move it into place: no reader ever sees part of it.

    Raises `UserError` if the disk is full or the folder cannot be written.
    """
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        _sync(temporary)
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically: `path` has all of `content` or is unchanged."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_whole(path, fill)


def write_json(path: Path, content: dict[str, Any], schema: int) -> None:
    """Write `content` with its schema version; sorted keys, so equal content is equal bytes."""
    write_bytes(path, json_bytes(content, schema))


def json_bytes(content: dict[str, Any], schema: int) -> bytes:
    """What `write_json` writes."""
    return (json.dumps({"schema": schema, **content}, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def read_json(path: Path, schema: int) -> dict[str, Any]:
    """Read what `write_json` wrote.

    Raises `UserError` for a missing or damaged file, and for a schema that this version does not know.
    """
    try:
        raw = path.read_bytes()
        content = json.loads(raw)
        if b"\\ud" in raw.lower():  # half of a character, which nothing could be written with
            json.dumps(content, ensure_ascii=False).encode()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except RecursionError as error:
        raise damaged(path, "it is nested too deep") from error
    except ValueError as error:
        raise damaged(path, str(error)) from error
    found = content.get("schema") if isinstance(content, dict) else None
    if found != schema:
        raise UserError(f"{path} has schema {found}, this version reads {schema}; use the scenebench that wrote it")
    return {key: value for key, value in content.items() if key != "schema"}


def whole_files(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder that match a pattern, sorted, without temporary ones of killed processes."""
    return sorted(path for path in folder.glob(pattern) if not is_temporary(path.relative_to(folder)))


def read_record(path: Path, schema: int, kind: Any) -> Any:
    """Read what `write_json` wrote, as `kind` (a type that pydantic checks).

    Raises `UserError` as `read_json` does, and for values of wrong types.
    """
    content = read_json(path, schema)
    try:
        return pydantic.TypeAdapter(kind).validate_python(content)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise damaged(path, f"{place}: {first['msg'].lower()}") from None


def damaged(path: Path, why: str) -> UserError:
    """The error for a damaged file that is written again if it is missing."""
    return UserError(f"{path} is damaged ({why}); delete it and start again: it will be written again")


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its place when the block succeeds, and is removed if it fails.

    `out` is not there yet, or empty. What killed processes left beside it is swept. Files that `written_with` names are
    in it too. Raises `UserError` for whatever the file system refuses.
    """
    with _built_beside(out) as (building, place):
        yield building
        for name, content in _WITH.get({}).get(place, {}).items():
            (building / name).write_bytes(content)
        if place.is_dir():
            place.rmdir()
        building.rename(place)


_WITH: ContextVar[Mapping[Path, Mapping[str, bytes]]] = ContextVar("files written with a folder")


@contextlib.contextmanager
def written_with(out: Path, files: Mapping[str, bytes]) -> Iterator[None]:
    """While the block runs, a `whole_folder(out)` also gets these files: they are there as soon as the folder is."""
    token = _WITH.set({**_WITH.get({}), Path(os.path.abspath(out)): files})  # noqa: PTH100 - as in `_built_beside`
    try:
        yield
    finally:
        _WITH.reset(token)


@contextlib.contextmanager
def whole_replacement(out: Path) -> Iterator[Path]:
    """As `whole_folder`, for an `out` that may have content.

    What the block did not write itself is taken over: a file that somebody put there is not lost, nor if the process is
    killed at any moment (see `bench.core.leftovers.replaced_name`).
    """
    with _built_beside(out) as (building, place):
        yield building
        replaced = replaced_name(place)
        if place.is_dir():
            shutil.copytree(place, building, dirs_exist_ok=True, copy_function=_copy_missing)
            place.rename(replaced)
        try:
            building.rename(place)
        except OSError:
            if replaced.is_dir():
                replaced.rename(place)
            raise
        shutil.rmtree(replaced, ignore_errors=True)


def _copy_missing(source: str, target: str) -> str:
    return target if Path(target).exists() else str(shutil.copy2(source, target))


@contextlib.contextmanager
def _built_beside(out: Path) -> Iterator[tuple[Path, Path]]:
    """An empty folder beside `out`, removed in the end, and `out` itself as an absolute path."""
    out = Path(os.path.abspath(out))  # noqa: PTH100 - resolve() would follow a link that is to be replaced
    building = temporary_name(out)
    try:
        sweep(out.parent)
        building.mkdir(parents=True)
        yield building, out
    except OSError as error:
        full = is_disk_full(error)
        why = "there is no space left on the disk; free some or choose another --out" if full else error.strerror
        raise UserError(f"cannot write {out}: {why or error}; nothing was written") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
