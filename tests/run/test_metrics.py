"""A user's metric, from its file to the report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.plugins.discovery import refresh

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
BRIGHTNESS = '''
from dataclasses import dataclass
from typing import ClassVar

from bench.plugins.metric import Column


@dataclass(frozen=True)
class Metric:
    """The mean of all pixels."""

    summary: ClassVar[str] = "how bright a picture is"
    source: ClassVar[str] = "a test"
    grain: ClassVar[str] = "picture"
    needs: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = (
        Column("brightness", "mean level", better="higher", range=(0.0, 1.0), source="a test"),
    )

    def score(self, batch):
        return [{"brightness": float(job.picture.mean()) / 255} for job in batch.jobs]
'''


def test_a_metric_is_one_file_and_scores_alone_what_is_there(
    bench: Callable[..., int], drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "metrics").mkdir()
    (drop_ins / "metrics" / "brightness.py").write_text(BRIGHTNESS)
    refresh()
    arguments = ("run", "--methods", "quick", "--dataset", DATASET, "--name", "r")
    assert bench(*arguments) == 0
    before = {file: file.stat().st_mtime_ns for file in Path("runs/r/scores").rglob("*.json")}
    assert bench(*arguments, "--metrics", "playroom,brightness") == 0
    after = {file: file.stat().st_mtime_ns for file in Path("runs/r/scores").rglob("*.json")}
    assert {file: after[file] for file in before} == before, "nothing is scored again"
    assert {file.parent.name.partition("-")[0] for file in after.keys() - before.keys()} == {"brightness"}

    table = pd.read_parquet("runs/r/scores.parquet")
    assert table["brightness"].between(0, 1).all()
    summary = pd.read_csv("runs/r/report/pareto/summary.csv")
    means = table.drop_duplicates("picture").groupby("scene")["brightness"].mean()
    assert summary["brightness"].tolist() == pytest.approx([means.mean()])
    assert "brightness" in Path("runs/r/report/pareto/pareto.html").read_text(encoding="utf-8")

    (drop_ins / "metrics" / "brightness.py").unlink()
    refresh()
    capsys.readouterr()
    assert bench("report", "runs/r") == 2
    assert "`bench run --name r --remove brightness` drops it" in capsys.readouterr().err
    assert bench(*arguments, "--remove", "brightness") == 2, "--methods is not for --remove"
    assert bench("run", "--name", "r", "--remove", "brightness") == 0
    assert bench("report", "runs/r") == 0
    assert "brightness" not in Path("runs/r/report/pareto/summary.csv").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"picture"', '"pixel"', "its class Metric names 'pixel', which is none of picture, concept, prompt"),
        ("needs: ClassVar[tuple[str, ...]] = ()", 'needs = ("dino",)', "none of segments, clip, identity, lpips"),
    ],
)
def test_a_broken_metric_is_one_line(
    old: str, new: str, message: str, bench: Callable[..., int], drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "brightness.py").write_text(BRIGHTNESS.replace(old, new))
    refresh()
    assert bench("run", "--methods", "quick", "--dataset", DATASET, "--metrics", "brightness") == 2
    assert message in capsys.readouterr().err


def test_a_misspelt_metric_leaves_nothing_behind(
    bench: Callable[..., int], drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "brightness.py").write_text(BRIGHTNESS)
    refresh()
    assert bench("run", "--metrics", "brightnes", "--name", "other") == 2
    assert "'brightnes'; did you mean brightness?" in capsys.readouterr().err
    assert not Path("runs/other").exists()


def test_a_metric_that_fails_is_one_line_with_its_place(
    bench: Callable[..., int], drop_ins: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "brightness.py").write_text(BRIGHTNESS.replace("/ 255", "/ 0"))
    refresh()
    capsys.readouterr()
    assert bench("score", "runs/r", "--metrics", "brightness") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench: ")]
    assert "brightness.py:21: the metric brightness failed: ZeroDivisionError: float division by zero" in line
