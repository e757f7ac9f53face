"""`bench compare` and its kind on the command line: exit codes, and errors in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def runs(write_run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_run("one", {"ours": 0.0})
    write_run("two", {"ours": -0.05})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_condition_that_holds_is_exit_code_1(
    runs: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("compare", "one", "two", "--fail-if", "identity-similarity < -0.1") == 0
    assert call("compare", "one", "two", "--fail-if", "identity-similarity < -0.02") == 1
    out = capsys.readouterr().out
    assert "failed: ours: identity-similarity is -0.0500: identity-similarity < -0.02" in out
    assert Path("compare/one-two/compare.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one", "nowhere"], "nowhere is not a run"),
        (["one", "two", "--fail-if", "beauty < 0"], "share no metric 'beauty'"),
        (["one", "two", "--margin", "-1"], "--margin '-1' is not a number above 0"),
        (["one", "two", "--metrics", "paper"], "has no scores-paper.parquet yet"),
    ],
)
def test_bad_input_is_one_line(
    runs: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert call("compare", *arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not Path("compare").exists()


def test_a_damaged_table_is_one_line(runs: Path, call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy("one/run.json", "one/scores.parquet")
    assert call("compare", "one", "two") == 2
    assert "scores.parquet is damaged" in capsys.readouterr().err
