"""The dataset of a run: a built folder, or a builder of `datasets/` that the run calls itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from bench.core.errors import UserError, did_you_mean
from bench.core.files import read_json, write_json
from bench.core.leftovers import scratch_folder
from bench.core.progress import console
from bench.data import build
from bench.data.load import dataset_hash
from bench.data.manifest import MANIFEST
from bench.data.templates import read_templates, takes_no_templates
from bench.plugins.discovery import discover
from bench.plugins.source import source_hash
from bench.plugins.spec import Configured, configure, spec_name
from bench.run.folder import RunFolder

BUILDER = "builder.json"
"""The file beside the manifest of a dataset that a run built: its builder's spec, hash of source and own templates."""
_SCHEMA = 1


def dataset_folder(text: str, folder: RunFolder, templates: Sequence[str] = ()) -> Path:
    """The built dataset that `text` names; a builder's dataset is built into the run's folder if it is missing.

    `templates` are the user's own, for a builder. Raises `UserError` if it is neither, and for templates that the
    dataset cannot take.
    """
    path = Path(text)
    if _is_built(path):
        if templates:
            raise UserError(f"{path} is built, and its prompts with it: give --templates to bench build-dataset")
        return path
    if path.is_dir():
        raise UserError(
            f"{path} holds no built dataset (no {MANIFEST}); build one: bench build-dataset folder --folder {path} "
            "--out DIR, then bench run --dataset DIR"
        )
    if not _is_built(folder.dataset):
        builder = _builder(text, templates)
        build.build_dataset(builder.instance, folder.dataset)
        _record(folder, builder)
    return folder.dataset


def check_dataset(text: str) -> None:
    """Raise `UserError` if `text` names neither a folder nor a recipe with its fields; builds nothing."""
    if not Path(text).is_dir():
        _configured(text)


def current_dataset(text: str, folder: RunFolder, templates: Sequence[str] = ()) -> Path:
    """`dataset_folder`, checked against what the builder would build now.

    If the builder's source has changed since the run's dataset was built, it is built again in a temporary folder: an
    equal dataset changes nothing. Raises `UserError` for another dataset or another builder.
    """
    path = dataset_folder(text, folder, templates)
    if not _is_built(Path(text)):
        builder = _builder(text, templates)
        if not _recorded(folder):
            build.build_dataset(builder.instance, folder.dataset)  # what a killed start had still to write beside it
        if _compared(builder, folder):
            _record(folder, builder)
    return path


def preview_dataset(text: str, folder: RunFolder, scratch: RunFolder, templates: Sequence[str] = ()) -> Path:
    """`current_dataset` for a start that is only tried: the run is only read, what must be built lies in `scratch`.

    Raises `UserError` as `current_dataset` does.
    """
    if Path(text).is_dir():
        return dataset_folder(text, scratch, templates)
    builder = _builder(text, templates)
    if _is_built(folder.dataset):
        _compared(builder, folder)
        return folder.dataset
    _build_silently(builder, scratch.dataset)
    return scratch.dataset


def recommended_budget(text: str) -> str | None:
    """The name of the training budget that the dataset is meant for, if its folder or its builder recommends one."""
    path = Path(text)
    if (path / MANIFEST).is_file():
        return build.recommended_budget(path)
    return build.builders_budget(_configured(text).instance)


def _configured(text: str) -> Configured:
    """The builder that `text` names; a folder that is not there is told from a recipe that is not known."""
    name = spec_name(text)
    if name not in discover("datasets").found and (os.sep in name or "/" in name or name.startswith((".", "~"))):
        path = Path(name)
        what = "it is a file; name the folder that holds it" if path.is_file() else "there is no such folder"
        beside = [str(one.parent) for one in path.parent.glob(f"*/{MANIFEST}")]
        raise UserError(
            f"--dataset {text}: {what}{did_you_mean(str(path), beside)} `bench build-dataset` makes one, and a recipe "
            f"is a word: {', '.join(discover('datasets').found)}"
        )
    try:
        return configure("datasets", text)
    except UserError as error:
        if name in {one.name for one in discover("datasets").broken} | discover("datasets").found.keys():
            raise
        raise UserError(f"--dataset {text}: there is no folder of this name here, and {error}") from error


def _is_built(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def _builder(text: str, templates: Sequence[str]) -> Configured:
    """The builder, with the user's own templates if there are any; raises `UserError` if it takes none."""
    builder = _configured(text)
    if not templates:
        return builder
    if "templates" not in (field.name for field in fields(builder.instance)):
        raise takes_no_templates(builder.drop_in.name, builder.drop_in.file)
    return replace(builder, instance=replace(builder.instance, templates="\n".join(templates)))


def _description(builder: Configured) -> dict[str, str]:
    described = {"name": builder.drop_in.name, "spec": builder.spec, "source": source_hash(builder.drop_in)}
    own = getattr(builder.instance, "templates", "")
    return described | ({"templates": "\n".join(read_templates(own))} if own else {})


def _record(folder: RunFolder, builder: Configured) -> None:
    write_json(folder.dataset / BUILDER, _description(builder), _SCHEMA)


def _recorded(folder: RunFolder) -> dict[str, str]:
    """The record of the dataset's builder; empty if it is missing, as after an interrupted start."""
    file = folder.dataset / BUILDER
    return read_json(file, _SCHEMA) if file.is_file() else {}


def _compared(builder: Configured, folder: RunFolder) -> bool:
    """Whether the run's dataset had to be built anew to compare; raises `UserError` if it is another one."""
    recorded = _recorded(folder)
    if recorded.get("spec", builder.spec) != builder.spec:
        raise UserError(
            f"{folder.dataset} was built by {recorded['spec']}, not {builder.spec}; give this run another --name"
        )
    described = _description(builder)
    if recorded and recorded.get("templates") != described.get("templates"):
        told = "other templates than these" if "templates" in recorded else "the builder's own templates"
        told = told if "templates" in described else "--templates, which this start lacks"
        raise UserError(f"{folder.dataset} was built with {told}; give the same, or this run another --name")
    if recorded == described:
        return False
    _compare(builder, folder)
    return True


def _build_silently(builder: Configured, out: Path) -> None:
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        build.build_dataset(builder.instance, out)


def _compare(builder: Configured, folder: RunFolder) -> None:
    """Build the dataset again, for its hash alone; raises `UserError` if the hash differs."""
    told = f"{builder.spec} may have changed since {folder.dataset} was built: building it anew to compare"
    console.print(told, soft_wrap=True, markup=False)
    with scratch_folder() as scratch:
        _build_silently(builder, scratch / "dataset")
        found = dataset_hash(scratch / "dataset")
    if found != dataset_hash(folder.dataset):
        raise UserError(
            f"{builder.spec} builds another dataset now than the one in {folder.dataset} "
            f"({builder.drop_in.file} or what it imports has changed): give this run another --name"
        )
