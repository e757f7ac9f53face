"""Progress where no terminal shows bars: lines in a log, not too many, with how many of how many and the time left."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.core import progress
from bench.core.text import duration


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a file has that progress is redirected to, with every line that could be due."""
    shown = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=shown, width=20))
    monkeypatch.setattr(progress, "OFTEN", 0.0)
    monkeypatch.setattr(progress, "PART", 0.0)
    monkeypatch.setattr(progress, "BRIEF", 0.0)
    return shown


def test_a_log_has_a_line_per_piece_and_one_when_all_is_done(log: io.StringIO) -> None:
    with progress.progress_bar("scoring", 4) as bar:
        bar.advance(2)
        bar.say("scoring ours[steps=1] · a scene")
        bar.advance(2)
        bar.say("nothing more is told")
    first, second, last = log.getvalue().splitlines()
    assert first.startswith("scoring: 2 of 4 (50 %)")
    assert second.startswith("scoring: 2 of 4 (50 %)")
    assert second.endswith(" · scoring ours[steps=1] · a scene")
    assert last == "scoring: 4 of 4 in 0 seconds"


def test_lines_are_rare_but_for_the_last(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "OFTEN", 60.0)
    with progress.progress_bar("scoring", 1000) as bar:
        for _ in range(1000):
            bar.advance()
    assert len(log.getvalue().splitlines()) == 1


def test_what_takes_a_moment_has_no_line(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BRIEF", 60.0)
    with progress.progress_bar("reading", 1) as bar:
        bar.advance()
    assert log.getvalue() == ""


def test_items_are_counted_where_their_pieces_differ(log: io.StringIO) -> None:
    with progress.progress_bar("units", 0.1 + 0.2 + 10, 2) as bar:
        bar.advance(0.1)
        bar.advance(0.2)
        bar.done(1)
        bar.advance(10)
    lines = log.getvalue().splitlines()
    assert lines[0].startswith("units: 0 of 2 (1 %)")
    assert lines[2].startswith("units: 1 of 2 (3 %)")
    assert lines[-1] == "units: 2 of 2 in 0 seconds", "the last piece ends the last item"


def test_weights_are_no_numbers(log: io.StringIO) -> None:
    with progress.progress_bar("edit", 3.0) as bar:
        bar.advance(1.5)
        bar.advance(1.5)
    first, last = log.getvalue().splitlines()
    assert first.startswith("edit: (50 %)")
    assert last == "edit: done in 0 seconds"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.4, "0 seconds"),
        (1, "1 second"),
        (89, "89 seconds"),
        (120, "2 minutes"),
        (5399, "90 minutes"),
        (9000, "2.5 hours"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told
