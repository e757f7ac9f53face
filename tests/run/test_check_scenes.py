"""A scene that a method cannot learn is told before anything starts; what is found later fails its unit only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.plugins.discovery import refresh

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
RUN = ("run", "--dataset", DATASET, "--name", "r")
Bench = Callable[..., int]
REFUSING = """raise UserError(f"{scene.name}: it is too dark")
"""


def add_picky(drop_ins: Path, where: str) -> None:
    """The method `quick` that refuses every scene but the first it sees, in `check_scene` or in `fit`."""
    text = (
        (drop_ins / "quick.py")
        .read_text()
        .replace("import numpy as np", "import numpy as np\nfrom bench.api import UserError")
    )
    head, tail = text.split("    def fit(")
    refusal = "        SEEN.append(scene.name)\n        if scene.name != SEEN[0]:\n            " + REFUSING
    if where == "check_scene":
        tail = f"    def check_scene(self, scene, limits):\n{refusal}\n    def fit({tail}"
    else:
        signature, body = tail.split("\n", 1)
        tail = f"    def fit({signature}\n{refusal}{body}"
    (drop_ins / "picky.py").write_text(f"SEEN = []\n{head}{tail}")
    refresh()


def test_a_scene_that_a_method_refuses_is_one_line_before_anything_starts(
    bench: Bench, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_picky(drop_ins, "check_scene")
    assert bench(*RUN, "--methods", "quick,picky") == 2
    *_, told = capsys.readouterr().err.splitlines()
    assert "1 of 4 units cannot be learned: picky: " in told
    assert "it is too dark" in told
    assert "--scenes" in told
    assert not Path("runs/r/run.json").exists()
    assert not Path("runs/r/units").exists()


def test_the_scenes_that_are_left_out_are_not_checked(bench: Bench, drop_ins: Path) -> None:
    add_picky(drop_ins, "check_scene")
    assert bench(*RUN, "--methods", "quick,picky", "--scenes", "1") == 0


def test_an_error_of_the_users_inside_a_fit_fails_its_unit_only(
    bench: Bench, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_picky(drop_ins, "fit")
    assert bench(*RUN, "--methods", "picky,quick") == 1
    assert "1 of 4 units failed" in capsys.readouterr().err
    units = pd.read_parquet("runs/r/scores.parquet").groupby("method")["scene"].nunique()
    assert dict(units) == {"picky": 1, "quick": 2}


def test_a_part_too_thin_for_the_latents_is_told_before_the_backbone_is_loaded(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Playroom's latents are 16 wide, of pictures of 64: a bar between those pixels that they read."""
    folder = tmp_path / "mine-scenes" / "bar"
    folder.mkdir(parents=True)
    thin, wide = np.zeros((2, 64, 64), np.uint8)
    thin[10:50, 1:3], wide[10:50, 30:60] = 255, 255
    for name, pixels in {"img": thin, "mask0": thin, "mask1": wide}.items():
        Image.fromarray(pixels).convert("RGB").save(folder / f"{name}.png")
    (folder / "labels.txt").write_text("ball\nmug\n")
    data = ("--folder", str(folder.parent), "--size", "64", "--out", "data")
    assert bench("build-dataset", "folder", *data) == 0
    capsys.readouterr()
    assert bench("run", "--dataset", "data", "--name", "thin", "--methods", "ours") == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert "ours: bar: the mask of [v1] (ball) has no pixel left at 16 x 16" in told
