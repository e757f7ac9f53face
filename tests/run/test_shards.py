"""Parts of a run that are done in several jobs, and what they are merged to."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.plugins.discovery import refresh
from bench.run.engine import reopen
from bench.run.folder import RunFolder, run_folder
from bench.run.lock import hold
from bench.run.merge import merge_runs
from bench.run.shards import parse_shard, select_shard, shard_name

from .conftest import DATASET, add_quick

Bench = Callable[..., int]
METHODS = "quick,quick[shade=0.5],real"
RUN = ("run", "--dataset", DATASET, "--methods", METHODS)


def unit(method: str, scene: int, cohort: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(key=f"{method}{scene}", method=SimpleNamespace(spec=method), scene=scene, cohort=cohort)


def plan(methods: str, scenes: int) -> list[Any]:
    return [unit(method, scene) for scene in range(scenes) for method in methods]


@pytest.mark.parametrize(("methods", "scenes", "of"), [("abcd", 50, 8), ("ab", 3, 5), ("a", 7, 7), ("abc", 9, 1)])
def test_shards_divide_the_units_and_each_has_its_share_of_every_method(methods: str, scenes: int, of: int) -> None:
    units = plan(methods, scenes)
    shards = [select_shard(units, f"{number}/{of}") for number in range(1, of + 1)]
    assert sorted(one.key for shard in shards for one in shard) == sorted(one.key for one in units)
    for method in methods:
        shares = [Counter(one.method.spec for one in shard)[method] for shard in shards]
        assert max(shares) - min(shares) <= 1
    assert all(list(shard) == [one for one in units if one in shard] for shard in shards)


def test_what_is_begun_together_is_in_one_shard() -> None:
    blocks = [tuple(f"s{scene}" for scene in range(first, first + 8)) for first in range(0, 48, 8)]
    units = [unit("a", scene, blocks[scene // 8]) for scene in range(48)] + plan("b", 48)
    shards = [select_shard(units, f"{number}/3") for number in (1, 2, 3)]
    assert sorted(one.key for shard in shards for one in shard) == sorted(one.key for one in units)
    for shard in shards:
        assert sorted(Counter(one.cohort for one in shard).values()) == [8, 8, 16]
        assert Counter(one.method.spec for one in shard) == {"a": 16, "b": 16}


def test_methods_that_are_added_later_leave_the_others_in_their_shards() -> None:
    before = select_shard(plan("ab", 5), "2/3")
    after = select_shard(plan("abc", 5), "2/3")
    assert [one.key for one in after if one.method.spec != "c"] == [one.key for one in before]


@pytest.mark.parametrize("text", ["0/8", "9/8", "3", "3/", "a/b", "-1/2", "1/0", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="write K/N with K from 1 to N"):
        parse_shard(text)


def test_a_shard_has_a_run_of_its_own() -> None:
    assert shard_name("big", "3/8") == "big-3-of-8"


def table(run: str) -> pd.DataFrame:
    frame = pd.read_parquet(f"runs/{run}/scores.parquet")
    return frame[[column for column in frame if not column.startswith("cost_")]]


def pixels(run: str) -> dict[str, bytes]:
    return {file.name: np.asarray(Image.open(file)).tobytes() for file in Path(f"runs/{run}/pictures").glob("*.png")}


def settings(run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(f"runs/{run}/run.json").read_text())
    return found


@pytest.fixture(scope="module")
def made_once(call: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `runs` with both shards of a run."""
    folder = tmp_path_factory.mktemp("shards")
    with pytest.MonkeyPatch.context() as patch:
        add_quick(folder / "mine", patch)
        patch.chdir(folder)
        assert [call(*RUN, "--name", "r", "--shard", f"{number}/2") for number in (1, 2)] == [0, 0]
    refresh()
    return folder / "runs"


@pytest.fixture
def shards(bench: Bench, made_once: Path, tmp_path: Path) -> list[str]:
    """The runs of both shards of a run, in the folder where the command line runs."""
    shutil.copytree(made_once, tmp_path / "runs")
    return ["runs/r-1-of-2", "runs/r-2-of-2"]


def test_shards_come_to_what_one_run_comes_to(
    bench: Bench, shards: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [len(list(Path(run, "units").glob("*.json"))) for run in shards] == [3, 3]
    assert bench(*RUN, "--name", "whole") == 0
    assert bench("merge", *shards, "--name", "merged") == 0
    assert pixels("merged") == pixels("whole")
    pd.testing.assert_frame_equal(table("merged"), table("whole"), check_exact=True)
    assert settings("merged") == settings("whole")
    assert Path("runs/merged/report/pareto/pareto.html").is_file()
    assert bench(*RUN, "--name", "merged", "--dry-run") == 0
    assert "6 units, 6 done" in capsys.readouterr().out.replace("\n", " ")


def merged_of(shards: list[str], name: str = "merged") -> Path:
    """The merged run, without its table and report."""
    folder = run_folder(Path("runs"), name)
    with hold(folder.path):
        merge_runs([RunFolder(Path(run)) for run in shards], folder)
    return folder.path


def test_a_merge_that_was_stopped_goes_on_and_replaces_no_finished_unit(shards: list[str]) -> None:
    merged = merged_of(shards)
    files = sorted(path.relative_to(merged) for path in merged.rglob("*"))
    first, *others = sorted(merged.glob("units/*.json"))
    times = {file: file.stat().st_mtime_ns for file in others}
    picture = merged / "pictures" / f"{json.loads(first.read_text())['pictures'][0]}.png"
    for file in (first, merged / "run.json", picture):
        file.unlink()
    shutil.rmtree(merged / "dataset")
    merged_of(shards)
    assert sorted(path.relative_to(merged) for path in merged.rglob("*")) == files
    assert {file: file.stat().st_mtime_ns for file in others} == times


def test_a_merge_keeps_attention_maps(shards: list[str]) -> None:
    unit = next(Path(shards[1], "units").glob("*.json")).stem
    maps = RunFolder(Path(shards[1])).attention_maps(unit)
    maps.parent.mkdir(parents=True, exist_ok=True)
    maps.write_bytes(b"maps")
    assert RunFolder(merged_of(shards)).attention_maps(unit).read_bytes() == b"maps"


def test_a_merge_overwrites_nothing(bench: Bench, shards: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = table("r-1-of-2")
    assert bench("merge", *shards, "--name", "r-2-of-2") == 2
    assert "is one of the runs to merge" in capsys.readouterr().err
    assert bench("merge", shards[1], "--name", "r-1-of-2") == 2
    assert "would be overwritten" in capsys.readouterr().err
    pd.testing.assert_frame_equal(table("r-1-of-2"), before)


def changed(file: Path, name: str, value: object) -> None:
    content = json.loads(file.read_text())
    content[name] = value
    file.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("file", "name", "value", "told"),
    [
        ("run.json", "seed", 3, "seed is 0 in one and 3 in the other"),
        ("run.json", "dataset_hash", "0" * 64, "dataset_hash is"),
        ("versions.json", "versions", [{"python": "3.0"}], "they were made with"),
        ("evaluators.json", "models", {"clip": "another"}, "they were scored with"),
        ("evaluators.json", "scoring_version", 1, "and version 1 of the scoring; `bench score` brings both to one"),
    ],
)
def test_what_differs_is_named(
    file: str, name: str, value: object, told: str, bench: Bench, shards: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    changed(Path(shards[1]) / file, name, value)
    assert bench("merge", *shards, "--name", "merged") == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1
    assert not Path("runs/merged").exists()


def test_units_that_no_run_has_finished_are_left_to_do(bench: Bench, shards: list[str]) -> None:
    lost = next(Path(shards[0], "units").glob("*.json"))
    lost.unlink()
    merged = merged_of(shards)
    assert len(list(merged.glob("units/*.json"))) == 5
    session = reopen(RunFolder(merged), None)
    assert [unit.key for unit in session.todo(session.asked)] == [lost.stem]
