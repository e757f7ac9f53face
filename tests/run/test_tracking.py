"""A run that is logged to a tracker: what the tracker is told, in order, and that it cannot break the run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from bench.run import trackers

from .conftest import DATASET

Bench = Callable[..., int]
RUN = ("run", "--dataset", DATASET, "--name", "r", "--methods", "quick,Dark=quick[shade=0.5]")
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray (the extra `ray`) is not installed")


class Fake(ModuleType):
    """A tracker's module that keeps what it is told; it fails at the call of a number, from 0, and from then on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)
        self.told: list[tuple[str, Any]] = []
        self.fails_from = 10**6

    def _tell(self, what: str, value: Any) -> None:
        print(f"{self.__name__} says {what}")
        if len(self.told) >= self.fails_from:
            raise ConnectionError("no route to the tracker\nat all")
        self.told.append((what, value))

    def init(self, **settings: Any) -> Fake:
        self._tell("init", settings)
        return self

    def log(self, values: dict[str, Any], step: int) -> None:
        self._tell("log", (step, values))

    def finish(self) -> None:
        self._tell("finish", None)

    def set_experiment(self, name: str) -> None:
        self._tell("experiment", name)

    def start_run(self, run_name: str) -> None:
        self._tell("run", run_name)

    def log_params(self, parameters: dict[str, str]) -> None:
        self._tell("parameters", parameters)

    def log_metrics(self, numbers: dict[str, float], step: int) -> None:
        self._tell("metrics", (step, numbers))

    def log_dict(self, content: dict[str, Any], file: str) -> None:
        self._tell("file", (file, content))

    def end_run(self) -> None:
        self._tell("finish", None)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Fake]:
    """Puts a fake in the place of a tracker's package."""

    def put(name: str) -> Fake:
        module = Fake(name)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return put


def fit_seconds(method: str) -> list[float]:
    table = pd.read_parquet("runs/r/scores.parquet").drop_duplicates("unit")
    return sorted(table.loc[table["method"] == method, "cost_fit_seconds"])


def test_a_tracker_is_told_settings_units_and_means(
    bench: Bench, fake: Callable[[str], Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    module = fake("wandb")
    assert bench(*RUN, "--track", "wandb") == 0
    (begun, started), *units, (_, (last, means)), (ended, _) = module.told
    assert (begun, started["project"], started["name"]) == ("init", "scenebench", "r")
    config = started["config"]
    assert config["methods"] == {"quick": {"shade": 1.0}, "Dark": {"shade": 0.5}}
    assert (config["dataset"], config["seed"], config["preset"]) == (DATASET, 0, "playroom")
    assert "starts" not in config
    assert [step for _, (step, _) in units] == [1, 2, 3, 4]
    told = [values for _, (_, values) in units]
    assert [one["units"] for one in told] == [1, 2, 3, 4]
    assert len({(one["method"], one["scene"]) for one in told}) == 4
    dark = sorted(one["fit_seconds/Dark"] for one in told if one["method"] == "Dark")
    assert dark == pytest.approx(fit_seconds("quick[shade=0.5]"))
    table = pd.read_parquet("runs/r/scores.parquet")
    expected = table[table["method"] == "quick"].drop_duplicates("picture").groupby("scene")["prompt_similarity"].mean()
    assert (last, means["prompt-similarity/quick"]) == (5, pytest.approx(expected.mean()))
    assert "prompt-similarity/Dark" in means
    assert ended == "finish"
    assert "wandb says" not in capsys.readouterr().out, "standard output has the report's files alone"


def test_mlflow_is_told_the_same_in_its_own_words(bench: Bench, fake: Callable[[str], Fake]) -> None:
    module = fake("mlflow")
    assert bench(*RUN, "--track", "mlflow") == 0
    assert module.told[:2] == [("experiment", "scenebench"), ("run", "r")]
    parameters = module.told[2][1]
    assert parameters["methods/Dark/shade"] == "0.5"
    assert [what for what, _ in module.told[3:]] == ["metrics", "file"] * 4 + ["metrics", "finish"]
    file, content = module.told[4][1]
    assert file == "units/00001.json"
    assert content.keys() == {"method", "scene", "units", f"fit_seconds/{content['method']}"}
    assert "prompt-similarity/quick" in module.told[-2][1][1]


def test_mlflow_gets_names_and_numbers_that_it_takes() -> None:
    module = Fake("mlflow")
    tracker = trackers.MlflowTracker(module, "r", {"methods": {"m[a=1]": {f"f{i}": "x" * 900 for i in range(250)}}})
    batches = [value for what, value in module.told if what == "parameters"]
    assert [len(batch) for batch in batches] == [100, 100, 50]
    assert batches[0]["methods/m_a_1_/f0"] == "x" * 500
    tracker.log({"prompt/m[a=1]": 0.5}, {}, 3)
    assert module.told[-1] == ("metrics", (3, {"prompt/m_a_1_": 0.5}))


@pytest.mark.parametrize("fails_from", [0, 1, 2])
def test_a_tracker_that_fails_is_said_once_and_left(
    fails_from: int, bench: Bench, finished: Path, fake: Callable[[str], Fake], capsys: pytest.CaptureFixture[str]
) -> None:
    module = fake("trackio")
    module.fails_from = fails_from
    assert bench("run", "--name", "r", "--track", "trackio") == 0
    error = capsys.readouterr().err
    assert error.count("--track trackio failed and is left: ") == 1
    assert error.count("the run goes on without it") == 1
    assert len(module.told) == fails_from
    assert (finished / "report" / "pareto" / "pareto.html").is_file()


def test_a_start_that_has_nothing_to_do_tells_the_means(
    bench: Bench, finished: Path, fake: Callable[[str], Fake]
) -> None:
    module = fake("wandb")
    assert bench("run", "--name", "r", "--track", "wandb") == 0
    assert [what for what, _ in module.told] == ["init", "log", "finish"]
    assert "prompt-similarity/quick" in module.told[1][1][1]


@needs_ray
def test_the_driver_tells_what_its_workers_do(bench: Bench, fake: Callable[[str], Fake]) -> None:
    module = fake("trackio")
    assert bench(*RUN, "--track", "trackio", "--workers", "1", "--scenes", "1") == 0
    units = [values for what, (_, values) in module.told[1:-2] if what == "log"]
    assert {one["method"] for one in units} == {"quick", "Dark"}
    assert all(one[f"fit_seconds/{one['method']}"] > 0 for one in units)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nothing", "--track nothing is not known; known: trackio, wandb, mlflow"),
        ("wandb", "--track wandb needs the extra `wandb`: pip install 'scenebench[wandb]'"),
    ],
)
def test_a_tracker_that_is_not_there_is_one_line_and_leaves_nothing(
    name: str, told: str, bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda _name: None)
    assert bench(*RUN, "--track", name) == 2
    assert capsys.readouterr().err == f"bench: {told}\n"
    assert not Path("runs").exists()
