"""That the script of `nox -s chaos` works, on three of its trials, and that it sees what it looks for."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from PIL import Image, PngImagePlugin

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def compare() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chaos_compare", FOLDER / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_dataset_that_is_stopped_three_ways_is_built_all_the_same() -> None:
    """A random moment, a file torn in the middle, and a full disk."""
    script = [sys.executable, str(FOLDER / "chaos.py"), "--commands", "build-dataset", "--moments", "1"]
    chosen = [word for number in ("0", "41", "65") for word in ("--trial", number)]
    done = subprocess.run([*script, *chosen], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["moments", "changes", "full", "3"]
    assert done.stdout.endswith("3 trials, 0 failed\n")


def write_run(folder: Path, seconds: float) -> None:
    """A table, a record, a picture and a page, with a cost in each."""
    folder.mkdir()
    pd.DataFrame({"score": [0.5], "cost_fit_seconds": [seconds]}).to_parquet(folder / "scores.parquet")
    (folder / "unit.json").write_text(json.dumps({"key": "a", "cost_fit_seconds": seconds}))
    text = PngImagePlugin.PngInfo()
    text.add_text("cost_generate_seconds", str(seconds))
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(folder / "a.png", pnginfo=text)
    (folder / "page.html").write_text(f"<p>{seconds}</p>")


def test_costs_alone_may_differ(compare: ModuleType, tmp_path: Path) -> None:
    for name, seconds in (("one", 1.0), ("other", 2.0)):
        write_run(tmp_path / name, seconds)
    one, other = (compare.contents(tmp_path / name) for name in ("one", "other"))
    assert compare.differences(one, other) == []


def test_every_difference_is_named(compare: ModuleType, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_run(tmp_path / name, 1.0)
    other = tmp_path / "other"
    pd.DataFrame({"score": [0.6], "cost_fit_seconds": [1.0]}).to_parquet(other / "scores.parquet")
    Image.fromarray(np.ones((2, 2, 3), np.uint8)).save(other / "a.png")
    (other / "unit.json").write_text("{")
    (other / "page.html").unlink()
    (other / ".fits.tmp-1" / "a").mkdir(parents=True)
    assert compare.differences(*map(compare.contents, (tmp_path / "one", other))) == [
        ".fits.tmp-1 is left over",
        "a.png differs",
        "page.html is missing",
        "scores.parquet differs",
        "unit.json differs",
    ]
