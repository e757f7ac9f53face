"""Imported pictures: which file belongs to which prompt, by a CSV or by the files' names."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.scenes import Dataset, Prompt
from bench.core.text import count

COLUMNS = ("scene", "subset", "template", "sample", "file")
"""The columns of a CSV of pictures; further columns are ignored."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_TOLD = 3


@dataclass(frozen=True)
class PromptKey:
    """A prompt as a CSV writes it: `subset` is `0+2`."""

    scene: str
    subset: str
    template: str
    sample: str

    def __str__(self) -> str:
        return f"{self.scene} {self.subset} '{self.template}' {self.sample}"


def expected(dataset: Dataset) -> str:
    """The CSV of every prompt of a dataset, with a file name proposed for each and the texts to draw from.

    The file of a scene's prompt number 7 is `SCENE/007.png`; a folder without a CSV is read by these names.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*COLUMNS, "text", "text_with_handles"))
    for scene in dataset.scenes:
        for number, prompt in enumerate(scene.prompts):
            key = _key(scene.name, prompt)
            texts = scene.text_with_classes(prompt), scene.text_with_handles(prompt)
            writer.writerow((key.scene, key.subset, key.template, key.sample, f"{scene.name}/{number:03}.png", *texts))
    return text.getvalue()


def read_imported(
    source: Path, dataset: Dataset, scenes: Collection[str] | None = None
) -> Mapping[str, Mapping[Prompt, Path]]:
    """The file of every prompt of the scenes, by the scene's name, from a CSV or a folder; None is all scenes.

    Of other scenes pictures may be missing. Paths in a CSV are relative to its folder. In a folder, files have the
    names that `expected` proposes, with any of `SUFFIXES`.

    Raises `UserError` that counts and names what is missing, named twice, unknown or not a file.
    """
    if source.is_dir():
        rows = list(_files(source, dataset))
    elif source.is_file():
        rows = list(_rows(source))
    else:
        raise UserError(f"import[from={source}]: there is no such folder or CSV; see `bench list --prompts DATASET`")
    known = {_key(scene.name, prompt): (scene.name, prompt) for scene in dataset.scenes for prompt in scene.prompts}
    wanted = {key: place for key, place in known.items() if scenes is None or place[0] in scenes}
    _check(source, [key for key, _ in rows], known, list(wanted))
    rows = [(key, file) for key, file in rows if key in wanted]
    absent = [str(file) for _, file in rows if not file.is_file()]
    if absent:
        raise UserError(f"{source} names {_counted(absent, 'file', 'that does not exist', 'that do not exist')}")
    found: dict[str, dict[Prompt, Path]] = {name: {} for name, _ in wanted.values()}
    for key, file in rows:
        name, prompt = wanted[key]
        found[name][prompt] = file
    return found


def _check(source: Path, named: Sequence[PromptKey], known: Collection[PromptKey], wanted: Sequence[PromptKey]) -> None:
    """Raise `UserError` unless every wanted prompt is named, none twice and only known ones."""
    counts = Counter(named)
    faults = {
        "unknown to the dataset": [str(key) for key in counts if key not in known],
        "named twice": [str(key) for key, count in counts.items() if count > 1],
        "without a picture": [str(key) for key in wanted if key not in counts],
    }
    told = [_counted(keys, "prompt", what, what) for what, keys in faults.items() if keys]
    if told:
        scope = "the dataset" if len(wanted) == len(known) else "the scenes that are asked for"
        raise UserError(
            f"{source} does not fit {scope} of {count(len(wanted), 'prompt')}: {'; '.join(told)}; "
            "`bench list --prompts DATASET` writes what is expected, and `--scenes` may ask for fewer scenes"
        )


def _counted(names: Sequence[str], noun: str, one: str, several: str) -> str:
    """A count with the first few keys: `4 prompts named twice (a, b, c, ...)`."""
    shown = ", ".join(names[:_TOLD]) + (", ..." if len(names) > _TOLD else "")
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'} {one if len(names) == 1 else several} ({shown})"


def _rows(source: Path) -> Iterator[tuple[PromptKey, Path]]:
    """The prompts and files of a CSV; its paths are relative to its folder."""
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {source}: it is not a CSV in UTF-8 ({error})") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        columns = reader.fieldnames or ()
    except csv.Error as error:
        raise UserError(f"{source}, line {reader.line_num}: {error}") from error
    lacking = [column for column in COLUMNS if column not in columns]
    if lacking:
        raise UserError(f"{source} has no column {', '.join(lacking)}; it needs {','.join(COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise UserError(f"{source} has two columns of one name; each of {','.join(COLUMNS)} may stand once")
    for row in _read(source, reader):
        if None in row:
            raise UserError(
                f"{source}, line {reader.line_num}: more cells than columns; put cells with commas in quotes"
            )
        values = [(row[column] or "").strip() for column in COLUMNS]
        if not all(values):
            raise UserError(f"{source}, line {reader.line_num}: a row needs {', '.join(COLUMNS)}")
        yield PromptKey(*values[:-1]), source.parent / values[-1]


def _read(source: Path, reader: csv.DictReader[str]) -> Iterator[dict[str | Any, str | Any]]:
    """The rows; a cell of more than 128 KiB, as where a quote is not closed, is told by its line."""
    try:
        yield from reader
    except csv.Error as error:
        raise UserError(f"{source}, line {reader.line_num}: {error}; is a quote not closed?") from error


def _files(source: Path, dataset: Dataset) -> Iterator[tuple[PromptKey, Path]]:
    """The picture files of a folder with the prompts that their names mean; an unknown name is its own key."""
    keys = {
        f"{scene.name}/{number:03}": _key(scene.name, prompt)
        for scene in dataset.scenes
        for number, prompt in enumerate(scene.prompts)
    }
    for file in sorted(source.rglob("*")):
        if file.suffix.lower() in SUFFIXES:
            name = file.relative_to(source).with_suffix("").as_posix()
            yield keys.get(name, PromptKey(file.relative_to(source).as_posix(), "?", "?", "?")), file


def _key(scene: str, prompt: Prompt) -> PromptKey:
    return PromptKey(scene, "+".join(map(str, prompt.subset)), prompt.template, str(prompt.sample))
