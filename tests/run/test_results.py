"""`docs/results/publish.py`: a run is published, and the README says what it says."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from bench.core.errors import UserError
from bench.tune.record import read_tuning


@pytest.fixture
def results() -> ModuleType:
    file = Path(__file__).parents[2] / "docs" / "results" / "publish.py"
    spec = importlib.util.spec_from_file_location("publish", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    shutil.copytree(Path(__file__).parents[2] / "docs" / "results" / "playroom-tuning", "copy")
    assert bench("report", "copy", "--report", "tuning") == 0
    page = Path("copy/report/tuning/tuning.html").read_text()
    assert "0.5 times as many by" in page, "half of the updates is half of the steps"
    for method, found in read_tuning(Path("copy")).methods.items():
        assert f">{method}</h2>" in page
        assert found.verdict in page
