"""Attention maps of a run: recorded if asked for, beside pictures, scores and keys that do not change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.run.attention import read_attention, read_maps, recorded_steps
from bench.run.folder import RunFolder

DATASET = "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]"
Bench = Callable[..., int]


@pytest.fixture
def start(bench: Bench, tiny_pipeline: Path, tmp_path: Path) -> Bench:
    """Start the run `r` of `ours` on a tiny backbone with a budget of two steps a phase."""
    folder = shutil.copytree(tiny_pipeline, tmp_path / "tiny")
    settings = {"schema": 1, "sampler": {"steps": 3, "guidance": 2.0}, "budgets": {"full": {"steps": 0.005}}}
    (folder / "scenebench.json").write_text(json.dumps(settings))
    command = ("run", "--dataset", DATASET, "--backbone", str(folder), "--metrics", "playroom", "--name", "r")
    return lambda *more: bench(*command, "--methods", "ours,real", *more)


def files(*parts: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for part in parts for file in Path("runs/r", part).iterdir()}


def test_maps_are_recorded_later_without_changing_what_is_there(start: Bench) -> None:
    folder = RunFolder(Path("runs/r"))
    assert start() == 0
    before, table = files("pictures", "units"), pd.read_parquet(folder.table)
    assert not folder.attention.exists()
    assert not (folder.path / "attention").exists()

    assert start("--attention", "1,3", "--report", "attention") == 0
    assert files("pictures", "units") == before
    pd.testing.assert_frame_equal(pd.read_parquet(folder.table), table)
    ours = table[table["method"] == "ours"]
    [unit] = ours["unit"].unique()
    maps = read_maps(folder.attention_maps(unit))
    assert set(maps) == set(ours["picture"])
    for picture, rows in ours.groupby("picture"):
        assert set(maps[str(picture)]) == {(concept, step) for concept in rows["concept"] for step in (1, 3)}
    assert all(one.shape == (16, 16) and one.sum() > 0 for of in maps.values() for one in of.values())

    shares = read_attention(folder)
    assert len(shares) == 2 * len(ours), "a method that does not draw has no maps"
    assert set(shares["unit"]) == {unit}
    known = shares["share"].notna()
    assert (known | shares["reason"].notna()).all()
    page = (folder.path / "report" / "attention" / "attention.html").read_text()
    assert page.count("<img") >= 3
    assert 'src="http' not in page


def test_what_is_recorded_is_kept_and_what_is_damaged_is_told(start: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(Path("runs/r"))
    assert start("--attention", "2") == 0
    maps, shares = files("attention"), read_attention(folder)
    folder.attention.write_text(folder.attention.read_text().replace(shares["key"].iloc[0], "0" * 20))
    assert start("--attention", "2", "--keep-weights") == 0
    assert files("attention") == maps
    assert not Path("runs/r/fits").exists() or not list(Path("runs/r/fits").iterdir()), "nothing was fitted again"
    pd.testing.assert_frame_equal(read_attention(folder), shares, obj="shares of other maps are measured again")

    assert start("--attention", "3") == 0
    assert {recorded_steps(file) for file in Path("runs/r/attention").iterdir()} == {(2, 3)}
    both = read_attention(folder)
    np.testing.assert_allclose(both.loc[both["step"] == 2, "share"], shares["share"], atol=1e-6)

    for file in Path("runs/r/attention").iterdir():
        file.write_bytes(b"no tensors")
    capsys.readouterr()
    assert start("--attention", "2") == 2
    assert "is damaged" in capsys.readouterr().err


def test_a_step_that_the_sampler_does_not_take_is_told_at_once(
    start: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start("--attention", "4") == 2
    assert "--attention 4: the sampler takes steps 1 to 3" in capsys.readouterr().err
    assert not Path("runs/r").exists()
