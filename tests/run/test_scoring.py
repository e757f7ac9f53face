"""Scoring a run's pictures: what is kept, what is scored anew, and in which calls."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bench.core.errors import UserError
from bench.core.files import read_json, write_json
from bench.core.scenes import Concept, Prompt, Scene, handle
from bench.plugins.method import Request
from bench.plugins.metric import Column, PictureJob
from bench.plugins.spec import Configured
from bench.run import prefetch, scoring
from bench.run.folder import SCHEMA, RunFolder
from bench.run.plan import PlannedPicture, Unit
from bench.run.score_cache import kept_scores
from bench.run.scoring import (
    BATCH,
    CALL,
    ScoringTask,
    TableLayout,
    assemble,
    calls,
    drawn_units,
    lacking_metrics,
    score,
)

METRICS: Any = {"level-1": SimpleNamespace(spec="level"), "together-1": SimpleNamespace(spec="together")}
LAYOUT = TableLayout("tiny", "fake", (Column("level", "how bright"), Column("together", "how many")))
METHODS = ("ours", "ti-m")
PROMPTS = [(template, subset) for template in ("{tokens} at sea", "{tokens}") for subset in ((0,), (0, 1))]


@dataclass
class Judge:
    """Scores a picture by its mean and a prompt by how many samples came together; remembers its calls."""

    calls: list[list[PictureJob]] = field(default_factory=list)
    metrics: list[tuple[str, ...]] = field(default_factory=list)
    breaks_at: int | None = None
    on_call: Callable[[], None] = lambda: None

    def values(self, jobs: Sequence[PictureJob], metrics: Sequence[Configured]) -> dict[str, list[Any]]:
        if len(self.calls) == self.breaks_at:
            raise KeyboardInterrupt
        self.on_call()
        self.calls.append(list(jobs))
        self.metrics.append(tuple(metric.spec for metric in metrics))
        together = Counter((job.unit, job.prompt.template, job.prompt.subset) for job in jobs)
        values = {
            "level": [{"level": float(job.picture.mean())} for job in jobs],
            "together": [
                {"together": float(together[job.unit, job.prompt.template, job.prompt.subset])} for job in jobs
            ],
        }
        return {
            metric.spec: [
                (value,) * len(job.prompt.subset) for job, value in zip(jobs, values[metric.spec], strict=True)
            ]
            for metric in metrics
        }

    @property
    def pictures(self) -> int:
        return sum(map(len, self.calls))


def make_unit(scene: Scene, method: str) -> Unit:
    key = f"{method}-{scene.name}"
    pictures = [PlannedPicture(f"{key}-{k}", Request(prompt, k)) for k, prompt in enumerate(scene.prompts)]
    return Unit(key, SimpleNamespace(spec=method), scene, 0, 0, tuple(pictures))  # type: ignore[arg-type]


def make_scene(number: int, samples: int) -> Scene:
    concepts = tuple(Concept(label, np.ones((8, 8), bool), handle(k)) for k, label in enumerate(("cat", "bowl")))
    prompts = tuple(Prompt(*prompt, sample) for prompt in PROMPTS for sample in range(samples))
    return Scene(f"s{number}", np.zeros((8, 8, 3), np.uint8), concepts, prompts)


def paint(folder: RunFolder, key: str, level: int) -> None:
    folder.picture(key).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(folder.picture(key))


def record(folder: RunFolder, unit: Unit, costs: dict[str, float]) -> None:
    drawn = {"method": unit.method.spec, "pictures": [picture.key for picture in unit.pictures]}
    write_json(folder.unit_record(unit.key), drawn | costs, SCHEMA)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


@pytest.fixture
def units(folder: RunFolder) -> tuple[Unit, ...]:
    return drawn(folder)


def drawn(folder: RunFolder) -> tuple[Unit, ...]:
    """Two scenes, two methods, four prompts of three samples each: drawn, and not yet scored."""
    found = tuple(make_unit(make_scene(number, 3), method) for number in range(2) for method in METHODS)
    for level, picture in enumerate(picture for unit in found for picture in unit.pictures):
        paint(folder, picture.key, level)
    for unit in found:
        record(folder, unit, {"cost_fit_seconds": 2.5})
    return found


def run(folder: RunFolder, units: Sequence[Unit], judge: Judge) -> Judge:
    score(folder, METRICS, drawn_units(folder, units), judge)  # type: ignore[arg-type]
    return judge


def unscored(folder: RunFolder, units: Sequence[Unit], metrics: Any = METRICS) -> tuple[Unit, ...]:
    """The drawn units that lack a valid score of one of the metrics."""
    return tuple(unit for unit in drawn_units(folder, units) if lacking_metrics(folder, metrics, unit))


def test_the_rows_are_those_of_the_pictures_in_the_plans_order(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    """Each picture's level is its place in the plan, so its mean tells which picture a row was scored from."""
    run(folder, units, Judge())
    table = assemble(folder, METRICS, LAYOUT, units)
    expected = [
        (unit.key, picture.key, concept)
        for unit in units
        for picture in unit.pictures
        for concept in picture.request.prompt.subset
    ]
    assert list(table[["unit", "picture", "concept"]].itertuples(index=False, name=None)) == expected
    levels = table.drop_duplicates("picture")["level"]
    assert levels.tolist() == list(range(48))
    assert set(table["together"]) == {3.0}


def test_a_call_is_of_one_unit_and_no_prompt_is_divided(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    judge = run(folder, units, Judge())
    assert [len(call) for call in judge.calls] == [12, 12, 12, 12]
    assert [{job.unit for job in call} for call in judge.calls] == [{unit.key} for unit in units]


def test_a_unit_is_scored_in_the_same_calls_whatever_else_is_drawn(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    alone = [places(call) for unit in units for call in run(folder, [unit], Judge()).calls]
    with tempfile.TemporaryDirectory() as scratch:
        other = RunFolder(Path(scratch))
        assert alone == [places(call) for call in run(other, drawn(other), Judge()).calls]


def test_what_is_scored_is_not_scored_again(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    assert run(folder, units, Judge()).pictures == 48
    assert unscored(folder, units) == ()
    assert run(folder, units, Judge()).calls == []
    assert unscored(folder, units, {"level-2": METRICS["level-1"]}) == units


def test_a_changed_picture_is_scored_anew_in_the_call_that_it_was_scored_in(
    folder: RunFolder, units: tuple[Unit, ...]
) -> None:
    """No other picture's score changes by that."""
    first = run(folder, units, Judge())
    before = assemble(folder, METRICS, LAYOUT, units).set_index(["picture", "concept"])
    changed = units[2].pictures[4]
    paint(folder, changed.key, 200)
    assert unscored(folder, units) == (units[2],)
    (call,) = run(folder, units, Judge()).calls
    assert places(call) == places(first.calls[2])
    after = assemble(folder, METRICS, LAYOUT, units).set_index(["picture", "concept"])
    moved = after["level"] != before["level"]
    assert set(after[moved].index.get_level_values("picture")) == {changed.key}
    assert set(after[moved]["level"]) == {200.0}
    assert set(after["together"]) == {3.0}


def test_a_picture_that_changed_since_it_was_scored_is_not_in_the_table(
    folder: RunFolder, units: tuple[Unit, ...]
) -> None:
    """The table never shows a file beside another file's scores."""
    run(folder, units, Judge())
    paint(folder, units[0].pictures[0].key, 201)
    assert units[0].key not in set(assemble(folder, METRICS, LAYOUT, units)["unit"])


def test_scores_that_do_not_say_of_which_file_they_are_are_damaged(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    run(folder, units, Judge())
    path = folder.scores("together-1", units[1].key)
    pictures = read_json(path, SCHEMA)["pictures"]
    write_json(path, {"rows": {key: one["values"] for key, one in pictures.items()}}, SCHEMA)
    with pytest.raises(UserError, match="pictures: field required"):
        unscored(folder, units)


def test_scores_of_fewer_samples_do_not_count(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    run(folder, units, Judge())
    path = folder.scores("together-1", units[1].key)
    pictures = read_json(path, SCHEMA)["pictures"]
    pictures.popitem()
    write_json(path, {"pictures": pictures}, SCHEMA)
    assert kept_scores(folder, "together-1", units[1]) == {}


def test_a_stop_loses_no_unit_that_was_whole(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(folder, units, Judge(breaks_at=1))
    assert unscored(folder, units) == units[1:]
    assert run(folder, units, Judge()).pictures == 36
    assert len(assemble(folder, METRICS, LAYOUT, units)["unit"].unique()) == 4


def test_a_unit_that_is_not_drawn_is_left_out(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    folder.unit_record(units[0].key).unlink()
    folder.picture(units[1].pictures[0].key).unlink()
    assert unscored(folder, units) == units[2:]
    run(folder, units, Judge())
    assert set(assemble(folder, METRICS, LAYOUT, units)["unit"]) == {unit.key for unit in units[2:]}


def test_a_broken_picture_is_named_in_one_line(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    path = folder.picture(units[0].pictures[5].key)
    path.write_bytes(path.read_bytes()[:45])
    with pytest.raises(UserError, match=f"{path.name} cannot be read"):
        run(folder, units, Judge())


def test_no_more_pictures_are_read_ahead_than_the_bound(
    folder: RunFolder, units: tuple[Unit, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a call is scored, its own pictures and at most the bound's have been read."""
    read: list[str] = []
    original = scoring._open
    monkeypatch.setattr(scoring, "AHEAD", 5)
    monkeypatch.setattr(prefetch, "WORKERS", 2)

    def counted(*arguments: Any) -> Any:
        read.append("one")
        return original(*arguments)

    monkeypatch.setattr(scoring, "_open", counted)
    judge = Judge()
    seen: list[tuple[int, int]] = []
    judge.on_call = lambda: seen.append((len(read), judge.pictures))
    run(folder, units, judge)
    assert len(seen) == 4
    assert all(read_so_far <= before + 12 + 5 for read_so_far, before in seen)


def test_the_costs_of_the_record_and_of_the_picture_are_in_the_table(
    folder: RunFolder, units: tuple[Unit, ...]
) -> None:
    run(folder, units, Judge())
    whole = {"cost_fit_seconds": 9.0, "cost_peak_memory_bytes": 1e9, "cost_disk_bytes": 77, "cost_energy_joules": 5.0}
    record(folder, units[0], whole)
    table = assemble(folder, METRICS, LAYOUT, units).groupby("unit", sort=False).first()
    assert table.loc[units[0].key, list(whole)].tolist() == list(whole.values())
    old = table.loc[units[1].key]
    assert old["cost_fit_seconds"] == 2.5
    assert all(math.isnan(old[name]) for name in whole if name != "cost_fit_seconds")


@given(st.lists(st.integers(1, 40), max_size=60))
def test_calls_are_whole_prompts_in_order_and_as_small_as_fills_batches(sizes: list[int]) -> None:
    tasks = [ScoringTask(None, (None,) * size, ("level-1",)) for size in sizes]  # type: ignore[arg-type]
    made = list(calls(tasks))
    assert [task for call in made for task in call] == tasks
    for call in made[:-1]:
        pictures = list(partial_sums(len(task.samples) for task in call))
        assert pictures[-1] % BATCH == 0 or pictures[-1] >= CALL
        assert all(count % BATCH and count < CALL for count in pictures[:-1])


def partial_sums(numbers: Iterator[int]) -> Iterator[int]:
    total = 0
    for number in numbers:
        total += number
        yield total


def test_a_metric_that_is_added_is_scored_alone(folder: RunFolder, units: tuple[Unit, ...]) -> None:
    only: Any = {"level-1": METRICS["level-1"]}
    score(folder, only, drawn_units(folder, units), Judge())  # type: ignore[arg-type]
    judge = run(folder, units, Judge())
    assert judge.metrics == [("together",)] * len(judge.calls)
    assert judge.pictures == 48
    assert set(assemble(folder, METRICS, LAYOUT, units)["together"]) == {3.0}


def test_a_call_is_scored_by_the_metrics_that_one_of_its_pictures_lacks(
    folder: RunFolder, units: tuple[Unit, ...]
) -> None:
    """The last two units were scored by one of the metrics before."""
    only: Any = {"level-1": METRICS["level-1"]}
    score(folder, only, units[2:], Judge())  # type: ignore[arg-type]
    assert run(folder, units, Judge()).metrics == [("level", "together")] * 2 + [("together",)] * 2


@given(st.sets(st.tuples(st.integers(0, 3), st.sampled_from(list(METRICS)))))
def test_a_start_that_was_interrupted_anywhere_changes_no_call(lost: set[tuple[int, str]]) -> None:
    """By rounding a score depends on the pictures of its call."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch))
        units = drawn(folder)
        unbroken = [places(call) for call in run(folder, units, Judge()).calls]
        before = assemble(folder, METRICS, LAYOUT, units)
        for number, metric in lost:
            folder.scores(metric, units[number].key).unlink()
        again = [places(call) for call in run(folder, units, Judge()).calls]
        assert again == [
            call for call in unbroken if {units[number].key for number, _ in lost} & {one[0] for one in call}
        ]
        assert assemble(folder, METRICS, LAYOUT, units).equals(before)


def places(call: Sequence[PictureJob]) -> list[tuple[str, Prompt]]:
    """Of which units and prompts a call's pictures are."""
    return [(job.unit, job.prompt) for job in call]
