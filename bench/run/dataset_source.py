"""Where a run's dataset comes from: a built folder, or a recipe of `datasets/` that the run builds itself."""

from __future__ import annotations

from pathlib import Path

from bench.core.errors import UserError
from bench.data import build
from bench.data.manifest import MANIFEST
from bench.plugins.spec import configure
from bench.run.folder import RunFolder


def dataset_folder(text: str, folder: RunFolder) -> Path:
    """The built dataset that `text` names; a recipe is built into the run's folder if it is not yet there.

    Raises `UserError` if it is neither.
    """
    path = Path(text)
    if (path / MANIFEST).is_file():
        return path
    if path.is_dir():
        raise UserError(
            f"{path} holds no built dataset (no {MANIFEST}); build one: bench build-dataset folder --folder {path} "
            "--out DIR, then bench run --dataset DIR"
        )
    if not (folder.dataset / MANIFEST).is_file():
        build.build_dataset(configure("datasets", text).instance, folder.dataset)
    return folder.dataset


def recommended_budget(text: str) -> str | None:
    """The name of the training budget that the dataset is meant for, if a built one or a recipe says it."""
    path = Path(text)
    if (path / MANIFEST).is_file():
        return build.recommended_budget(path)
    return build.builders_budget(configure("datasets", text).instance)
