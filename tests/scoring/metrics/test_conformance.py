"""What every metric keeps, built in or a user's: run over all of them."""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.scenes import Prompt, Scene
from bench.core.table import COLUMNS
from bench.plugins.discovery import DropIn, discover
from bench.plugins.metric import Column, Feature, Grain, PictureJob
from bench.plugins.spec import Configured, configure
from bench.scoring.evaluators import Evaluators
from bench.scoring.presets import PRESETS, Preset
from bench.scoring.scorer import Scorer
from bench.scoring.selection import columns_of, metric_key

NAMES = list(discover("metrics").found)
ASKED = (Prompt("a photo of {tokens}", (0, 1), 0), Prompt("a photo of {tokens}", (0, 1), 1), Prompt("{tokens}", (2,)))


@pytest.fixture
def jobs(scene: Scene) -> list[PictureJob]:
    """Two samples of one prompt and another prompt's picture."""
    rng = np.random.default_rng(3)
    return [PictureJob(scene, prompt, rng.integers(0, 256, (40, 40, 3), np.uint8), "unit") for prompt in ASKED]


def scorer(preset: Preset) -> Scorer:
    return Scorer(Evaluators(preset, torch.device("cpu"), batch_size=8), [])


@pytest.mark.parametrize("name", NAMES)
def test_it_declares_its_columns_its_grain_and_what_it_needs(name: str, preset: Preset) -> None:
    metric = configure("metrics", name)
    columns = columns_of(metric, preset)
    assert len({column.name for column in columns}) == len(columns) > 0
    assert not {column.name for column in columns} & set(COLUMNS)
    assert all(column.description and "\n" not in column.description for column in columns)
    assert all(column.source and column.range[0] < column.range[1] for column in columns if column.better)
    assert {column.reason for column in columns if column.reason} <= {column.name for column in columns}
    assert metric.instance.grain in get_args(Grain)
    assert set(metric.instance.needs) <= set(get_args(Feature))
    assert name not in PRESETS


@pytest.mark.parametrize("name", NAMES)
def test_its_values_are_in_their_range_or_missing_with_a_reason(
    name: str, lenient: Preset, jobs: list[PictureJob]
) -> None:
    metric = configure("metrics", name)
    found = scorer(lenient).values(jobs, [metric])[name]
    assert [len(of_picture) for of_picture in found] == [2, 2, 1]
    for values in (values for of_picture in found for values in of_picture):
        assert_in_range(values, columns_of(metric, lenient))


def assert_in_range(values: Mapping[str, Any], columns: tuple[Column, ...]) -> None:
    assert set(values) == {column.name for column in columns}
    for column in columns:
        value = values[column.name]
        if column.better and value is not None:
            least, greatest = column.range
            assert math.isnan(value) or least - 1e-5 <= value <= greatest + 1e-5
            assert not math.isnan(value) or values[column.reason]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_scores_the_same_alone_and_in_company(name: str, lenient: Preset, jobs: list[PictureJob]) -> None:
    metric = configure("metrics", name)
    together = scorer(lenient).values(jobs, [metric])[name]
    apart = [values for part in (jobs[:2], jobs[2:]) for values in scorer(lenient).values(part, [metric])[name]]
    for one, other in zip(together, apart, strict=True):
        for left, right in zip(one, other, strict=True):
            assert left == pytest.approx(right, abs=1e-5, nan_ok=True)


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_sent_to_a_worker(name: str) -> None:
    instance = configure("metrics", name).instance
    assert pickle.loads(pickle.dumps(instance)) == instance


@dataclass(frozen=True)
class Metric:
    """A metric that does what a test says."""

    grain: ClassVar[Grain] = "picture"
    needs: ClassVar[tuple[Feature, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = (Column("level", "the mean level", better="higher"),)

    mode: str = "good"

    def score(self, batch: Any) -> list[dict[str, float]]:
        if self.mode == "undeclared":
            return [{"level": float(batch.image_embeddings.sum())} for _ in batch.jobs]
        if self.mode.startswith("scene"):
            return [{"level": batch.once_per_scene(job.scene, lambda: float(self.mode[-1]))} for job in batch.jobs]
        if self.mode == "few":
            return [{"level": 0.0}]
        name = "other" if self.mode == "columns" else "level"
        return [{name: float(job.picture.mean())} for job in batch.jobs]


def configured(mode: str, tmp_path: Path) -> Configured:
    file = tmp_path / "level.py"
    file.write_text("# a metric\n")
    return Configured("level", DropIn("metrics", "level", file, Metric), Metric(mode))


def test_a_metric_that_needs_nothing_loads_no_model(preset: Preset, jobs: list[PictureJob], tmp_path: Path) -> None:
    own = scorer(preset)
    values = own.values(jobs, [configured("good", tmp_path)])["level"]
    assert [of_picture[0]["level"] for of_picture in values] == [float(job.picture.mean()) for job in jobs]
    assert not {"clip", "segmenter", "embeddings", "lpips"} & set(vars(own._evaluators))


@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("few", r"level\.py: score\(\) gave 1 value, not one per picture \(3\)"),
        ("columns", r"level\.py: score\(\) gave other; its columns are level"),
    ],
)
def test_a_broken_contract_is_one_line_that_names_the_file(
    mode: str, message: str, preset: Preset, jobs: list[PictureJob], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        scorer(preset).values(jobs, [configured(mode, tmp_path)])


def test_a_feature_that_is_not_declared_is_refused(preset: Preset, jobs: list[PictureJob], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the metric level uses 'clip' without naming it in its `needs`"):
        scorer(preset).values(jobs, [configured("undeclared", tmp_path)])


def test_what_is_computed_once_per_scene_is_kept_for_each_configuration(
    preset: Preset, jobs: list[PictureJob], tmp_path: Path
) -> None:
    own = scorer(preset)
    for mode, expected in (("scene1", 1.0), ("scene2", 2.0), ("scene1", 1.0)):
        found = own.values(jobs, [configured(mode, tmp_path)])["level"]
        assert {of_picture[0]["level"] for of_picture in found} == {expected}


def test_the_key_follows_the_fields_and_nothing_of_the_preset_that_is_not_needed(
    preset: Preset, lenient: Preset, tmp_path: Path
) -> None:
    good, few = configured("good", tmp_path), configured("few", tmp_path)
    assert metric_key(good, preset) == metric_key(good, lenient)
    assert metric_key(good, preset) != metric_key(few, preset)
