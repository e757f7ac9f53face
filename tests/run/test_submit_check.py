"""`bench submit-check`: what can be told of anybody's run from its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.reporting.runs.recorded import RecordedRun, open_recorded
from bench.reporting.runs.submit_check import Pinned, check_dataset, check_preset, check_whole, failed
from bench.run.folder import RunFolder
from bench.scoring.presets import SCORING_VERSION

Bench = Callable[..., int]


def whole(run: RecordedRun) -> dict[str, str]:
    assert run.manifest is not None
    return {one.asked: one.verdict for one in check_whole(run, run.manifest)}


def edit(run: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change the table of a run."""
    file = run / "scores.parquet"
    change(pd.read_parquet(file)).to_parquet(file, index=False)


def test_an_honest_run_passes_and_does_not_change(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()}
    assert bench("submit-check", "runs/r", "--sample", "all", "--refit", "2", "--device", "cpu") == 0
    told = capsys.readouterr().out
    assert "failed" not in told
    assert "passed: the dataset is whole and unchanged" in told
    assert "0 of them differ by more than 0.001" in told
    assert "passed: units fitted again give an equivalent result (2 units (quick on " in told
    page = Path("submit-check/r/submit-check.html").read_text(encoding="utf-8")
    assert "No check failed." in page
    assert "Who made it, and how often they tried, is not claimed." in page
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*") if path.is_file()} == before


def test_an_edited_score_is_found(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(finished, lambda table: table.assign(prompt_similarity=table["prompt_similarity"] + 0.01))
    assert bench("submit-check", "runs/r", "--sample", "2", "--device", "cpu") == 1
    told = capsys.readouterr().out
    assert "failed: the scores follow from the pictures" in told
    assert "the largest difference is 0.01)" in told
    page = Path("submit-check/r/submit-check.html").read_text(encoding="utf-8")
    assert "Values that do not follow from the pictures" in page


def test_scores_of_another_version_of_the_scoring_are_found(finished: Path, tmp_path: Path) -> None:
    run, scratch = open_recorded(finished), RunFolder(tmp_path / "scratch")
    assert check_preset(run, Pinned(), scratch).verdict == "passed"
    assert check_preset(replace(run, scoring_version=None), Pinned(), scratch).found.endswith("scoring not recorded")
    other = check_preset(replace(run, scoring_version=SCORING_VERSION + 1), Pinned(), scratch)
    assert other.verdict == "failed"
    assert other.found.startswith(
        f"version {SCORING_VERSION + 1} of the scoring, here is {SCORING_VERSION}; bench score"
    )


def test_missing_rows_and_pictures_are_found(finished: Path) -> None:
    run = open_recorded(finished)
    assert set(whole(run).values()) == {"passed"}
    (finished / str(run.table["file"].iloc[0])).unlink()
    assert whole(run)["the pictures are there"] == "failed"
    edit(finished, lambda table: table.iloc[1:])
    lacking = open_recorded(finished)
    assert whole(lacking)["quick is whole"] == "failed"


def test_pins_are_compared(finished: Path) -> None:
    run = open_recorded(finished)
    assert check_dataset(run, Pinned(dataset=run.settings.dataset_hash[:12])).verdict == "passed"
    assert check_dataset(run, Pinned(dataset="0" * 12)).verdict == "failed"


def test_an_edited_dataset_is_found(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = next((finished / "dataset" / "scenes").glob("*/img.png"))
    other = next(path for path in (finished / "pictures").glob("*.png"))
    picture.write_bytes(other.read_bytes())
    assert bench("submit-check", "runs/r", "--device", "cpu") == 1
    told = capsys.readouterr().out
    assert "failed: the dataset is whole and unchanged" in told
    assert "not checked: the scores follow from the pictures" in told
    assert failed([]) == []


@pytest.mark.parametrize(("option", "value"), [("--sample", "0"), ("--sample", "some"), ("--margin", "0")])
def test_options_are_checked(
    bench: Bench, finished: Path, option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("submit-check", "runs/r", option, value) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
