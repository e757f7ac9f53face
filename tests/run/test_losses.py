"""The losses of fits beside a run: what they look like, of which fits there are some, and that nothing needs them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from bench.plugins.discovery import refresh
from bench.run.folder import RunFolder
from bench.run.losses import LossLog, last_loss, write_losses

from .conftest import DATASET

Bench = Callable[..., int]
RUN = ("run", "--dataset", DATASET, "--name", "r", "--methods")
TELLING = '''
from bench.methods.quick import Method as Quick


class Method(Quick):
    """Logs losses of two phases, as numbers and as tensors; fails where there is a file `fail`."""

    def fit(self, scene, context):
        import torch
        from pathlib import Path

        for step in range(3):
            context.log_losses(1, {"total": 1 / (step + 1)})
        context.log_losses(2, {"total": torch.tensor(0.25), "attention": torch.tensor([0.125])})
        if Path("fail").exists() and scene.name.endswith(Path("fail").read_text()):
            raise RuntimeError("odd scene")
        return super().fit(scene, context)
'''
LOSSES = "phase,step,total,attention\n1,1,1,\n1,2,0.5,\n1,3,0.333333,\n2,1,0.25,0.125\n"


@pytest.fixture
def telling(drop_ins: Path) -> None:
    """The method of that name is known."""
    (drop_ins / "telling.py").write_text(TELLING)
    refresh()


def losses(run: str = "r") -> dict[str, str]:
    """The files of a run's losses."""
    return {file.stem: file.read_text() for file in Path(f"runs/{run}/losses").glob("*")}


def test_each_fit_has_its_losses_step_by_step(bench: Bench, telling: None) -> None:
    assert bench(*RUN, "quick,telling") == 0
    table = pd.read_parquet("runs/r/scores.parquet")
    assert losses() == dict.fromkeys(table[table["method"] == "telling"]["unit"].unique(), LOSSES)


def test_a_fit_that_fails_has_the_losses_before_it_did(bench: Bench, telling: None) -> None:
    Path("fail").write_text("")
    assert bench(*RUN, "quick,telling") == 1
    assert list(losses().values()) == [LOSSES] * 2


def test_a_run_of_a_version_without_losses_goes_on_without_them(
    bench: Bench, telling: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*RUN, "telling") == 0
    shutil.rmtree("runs/r/losses")
    assert bench("status", "runs/r") == 0
    assert bench(*RUN, "telling,quick") == 0
    assert not Path("runs/r/losses").exists(), "no finished fit is made again"
    assert bench("status", "runs/r") == 0
    assert "4 of 4" in capsys.readouterr().out.replace("\n", " ")


def test_a_merged_run_has_the_losses_of_all(bench: Bench, telling: None) -> None:
    for shard in ("1/2", "2/2"):
        assert bench(*RUN, "telling", "--shard", shard) == 0
    assert bench("merge", "runs/r-1-of-2", "runs/r-2-of-2", "--name", "r") == 0
    assert losses() == losses("r-1-of-2") | losses("r-2-of-2")
    assert list(losses().values()) == [LOSSES] * 2


def test_nothing_waits_for_a_device_while_losses_are_logged() -> None:
    """A tensor on `meta` has no value: reading one raises, as it does in the end."""
    log = LossLog()
    for _ in range(600):
        log.log(1, {"total": torch.zeros((), device="meta")})
    with pytest.raises((NotImplementedError, RuntimeError)):
        log.csv()


def test_what_was_begun_is_gone_on_from() -> None:
    begun = LossLog()
    begun.log(1, {"total": 0.5, "attention": torch.tensor(1 / 3)})
    ended = LossLog(begun.csv())
    ended.log(2, {"total": torch.tensor(float("nan")), "prior": float("inf")})
    assert ended.csv() == "phase,step,total,attention,prior\n1,1,0.5,0.333333,\n2,1,nan,,inf\n"
    assert ended.csv() == ended.csv()
    assert LossLog(begun.csv()).csv() == begun.csv()
    assert LossLog().csv() == ""


def test_many_steps_keep_their_order() -> None:
    log = LossLog()
    for step in range(600):
        log.log(1, {"total": torch.tensor(step, dtype=torch.float64)})
    lines = log.csv().splitlines()[1:]
    assert lines == [f"1,{step + 1},{step}" for step in range(600)]


def test_a_loss_cannot_have_the_name_of_a_column() -> None:
    with pytest.raises(ValueError, match="a loss cannot be called 'step'"):
        LossLog().log(1, {"step": 1.0})


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        (LOSSES, 0.25),
        ("phase,step,total\n" + "".join(f"1,{step},{step}\n" for step in range(1, 31)), 29.0),
        ("phase,step,attention\n1,1,0.5\n", None),
        ("", None),
    ],
)
def test_the_last_loss_is_the_mean_of_a_tenth(losses: str, expected: float | None, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    write_losses(folder, "u", losses)
    assert last_loss(folder, "u") == pytest.approx(float("nan") if expected is None else expected, nan_ok=True)
