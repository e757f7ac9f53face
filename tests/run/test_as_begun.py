"""A later start: what it leaves out stays as the run began, what differs is refused before anything is built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.data import build
from bench.plugins.discovery import ENVIRONMENT, refresh
from bench.run.as_begun import as_begun
from bench.run.folder import RunFolder
from bench.run.options import BackboneOptions, RunOptions
from bench.run.settings import Settings

Bench = Callable[..., int]
BEGUN = Settings(
    "data/mine", "0", "sd21", "r1", "f", "bf16", "quick", 5, 3.0, 7, "paper", ("quick",),
    metrics=("pose",), templates=("{tokens} here",), threads=2, cohort=3,
)  # fmt: skip
LEFT_OUT = RunOptions(dataset="playroom:quick", backbone=BackboneOptions(backbone="playroom"))


def begun(options: RunOptions, *given: str) -> RunOptions:
    return as_begun(options, given, RunFolder(Path("runs/mine")), BEGUN)


def test_all_that_is_left_out_is_as_the_run_began() -> None:
    on_backbone = BackboneOptions(
        backbone="sd21", revision="r1", precision="bf16", budget="quick", sampling_steps=5, guidance=3.0, seed=7
    )
    assert begun(LEFT_OUT) == RunOptions(
        dataset="data/mine",
        backbone=on_backbone,
        metrics="paper",
        templates=("{tokens} here",),
        threads=2,
        cohort=3,
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sampling_steps", 20, "with --sampling-steps 5, now it is 20: leave --sampling-steps out to go on"),
        ("seed", 0, "with --seed 7, now it is 0"),
        ("backbone", "playroom", "with --backbone sd21, now it is playroom"),
        ("precision", "fp32", "with --precision bf16, now it is fp32"),
    ],
)
def test_what_is_given_and_differs_is_refused_even_if_it_is_a_default(name: str, value: object, message: str) -> None:
    asked = RunOptions(dataset="x", backbone=BackboneOptions(**{"backbone": "sd21", name: value}))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        begun(asked, name)


def test_another_dataset_and_another_preset_are_refused_and_other_metrics_are_added() -> None:
    with pytest.raises(UserError, match="with --dataset data/mine, now it is playroom:quick"):
        begun(LEFT_OUT, "dataset")
    with pytest.raises(UserError, match="`bench score runs/mine --metrics playroom`"):
        begun(RunOptions(dataset="x", backbone=LEFT_OUT.backbone, metrics="playroom"), "metrics")
    assert begun(RunOptions(dataset="x", backbone=LEFT_OUT.backbone, metrics="light-direction")).metrics == (
        "paper,light-direction"
    )


def test_a_precision_left_to_the_machine_is_compared_when_it_is_known() -> None:
    assert begun(LEFT_OUT, "precision").backbone.precision == "auto"


def test_a_run_goes_on_by_its_name_alone(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = json.loads((finished / "run.json").read_text())
    assert bench("run", "--name", "r", "--dry-run") == 0
    assert capsys.readouterr().out.startswith("runs/r: quick; 2 units, 2 done")
    assert bench("run", "--name", "r") == 0
    assert json.loads((finished / "run.json").read_text()) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (("--sampling-steps", "7"), "now it is 7: leave --sampling-steps out"),
        (("--methods", "quik"), "did you mean quick?"),
        (("--metrics", "nothing"), "nothing"),
        (("--report", "nothing"), "nothing"),
        (("--device", "tpu9"), "tpu9"),
    ],
)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_a_refusal_builds_nothing(
    wrong: tuple[str, ...],
    message: str,
    dry: tuple[str, ...],
    bench: Bench,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def built(*_: object) -> None:
        raise AssertionError("built")

    monkeypatch.setattr(build, "build_dataset", built)
    (finished / "dataset" / "manifest.json").unlink()
    assert bench("run", "--name", "r", *wrong, *dry) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "step"),
    [
        (("run", "--name", "r", "--dry-run"), "add `--path mine`, or take another --name"),
        (("run", "--name", "r", "--methods", "real"), "add `--path mine`, or take another --name"),
        (("report", "runs/r"), "add `--path mine`"),
        (("score", "runs/r"), "add `--path mine`"),
    ],
)
def test_a_run_with_drop_ins_of_a_folder_names_the_folder(
    command: tuple[str, ...],
    step: str,
    bench: Bench,
    finished: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(ENVIRONMENT)
    refresh()
    assert bench(*command) == 2
    assert capsys.readouterr().err == f"bench: runs/r was started with quick from --path mine: {step}\n"


def test_ones_own_mistake_is_told_before_the_runs_drop_ins(
    bench: Bench, finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ENVIRONMENT)
    refresh()
    assert bench("run", "--name", "r", "--dataset", "elsewhere", "--methods", "real", "--dry-run") == 2
    assert "now it is elsewhere" in capsys.readouterr().err


def test_a_builder_that_needs_a_folder_says_how_a_run_names_it(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--dataset", "folder", "--methods", "real", "--dry-run") == 2
    assert '--dataset "folder[folder=DIR]"' in capsys.readouterr().err
