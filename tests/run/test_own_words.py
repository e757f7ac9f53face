"""`bench run --templates`: one's own prompts in a run, recorded by what they say, and asked for again."""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench.plugins.discovery import refresh

DATASET = "playroom:quick[scenes=1]"
RUN = ("run", "--dataset", DATASET, "--name", "r", "--methods", "quick")
WORDS = ("a photo of {tokens} on the 'moon'", "{tokens} in a café & bar")
Bench = Callable[..., int]


@pytest.fixture
def started(bench: Bench) -> Path:
    """A finished run with own templates, whose file is gone."""
    Path("words.txt").write_text("# mine\n\n" + "\n".join(WORDS) + "\n", encoding="utf-8")
    assert bench(*RUN, "--templates", "words.txt") == 0
    Path("words.txt").unlink()
    return Path("runs/r")


def error(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench: ")]
    return line


def test_a_run_draws_own_words_and_records_what_they_say(started: Path) -> None:
    assert tuple(dict.fromkeys(pd.read_parquet(started / "scores.parquet")["template"])) == WORDS
    assert json.loads((started / "run.json").read_text())["templates"] == list(WORDS)
    assert json.loads((started / "dataset" / "manifest.json").read_text())["identity"]["options"]["templates"]
    told = [file.read_text(errors="replace") for file in started.rglob("*") if file.suffix in (".json", ".html")]
    assert not any("words.txt" in text for text in told)


def test_a_later_start_needs_the_same_words(bench: Bench, started: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (started / "run.json").read_bytes()
    assert bench(*RUN, "--templates", "\n".join(WORDS)) == 0
    capsys.readouterr()
    for dry in ((), ("--dry-run",)):
        assert bench(*RUN, *dry) == 0, "left out: as the run began"
        capsys.readouterr()
        assert bench(*RUN, "--templates", "{tokens} elsewhere", *dry) == 2
        assert "was built with other templates than these" in error(capsys)
    assert (started / "run.json").read_bytes() == before
    assert bench("report", "runs/r") == 0


def test_the_pages_command_holds_the_words(bench: Bench, started: Path) -> None:
    page = (started / "report" / "pareto" / "pareto.html").read_text(encoding="utf-8")
    words = shlex.split(html.unescape(page.partition("<pre>bench ")[2].partition("</pre>")[0]))
    first = pd.read_parquet(started / "scores.parquet")
    Path("runs").rename("before")
    assert bench(*words) == 0
    assert first["picture"].tolist() == pd.read_parquet("runs/r/scores.parquet")["picture"].tolist()


def test_a_run_without_own_words_is_no_place_for_them(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = json.loads((finished / "run.json").read_text())["dataset"]
    run = ("run", "--dataset", dataset, "--name", "r", "--methods", "quick")
    assert bench(*run, "--templates", "{tokens} here") == 2
    assert "was built with the builder's own templates; give the same, or this run another --name" in error(capsys)


def test_bad_words_leave_nothing_behind(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    Path("words.txt").write_text("a cat\n")
    assert bench(*RUN, "--templates", "words.txt") == 2
    assert "words.txt, line 1: 'a cat' has {tokens} 0 times" in error(capsys)
    assert bench(*RUN[:2], "playroom[formats=3]", *RUN[3:], "--templates", "{tokens}") == 2
    assert "leave --formats out" in error(capsys)
    assert not Path("runs/r/run.json").exists()
    assert not Path("runs/r/dataset").exists()


FIXED = '''
from dataclasses import dataclass


@dataclass(frozen=True)
class Builder:
    """Knows its prompts."""

    def build(self, out):
        raise AssertionError
'''


def test_what_takes_no_templates_says_so(
    bench: Bench, drop_ins: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "datasets").mkdir()
    (drop_ins / "datasets" / "fixed.py").write_text(FIXED)
    refresh()
    assert bench("run", "--dataset", "fixed", "--methods", "quick", "--templates", "{tokens}") == 2
    told = error(capsys)
    assert (
        f"fixed takes no --templates: in {drop_ins / 'datasets' / 'fixed.py'}, the class Builder would declare" in told
    )
    assert bench("run", "--dataset", "runs/r/dataset", "--methods", "quick", "--templates", "{tokens}") == 2
    assert "runs/r/dataset is built, and its prompts with it: give --templates to bench build" in error(capsys)
