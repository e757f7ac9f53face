"""`--methods all`: every installed method that can run here, the others named with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.plugins.discovery import discover
from bench.run.select_methods import select_methods

MODEST = '''
from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """Cannot run."""

    {field}

    def missing_requirements(self):
        return {answer!r}
'''


@pytest.fixture
def installed(drop_ins: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Adds methods that may lack something; the roster is read in an empty folder, where no checkpoint is."""
    monkeypatch.chdir(drop_ins)

    def add(name: str, answer: str | None, field: str = "shade: float = 1.0") -> None:
        (drop_ins / f"{name}.py").write_text(MODEST.format(answer=answer, field=field))
        discover.cache_clear()

    return add


def test_all_is_every_method_that_can_run_here(installed: Callable[..., None]) -> None:
    installed("modest", "put the weights into x/")
    installed("able", None)
    installed("strange", None, "shade: float")
    roster = select_methods(["all"])
    known = set(discover("methods").found)
    skipped = {text.split(" ")[0] for text in roster.skipped}
    assert {"quick", "able", "ours", "real", "other-scene", "copy-paste", "base-model"} <= set(roster.methods)
    assert {"modest", "strange", "elite", "realfill", "import"} <= skipped
    assert set(roster.methods) | skipped == known
    assert not set(roster.methods) & skipped
    assert "modest (put the weights into x/)" in roster.skipped
    assert "strange (needs strange[shade=...])" in roster.skipped
    assert "import (needs import[from=...])" in roster.skipped


def test_all_can_stand_beside_others_and_names_each_once(installed: Callable[..., None]) -> None:
    roster = select_methods(["ours:code", "quick", "all"])
    assert roster.methods[:2] == ("ours:code", "quick")
    assert len(set(roster.methods)) == len(roster.methods)


def test_a_method_named_by_itself_is_refused(installed: Callable[..., None]) -> None:
    installed("modest", "put the weights into x/")
    with pytest.raises(UserError, match=r"^modest cannot run here: put the weights into x/$"):
        select_methods(["quick", "modest"])


def test_a_run_says_in_one_line_what_it_skips(
    bench: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (
        "run",
        "--dataset",
        "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]",
        "--name",
        "r",
        "--dry-run",
    )
    assert bench(*arguments, "--methods", "all") == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Skipped: ")]
    assert len(said) == 1
    assert "elite (external/elite lacks code/inference_local.py (git clone " in said[0]
    assert "realfill (external/realfill lacks " in said[0]
