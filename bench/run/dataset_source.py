"""The dataset of a run: a built folder, or a builder of `datasets/` that the run calls itself."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from bench.core.errors import UserError
from bench.core.files import read_json, write_json
from bench.core.leftovers import scratch_folder
from bench.core.progress import console
from bench.data import build
from bench.data.load import dataset_hash
from bench.data.manifest import MANIFEST
from bench.plugins.source import source_hash
from bench.plugins.spec import Configured, configure
from bench.run.folder import RunFolder

BUILDER = "builder.json"
"""The file beside the manifest of a dataset that a run built: the builder's spec and the hash of its source."""
_SCHEMA = 1


def dataset_folder(text: str, folder: RunFolder) -> Path:
    """The built dataset that `text` names; a builder's dataset is built into the run's folder if it is missing.

    Raises `UserError` if it is neither.
    """
    path = Path(text)
    if _is_built(path):
        return path
    if path.is_dir():
        raise UserError(
            f"{path} holds no built dataset (no {MANIFEST}); build one: bench build-dataset folder --folder {path} "
            "--out DIR, then bench run --dataset DIR"
        )
    if not _is_built(folder.dataset):
        builder = configure("datasets", text)
        build.build_dataset(builder.instance, folder.dataset)
        _record(folder, builder)
    return folder.dataset


def current_dataset(text: str, folder: RunFolder) -> Path:
    """`dataset_folder`, checked against what the builder would build now.

    If the builder's source has changed since the run's dataset was built, it is built again in a temporary folder: an
    equal dataset changes nothing. Raises `UserError` for another dataset or another builder.
    """
    path = dataset_folder(text, folder)
    if not _is_built(Path(text)):
        builder = configure("datasets", text)
        if not _recorded(folder):
            build.build_dataset(builder.instance, folder.dataset)  # what a killed start had still to write beside it
        if _compared(builder, folder):
            _record(folder, builder)
    return path


def preview_dataset(text: str, folder: RunFolder, scratch: RunFolder) -> Path:
    """`current_dataset` for a start that is only tried: the run is only read, what must be built lies in `scratch`.

    Raises `UserError` as `current_dataset` does.
    """
    if Path(text).is_dir():
        return dataset_folder(text, scratch)
    builder = configure("datasets", text)
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
    return build.builders_budget(configure("datasets", text).instance)


def _is_built(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def _description(builder: Configured) -> dict[str, str]:
    return {"name": builder.drop_in.name, "spec": builder.spec, "source": source_hash(builder.drop_in)}


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
    if recorded == _description(builder):
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
