"""Tables of several metric presets lie side by side in a run; the report says which it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

Bench = Callable[..., int]


def test_another_presets_table_and_report_lie_beside_the_runs_own(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, page = finished / "scores.parquet", finished / "report" / "pareto" / "pareto.html"
    before, evaluators = own.read_bytes(), (finished / "evaluators.json").read_text()
    assert bench("report", "runs/r", "--metrics", "playroom-open-clip") == 2
    assert "run `bench score runs/r --metrics playroom-open-clip` first" in capsys.readouterr().err
    assert bench("score", "runs/r", "--metrics", "playroom-open-clip") == 0
    assert "next: bench report runs/r --metrics playroom-open-clip" in capsys.readouterr().out
    other = pd.read_parquet(finished / "scores-playroom-open-clip.parquet")
    assert set(other["preset"]) == {"playroom-open-clip"}
    assert json.loads((finished / "evaluators-playroom-open-clip.json").read_text())["preset"] == "playroom-open-clip"
    assert (own.read_bytes(), (finished / "evaluators.json").read_text()) == (before, evaluators)

    told = page.read_text()
    assert bench("report", "runs/r", "--metrics", "playroom-open-clip") == 0
    shown = (finished / "report" / "pareto-playroom-open-clip" / "pareto.html").read_text()
    assert "Scored with the preset playroom-open-clip" in shown
    assert "Scored with the preset" not in told
    assert page.read_text() == told

    assert bench("score", "runs/r") == 0
    assert set(pd.read_parquet(own)["preset"]) == {"playroom"}
    pd.testing.assert_frame_equal(other, pd.read_parquet(finished / "scores-playroom-open-clip.parquet"))
