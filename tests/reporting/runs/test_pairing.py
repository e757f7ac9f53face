"""Runs of two datasets: which of their scenes are the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_masks

from bench.core.errors import UserError
from bench.data.manifest import MANIFEST, DatasetSpec, Manifest, MaskRecord, SceneRecord
from bench.plugins.metric import Column
from bench.reporting.runs.pairing import pair_methods, pairing_notes, same_scenes
from bench.reporting.runs.recorded import open_recorded

WriteRun = Callable[..., Path]
METRICS = (Column("prompt_similarity", "", better="higher"),)


def scene(number: int, sha256: str = "0" * 64) -> SceneRecord:
    whole = coco_masks.encode(np.asfortranarray(np.ones((8, 8), np.uint8)))
    return SceneRecord(
        name=f"scene-{number}",
        split="val",
        image_id=number,
        annotation_ids=(),
        file_name="x.jpg",
        source_size=(8, 8),
        crop=(0, 0, 8, 8),
        classes=("cat",),
        masks=(MaskRecord((8, 8), whole["counts"].decode()),),
        licence=None,
        url="",
        prompts=(),
        picture_sha256=sha256,
    )


@pytest.fixture
def with_dataset(write_run: WriteRun) -> Callable[..., Path]:
    """Writes a run with the manifest of its scenes in its folder."""

    def write(name: str, method: str, *scenes: SceneRecord) -> Path:
        made = Manifest(DatasetSpec("folder", name, 8, {}, {}), scenes)
        run = write_run(name, {method: 0.0}, scenes=6, dataset_hash=made.sha256)
        (run / "dataset").mkdir()
        (run / "dataset" / MANIFEST).write_bytes(made.encode())
        return run

    return write


def test_scenes_of_equal_content_are_paired(with_dataset: Callable[..., Path]) -> None:
    """Another picture, other class words, a scene that one dataset lacks: three of six scenes are left."""
    first = open_recorded(with_dataset("one", "ours", *map(scene, range(6))))
    other = (scene(0), scene(1, "1" * 64), replace(scene(2), classes=("dog",)), scene(3), scene(4))
    second = open_recorded(with_dataset("two", "ours", *other))
    assert same_scenes(first, second) == {"scene-0", "scene-3", "scene-4"}
    pairs = pair_methods(first, second, METRICS)
    assert [pair.n_pictures for pair in pairs] == [6]
    assert list(pairing_notes(first, second, pairs)) == [
        "The datasets differ; 3 scenes with the same pixels, masks and words are compared."
    ]


def test_a_manifest_of_another_dataset_is_none(with_dataset: Callable[..., Path]) -> None:
    run = with_dataset("one", "ours", *map(scene, range(6)))
    (run / "dataset" / MANIFEST).write_bytes(Manifest(DatasetSpec("folder", "x", 8, {}, {}), (scene(0),)).encode())
    assert open_recorded(run).manifest is None


def test_runs_without_a_common_scene_cannot_be_paired(with_dataset: Callable[..., Path]) -> None:
    """Neither where both have the method nor where two are named."""
    first = open_recorded(with_dataset("one", "ours", scene(0, "1" * 64)))
    second = open_recorded(with_dataset("two", "ours", scene(0, "2" * 64)))
    for methods in ((), ("ours",)):
        with pytest.raises(UserError, match="have no scene and prompt in common"):
            pair_methods(first, second, METRICS, methods)
