"""A dataset that the run built itself: a builder that was edited builds anew, and another dataset is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.images import mask_png, picture_png
from bench.data.build import RECOMMENDED
from bench.data.load import dataset_hash
from bench.plugins.discovery import refresh
from bench.run.dataset_source import BUILDER, current_dataset, dataset_folder
from bench.run.folder import RunFolder

BUILDER_SOURCE = '''
from dataclasses import dataclass
from pathlib import Path

from bench.data.builders.folder import FolderBuilder
from bench.data.prompts import PromptPlan
from words import PLACE

TEMPLATES = ("a photo of {tokens} at the beach",)


@dataclass(frozen=True)
class Builder:
    """One scene, by my templates."""

    samples: int = 1

    def build(self, out):
        """Write it."""
        plan = PromptPlan((*TEMPLATES, PLACE), self.samples, "powerset", 0)
        with Path("built.log").open("a") as log:
            log.write("built ")
        FolderBuilder(Path("scene"), 64, False, plan, {"samples": self.samples}).build(out)
'''


@pytest.fixture
def builder(tmp_path: Path, drop_ins: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a builder `tailored`, beside its helper `words` and, in the working folder, its scene."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene").mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[10:40, 10:40] = True
    (tmp_path / "scene" / "img.png").write_bytes(picture_png(picture))
    (tmp_path / "scene" / "mask0.png").write_bytes(mask_png(mask))
    (tmp_path / "scene" / "labels.txt").write_text("ball\n")
    (drop_ins / "words.py").write_text('PLACE = "a photo of {tokens} in the snow"\n')
    (drop_ins / "tailored.py").write_text(BUILDER_SOURCE)
    refresh()
    return drop_ins / "tailored.py"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "runs" / "r")


def edit(file: Path, old: str, new: str) -> None:
    """As a user does between two starts."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    refresh()


def times_built() -> int:
    return Path("built.log").read_text().count("built")


def test_what_built_it_is_kept_beside_the_manifest_and_outside_its_hash(builder: Path, run: RunFolder) -> None:
    path = current_dataset("tailored[samples=2]", run)
    record = json.loads((path / BUILDER).read_text())
    assert (record["name"], record["spec"], record["schema"]) == ("tailored", "tailored[samples=2]", 1)
    assert len(record["source"]) == 20
    before = dataset_hash(path)
    (path / BUILDER).unlink()
    assert dataset_hash(path) == before


def test_an_unchanged_builder_builds_once(builder: Path, run: RunFolder) -> None:
    assert current_dataset("tailored", run) == current_dataset("tailored", run) == run.dataset
    edit(builder, '"""Write it."""', '"""Write the dataset into `out`."""')
    current_dataset("tailored", run)
    assert times_built() == 1


def test_edited_sources_that_build_the_same_go_on(builder: Path, run: RunFolder) -> None:
    before = dataset_hash(current_dataset("tailored", run))
    first = (run.dataset / BUILDER).read_text()
    edit(builder, 'log.write("built ")', 'log.write("built  ")')
    assert dataset_hash(current_dataset("tailored", run)) == before
    assert times_built() == 2
    assert (run.dataset / BUILDER).read_text() != first
    current_dataset("tailored", run)
    assert times_built() == 2


@pytest.mark.parametrize(("file", "old", "new"), [("tailored.py", "beach", "lake"), ("words.py", "snow", "desert")])
def test_edited_templates_ask_for_another_name(builder: Path, run: RunFolder, file: str, old: str, new: str) -> None:
    before = dataset_hash(current_dataset("tailored", run))
    edit(builder.with_name(file), old, new)
    for _ in range(2):
        with pytest.raises(UserError, match="give this run another --name") as error:
            current_dataset("tailored", run)
        assert str(builder) in str(error.value)
        assert "\n" not in str(error.value)
    assert dataset_hash(run.dataset) == before
    edit(builder.with_name(file), new, old)
    assert current_dataset("tailored", run) == run.dataset


def test_what_a_killed_start_had_still_to_write_is_written_by_the_next(tmp_path: Path) -> None:
    """Killed when the scenes were in place: the references, the recommended budget and the builder's record follow."""
    spec, run = "playroom:quick[scenes=1,formats=1,pool=20]", RunFolder(tmp_path / "run")
    current_dataset(spec, run)
    whole = {path.relative_to(run.path) for path in run.path.rglob("*")}
    for path in [*run.dataset.rglob("references"), run.dataset / RECOMMENDED, run.dataset / BUILDER]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    current_dataset(spec, run)
    assert {path.relative_to(run.path) for path in run.path.rglob("*")} == whole
    assert len(list(run.dataset.rglob("references/*.png"))) == 3


def test_a_dataset_of_another_recipe_is_not_taken_for_this_one(builder: Path, run: RunFolder) -> None:
    current_dataset("tailored", run)
    with pytest.raises(
        UserError, match=r"was built by tailored, not tailored\[samples=2\]; give this run another --name"
    ):
        current_dataset("tailored[samples=2]", run)


def test_reports_do_not_ask_for_the_builder(builder: Path, run: RunFolder) -> None:
    current_dataset("tailored", run)
    edit(builder, "beach", "lake")
    assert dataset_folder("tailored", run) == run.dataset


def test_a_start_with_edited_templates_is_one_line(
    builder: Path, bench: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    start = ("run", "--dataset", "tailored", "--name", "r", "--methods", "quick", "--limit", "1")
    assert bench(*start) == 0
    edit(builder, "beach", "lake")
    capsys.readouterr()
    assert bench(*start) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("bench: tailored builds another dataset now")
    edit(builder, "lake", "beach")
    assert bench(*start) == 0
