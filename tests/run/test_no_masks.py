"""A run on scenes whose masks methods are not given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.plugins.discovery import refresh

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20,no_masks=true]"
Bench = Callable[..., int]


@pytest.fixture
def blind(drop_ins: Path) -> str:
    """The method `quick` that fails if it is given a mask."""
    text = (drop_ins / "quick.py").read_text()
    told = "assert not any(concept.mask.any() for concept in scene.concepts)\n        "
    (drop_ins / "blind.py").write_text(text.replace("workbench.on_step", f"{told}workbench.on_step"))
    refresh()
    return "blind"


def test_methods_get_no_mask_and_the_evaluation_has_the_truth(bench: Bench, blind: str) -> None:
    assert bench("run", "--dataset", DATASET, "--name", "r", "--methods", f"{blind},real") == 0
    table = pd.read_parquet("runs/r/scores.parquet")
    assert set(table["method"]) == {blind, "real"}
    assert table.loc[table["method"] == "real", "identity_similarity"].notna().any()


def test_a_method_that_needs_masks_says_so_before_anything_starts(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("run", "--dataset", DATASET, "--name", "r", "--methods", "quick,ours") == 2
    *_, told = capsys.readouterr().err.splitlines()
    assert "2 of 4 units cannot be learned: ours: " in told
    assert "learns from masks" in told
    assert not Path("runs/r/run.json").exists()


def test_where_nobody_knows_the_masks_identity_is_empty_with_its_reason(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "toys"
    folder.mkdir(parents=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(folder / "img.png")
    (folder / "labels.txt").write_text("ball\nmug\n")
    data = ("--folder", str(folder), "--size", "64", "--formats", "1", "--out", "data")
    assert bench("build-dataset", "folder", *data) == 0
    assert bench("run", "--dataset", "data", "--name", "r", "--methods", "quick,real") == 0
    table = pd.read_parquet("runs/r/scores.parquet")
    assert table["identity_similarity"].isna().all()
    assert table["background_copy"].isna().all()
    assert table["copy_reason"].str.contains("not known").all()
    assert table["reason"].str.len().gt(0).all()
