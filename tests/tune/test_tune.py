"""`bench tune` and `bench run --tuned` as a user would call them, with a method whose optimum is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.core.files import write_json
from bench.plugins import discovery
from bench.plugins.backbone_settings import Budget
from bench.run.folder import TUNED, RunFolder
from bench.run.options import BackboneOptions, ExecutionOptions, RunOptions
from bench.run.select_methods import MethodSelection
from bench.run.settings import load_settings
from bench.run.worker_options import WorkerOptions
from bench.stats.intervals import SceneMean
from bench.tune.apply import with_tuned
from bench.tune.engine import TuningRun
from bench.tune.record import SCHEMA, TunedMethod, Tuning, read_trials, read_tuning

METHOD = '''
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from bench.api import Tunable


@dataclass(frozen=True)
class Method:
    """Shows the scene where the rate is 1; darker the further it is from that."""

    tunable: ClassVar[Tunable] = Tunable({"rate": (0.1, 10.0)}, ("steps",))
    rate: float = 4.0
    steps: int = 4

    def fit(self, scene, context):
        if self.rate > 9:
            raise RuntimeError("diverged")
        return {"rate": torch.tensor(self.rate)}

    def generate(self, state, scene, requests, context):
        shown = scene.picture * np.exp(-abs(np.log(float(state["rate"]))))
        yield from (shown.astype(np.uint8) for _ in requests)
'''
DATASET = "playroom[scenes=8,mix=1,0,0,formats=1,samples=1,pool=40,seed=7001]"
TUNE = ("tune", "--methods", "shown", "--dataset", DATASET, "--tuning-scenes", "4", "--trials", "4", "--kept", "2")
SAMPLER = ("--sampling-steps", "6", "--name", "t")


@pytest.fixture(autouse=True)
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The method `shown` is known, and the working folder is empty."""
    folder = tmp_path / "own" / "methods"
    folder.mkdir(parents=True)
    (folder / "shown.py").write_text(METHOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(discovery.ENVIRONMENT, str(tmp_path / "own"))
    discovery.refresh()
    yield
    monkeypatch.undo()
    discovery.refresh()


def test_tuning_finds_the_optimum_and_a_run_uses_it(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*TUNE, *SAMPLER) == 0, capsys.readouterr().err
    run = Path("runs/t")
    found = read_tuning(run).methods["shown"]
    trials = read_trials(run)
    assert 0.1 < found.values["rate"] < 4.0, "nearer to 1 than the default"
    assert set(trials["stage"]) >= {"first", "steps"}
    assert found.held_out.n == found.chosen_by.n == 4
    assert found.gain.value == pytest.approx(found.gain.value), "a number, not NaN"
    page = (run / "report" / "tuning" / "tuning.html").read_text()
    assert "rate (log scale)" in page
    assert found.verdict in page

    # the same command has nothing left to do
    before = sorted(path.name for path in (run / "pictures").iterdir())
    assert call(*TUNE, *SAMPLER) == 0
    assert sorted(path.name for path in (run / "pictures").iterdir()) == before

    # with another number of scenes it would be another tuning; another spelling of the method is the same trial
    assert call(*TUNE, *SAMPLER, "--tuning-scenes", "6") == 2
    assert "runs/t is a run of another kind, or a tuning that began with 3 or 4" in capsys.readouterr().err
    options = RunOptions(dataset=DATASET, backbone=BackboneOptions(backbone="playroom", sampling_steps=6), cohort=2)
    tuned = TuningRun(RunFolder(run), options, ExecutionOptions(batch_size=8, keep_weights=False), WorkerOptions())
    scenes = [scene.name for scene in tuned.session(("shown",)).dataset.scenes[:4]]
    own = tuned.scores(("shown", "shown[rate=4.0]"), scenes)["method"].value_counts()
    assert own["shown"] == own["shown[rate=4.0]"] > 0

    # a run on other scenes uses the optimum, and says so
    other = DATASET.replace("seed=7001", "seed=1").replace("scenes=8", "scenes=4")
    arguments = ("run", "--methods", "shown,real", "--dataset", other, "--sampling-steps", "6", "--tuned", "runs/t")
    assert call(*arguments, "--name", "r") == 0, capsys.readouterr().err
    settings = load_settings(RunFolder(Path("runs/r")))
    assert dict(settings.names) == {found.spec: "shown (tuned)"}
    assert found.spec in set(pd.read_parquet("runs/r/scores.parquet")["method"])
    assert len(settings.tuned) == 1

    # the scenes that chose the settings are refused, whole or in part, and so is another budget
    capsys.readouterr()
    same = DATASET.replace("scenes=8", "scenes=4")
    assert call("run", "--methods", "shown", "--dataset", same, "--tuned", "runs/t", "--name", "s") == 2
    assert "were tuned on" in capsys.readouterr().err
    assert not Path("runs/s/run.json").exists()
    assert call(*arguments, "--name", "q", "--budget", "quick") == 2
    assert "holds for another budget" in capsys.readouterr().err


def test_a_dry_run_says_how_many_fits_it_takes_and_writes_nothing(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*TUNE, *SAMPLER, "--dry-run") == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    # 4 settings on 2 scenes, 2 of them on 2 more, two numbers of steps on 4 scenes, two methods on 4 held-out ones
    assert "shown: 28 fits; rate from 0.1 to 10" in told
    assert "Up to 16 fits more" in told, "twice, two settings on four scenes"
    assert not Path("runs").exists()


def test_a_tuning_that_was_stopped_is_told_from_one_that_never_was(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(
        UserError, match="this run is no tuning, or one that is not finished: the same `bench tune` goes on"
    ):
        read_tuning(tmp_path)


def test_a_method_whose_optimum_is_its_own_settings_keeps_its_name(tmp_path: Path) -> None:
    mean = SceneMean.of(pd.Series([0.4, 0.5, 0.6, 0.7]))
    optima = {"shown": "shown[rate=4.0]", "ti-m": "ti-m[learning_rate=0.1]"}
    found = {method: TunedMethod(spec, {}, "interior", (), 3, mean, mean, mean, {}) for method, spec in optima.items()}
    tuning = Tuning("playroom", "f", "full", Budget(), "playroom", DATASET, "d" * 64, (), found)
    write_json(tmp_path / TUNED, asdict(tuning), SCHEMA)
    selection = with_tuned(MethodSelection(("shown", "ti-m"), ()), tmp_path)
    assert selection.methods == ("shown", "ti-m[learning_rate=0.1]")
    assert selection.names == (("ti-m[learning_rate=0.1]", "ti-m (tuned)"),)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("tune", "--methods", "base-model"), "none of the methods declares"),
        (("tune", "--methods", "Mine=shown"), "has no name of its own"),
        ((*TUNE[:-4], "--dataset", DATASET.replace("scenes=8", "scenes=5")), "an interval needs 4 of either"),
        (("tune", "--methods", "shown", "--tuning-scenes", "3"), "--tuning-scenes 3: an interval needs 4 scenes"),
        (("run", "--tuned", "nowhere"), "`bench tune` writes it"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    assert call(*arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("bench: ")
    assert told in last
    assert not list(Path("runs").glob("*/run.json"))
