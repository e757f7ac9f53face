"""`docs/results/publish.py`: a run is published, and the README says what it says."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bench.core.errors import UserError
from bench.reporting.runs.recorded import open_recorded
from bench.tune.record import read_tuning

RESULTS = Path(__file__).parents[2] / "docs" / "results"


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(RESULTS))
    return importlib.import_module("publish")


def test_a_published_run_is_an_archive_with_reports_and_fills_the_readme(
    results: ModuleType, finished: Path, bench: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = Path("README.md")
    monkeypatch.setattr(results, "README", readme)
    readme.write_text(f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n")
    results.main(finished, reports="pareto,table", results=Path("results"))
    out = Path("results/r")
    assert (out / "archived.json").is_file()
    assert (out / "report" / "pareto" / "pareto.html").is_file()
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "2 scenes, " in text
    assert "| quick |" in text
    assert bench("reproduce", str(out), "--margin", "0.01", "--scenes", "1") == 0
    monkeypatch.setattr(results, "MOST_BYTES", 1000)
    with pytest.raises(UserError, match="keep fewer pictures"):
        results.main(finished, reports="table", results=Path("results"), in_readme=False)


def test_the_published_tuning_is_a_run_whose_page_is_made_again(bench: Callable[..., int]) -> None:
    shutil.copytree(RESULTS / "playroom-tuning", "copy")
    assert bench("report", "copy", "--report", "tuning") == 0
    page = Path("copy/report/tuning/tuning.html").read_text()
    assert "0.5 times as many by" in page, "half of the updates is half of the steps"
    for method, found in read_tuning(Path("copy")).methods.items():
        assert f">{method}</h2>" in page
        assert found.verdict in page


def test_the_figure_names_every_tuned_method_and_bound_once(results: ModuleType) -> None:
    run = open_recorded(RESULTS / "playroom-50")
    optima = results._optima(run, RESULTS / "playroom-tuning")
    assert optima["ours"] == "ours (tuned)"
    assert optima["ti-m"] == "ti-m", "its optimum is its own settings"
    drawn = results.tuned_figure(run, optima, results.BOUNDS).decode()
    for name in (*optima, *results.BOUNDS):
        assert drawn.count(f"<!-- {name} -->") == 1
