"""Fits that are begun together: blocks of the dataset, whatever a start asks for, and what fails or is interrupted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from bench.core.scenes import Dataset, Scene
from bench.plugins.backbone import Backbone
from bench.plugins.discovery import refresh
from bench.plugins.spec import configure
from bench.run.execute import execute, is_done
from bench.run.failures import failure_file
from bench.run.fitting import ExecutionContext, forget_begun
from bench.run.folder import RunFolder
from bench.run.plan import Conditions, Unit, cohort_of, make_plan
from bench.run.settings import Settings

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
RUN = ("run", "--dataset", DATASET, "--name", "r", "--methods", "pooled")
CONDITIONS = Conditions("sha256:abc", "fp32", {"steps": 1.0}, 20, 4.0, seed=0, cohort=2)
POOLED_METHOD = '''
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


@dataclass(frozen=True)
class Method:
    """Learns the scene's mean colour, and how many scenes were begun with it; says what it does in a file."""

    fits_together = True

    def fit(self, scene, context):
        note("alone", [scene])
        context.on_step(2, 2)
        return {"mean": torch.tensor(scene.picture.mean()), "begun": torch.tensor(1)}

    def begin_fits(self, scenes, contexts):
        note("together", scenes)
        if Path("stop").exists():
            raise KeyboardInterrupt
        if Path("broken").exists():
            raise RuntimeError("no memory")
        time.sleep(0.3)
        for context in contexts:
            context.on_step(1, 2)
        begun = {"mean": torch.tensor(0.0), "begun": torch.tensor(len(scenes))}
        odd = RuntimeError("odd scene") if Path("odd").exists() else begun
        return [odd if scene.name == "s1" else begun for scene in scenes]

    def end_fit(self, begun, scene, context):
        note("end", [scene])
        if Path("end").exists() and scene.name == "s2":
            raise RuntimeError("odd end")
        context.on_step(2, 2)
        return {**begun, "mean": torch.tensor(scene.picture.mean())}

    def generate(self, state, scene, requests, context):
        for request in requests:
            yield np.full(scene.picture.shape, int(state["mean"]), np.uint8)


def note(what, scenes):
    with open("log", "a") as log:
        log.write(f"{what} {len(scenes)}\\n")
'''


def units(scene: Scene, count: int, method: str, conditions: Conditions = CONDITIONS) -> tuple[Unit, ...]:
    scenes = tuple(replace(scene, name=f"s{index}", picture=scene.picture + index) for index in range(count))
    return make_plan(Dataset("d", scenes), [configure("methods", method)], conditions)


def test_cohorts_are_fixed_blocks_of_the_datasets_scenes(scene: Scene) -> None:
    plan = units(scene, 5, "ti-m")
    assert [unit.cohort for unit in plan] == [("s0", "s1")] * 2 + [("s2", "s3")] * 2 + [()]
    assert cohort_of(plan[3], plan) == plan[2:4]


@pytest.mark.parametrize(
    ("method", "together"),
    [
        ("ti-m", True),
        ("ti", True),
        ("ours", True),
        ("ours:code", True),
        ("ours:no-phase-1", False),
        ("db-m", False),
        ("cd-m", False),
        ("clic", False),
        ("real", False),
    ],
)
def test_the_size_is_in_the_key_where_fits_are_begun_together(scene: Scene, method: str, together: bool) -> None:
    alone = [unit.key for unit in units(scene, 3, method, replace(CONDITIONS, cohort=1))]
    pairs = [unit.key for unit in units(scene, 3, method)]
    threes = [unit.key for unit in units(scene, 3, method, replace(CONDITIONS, cohort=8))]
    assert [one != other for one, other in zip(alone, pairs, strict=True)] == [together, together, False]
    assert [one != other for one, other in zip(pairs, threes, strict=True)] == [together] * 3


def test_the_key_does_not_know_the_partners(scene: Scene) -> None:
    scenes = [replace(scene, name=name, picture=scene.picture + index) for index, name in enumerate("abc")]
    method = [configure("methods", "ti-m")]
    one = make_plan(Dataset("d", (scenes[0], scenes[1])), method, CONDITIONS)
    other = make_plan(Dataset("d", (scenes[2], scenes[0])), method, CONDITIONS)
    assert one[0].key == other[1].key


class Rack:
    """Works on a plan of five scenes as a run does, with a method that begins fits together."""

    def __init__(self, scene: Scene, backbone: Backbone, cohort: int) -> None:
        self.plan = units(scene, 5, "pooled", replace(CONDITIONS, cohort=cohort))
        self.folder = RunFolder(Path("r"))
        self._context = ExecutionContext(self.folder, backbone, "full", batch_size=8, keep_weights=True)

    def work(self, count: int = 5, first: int = 0) -> list[str]:
        """Execute what is missing of some units; returns what the method did meanwhile."""
        todo = [unit for unit in self.plan[first : first + count] if not is_done(self.folder, unit)]
        try:
            self.failed = execute(self._context, todo, self.plan)
        finally:
            path = Path("log")
            self.did = path.read_text().splitlines() if path.exists() else []
            path.unlink(missing_ok=True)
        return self.did

    def failures(self) -> list[str]:
        """The tracebacks of units that failed."""
        paths = [failure_file(self.folder, unit) for unit in self.plan]
        return [path.read_text() for path in paths if path.is_file()]


@pytest.fixture
def rack(
    drop_ins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scene: Scene, backbone: Backbone
) -> Callable[[int], Rack]:
    """Makes a rack of cohorts of a size, in an empty folder."""
    (drop_ins / "pooled.py").write_text(POOLED_METHOD)
    refresh()
    monkeypatch.chdir(tmp_path)
    return lambda cohort: Rack(scene, backbone, cohort)


def test_a_cohort_is_begun_once_and_its_cost_is_shared(rack: Callable[[int], Rack]) -> None:
    run = rack(3)
    assert run.work() == ["together 3", "end 1", "end 1", "end 1", "together 2", "end 1", "end 1"]
    seconds = [json.loads(run.folder.unit_record(unit.key).read_text())["cost_fit_seconds"] for unit in run.plan]
    assert all(one >= 0.1 for one in seconds[:3])
    assert all(one >= 0.15 for one in seconds[3:])
    assert 0.6 <= sum(seconds) < 1.2, "not the whole for each, which would be 1.5"
    assert run.work() == []


def test_what_is_asked_for_changes_no_result(rack: Callable[[int], Rack]) -> None:
    run = rack(3)
    assert run.work(1, first=1) == ["together 3", "end 1"]
    assert run.work(2) == ["end 1"], "what was begun is kept for what a later start asks for"
    assert run.work() == ["end 1", "together 2", "end 1", "end 1"]
    assert list((run.folder.path / "begun").iterdir()) == []
    sizes = [int(load_file(run.folder.fit(unit.key))["begun"]) for unit in run.plan]
    assert sizes == [3, 3, 3, 2, 2]


def test_a_size_of_one_makes_each_alone(rack: Callable[[int], Rack]) -> None:
    assert rack(1).work() == ["alone 1"] * 5


def test_a_fit_that_is_there_is_not_made_again(rack: Callable[[int], Rack]) -> None:
    run = rack(5)
    run.work()
    run.folder.unit_record(run.plan[0].key).unlink()
    assert run.work() == []
    assert is_done(run.folder, run.plan[0])


def test_a_scene_that_fails_fails_alone(rack: Callable[[int], Rack]) -> None:
    for name in ("odd", "end"):
        Path(name).touch()
    run = rack(5)
    assert run.work() == ["together 5", *["end 1"] * 4]
    assert run.failed == 2
    failures = run.failures()
    assert ["odd scene" in one for one in failures] == [True, False]
    assert ["odd end" in one for one in failures] == [False, True]
    for name in ("odd", "end"):
        Path(name).unlink()
    assert run.work() == ["together 5", "end 1", "end 1"], "only what failed is made again"
    assert list((run.folder.path / "begun").iterdir()) == []


def test_what_fails_for_all_is_tried_once_and_told_for_each(rack: Callable[[int], Rack]) -> None:
    Path("broken").touch()
    run = rack(3)
    assert run.work(3) == ["together 3"]
    assert len(run.failures()) == run.failed == 3
    assert all("no memory" in failure for failure in run.failures())


def test_an_interrupted_cohort_is_begun_again(rack: Callable[[int], Rack]) -> None:
    Path("stop").touch()
    run = rack(5)
    with pytest.raises(KeyboardInterrupt):
        run.work()
    assert run.did == ["together 5"]
    Path("stop").unlink()
    assert run.work() == ["together 5", *["end 1"] * 5]


def test_what_a_killed_start_left_of_done_units_goes(rack: Callable[[int], Rack]) -> None:
    run = rack(3)
    run.work()
    done, other = run.folder.begun(run.plan[0].key), run.folder.begun("other")
    for path in (done, other):
        path.touch()
    forget_begun(run.folder, run.plan)
    assert list(done.parent.iterdir()) == [other]


def test_states_that_are_missing_are_one_line(rack: Callable[[int], Rack], drop_ins: Path) -> None:
    (drop_ins / "pooled.py").write_text(POOLED_METHOD.replace("for scene in scenes]", "for scene in scenes[1:]]"))
    refresh()
    run = rack(5)
    run.work(1)
    assert "must return a state for each scene" in run.failures()[0]


def test_a_run_keeps_its_size(bench: Callable[..., int], drop_ins: Path) -> None:
    """Eight by default, in `run.json`; a later start need not name it, and cannot change it."""
    (drop_ins / "pooled.py").write_text(POOLED_METHOD)
    refresh()
    assert bench(*RUN, "--cohort", "2") == 0
    assert Path("log").read_text().splitlines() == ["together 2", "end 1", "end 1"]
    assert json.loads(Path("runs/r/run.json").read_text())["cohort"] == 2
    assert bench(*RUN, "--dry-run") == 0
    assert bench(*RUN, "--cohort", "1", "--dry-run") == 2
    assert bench(*RUN[:-1], "quick", "--dry-run", "--name", "new", "--cohort", "0") == 2


def test_a_run_of_an_earlier_version_began_each_alone() -> None:
    settings = Settings("d", "0", "b", None, "f", "fp32", "full", 1, 1.0, 0, "p", ("quick",))
    assert settings.cohort == 1
