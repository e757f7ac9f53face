"""Methods that take something from outside their scene, in whole runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
RUN = ("run", "--dataset", DATASET, "--name", "r")
Bench = Callable[..., int]


@pytest.fixture
def made(bench: Bench, capsys: pytest.CaptureFixture[str]) -> Path:
    """Pictures for every prompt of the dataset, each of its own colour, and the CSV that `bench list` proposes."""
    assert bench("list", "--prompts", DATASET) == 0
    folder = Path("made")
    folder.mkdir()
    (folder / "pictures.csv").write_text(capsys.readouterr().out)
    frame = pd.read_csv(folder / "pictures.csv")
    for number, file in enumerate(frame["file"]):
        (folder / file).parent.mkdir(exist_ok=True)
        Image.new("RGB", (48, 48), (40 * number, 90, 20)).save(folder / file)
    return folder


def table() -> pd.DataFrame:
    return pd.read_parquet("runs/r/scores.parquet")


def test_pictures_made_elsewhere_are_scored_like_a_methods(bench: Bench, made: Path) -> None:
    assert bench(*RUN, "--methods", f"quick,import[from={made / 'pictures.csv'}]") == 0
    frame = table()
    imported = frame[frame["method"] != "quick"].drop_duplicates("picture").set_index(["scene", "subset"])
    wanted = pd.read_csv(made / "pictures.csv", dtype={"subset": str}).set_index(["scene", "subset"])
    assert set(imported.index) == set(wanted.index)
    for key, row in imported.iterrows():
        picture = np.asarray(Image.open(Path("runs/r") / row["file"]))
        assert np.array_equal(picture, np.asarray(Image.open(made / wanted.loc[key, "file"])))
        assert np.isfinite(row["prompt_similarity"])


def test_a_changed_picture_is_scored_anew_and_a_moved_folder_is_not(bench: Bench, made: Path) -> None:
    spec = f"import[from={made}]"
    shutil.move(made / "pictures.csv", "pictures.csv")
    assert bench(*RUN, "--methods", spec) == 0
    first = table().set_index(["scene", "subset", "concept"])
    changed = pd.read_csv("pictures.csv", dtype={"subset": str}).iloc[0]
    noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(made / changed["file"])
    assert bench(*RUN, "--methods", spec) == 0
    second = table().set_index(["scene", "subset", "concept"])
    # a picture may be scored in another batch than before, which moves its scores by rounding
    gap = (first["prompt_similarity"] - second["prompt_similarity"]).abs()
    differs = {key[:2] for key in first.index if gap[key] > 1e-5}
    assert differs == {(changed["scene"], changed["subset"])}
    shutil.copytree(made, "moved")
    assert bench(*RUN, "--methods", "import[from=moved]") == 0
    moved = table()
    assert moved.groupby("unit")["method"].nunique().eq(2).all(), "the same pictures are the same units"


def test_scoring_and_reporting_do_not_need_what_was_imported(bench: Bench, made: Path) -> None:
    assert bench(*RUN, "--methods", f"import[from={made}]".replace("made]", "made/pictures.csv]")) == 0
    before = table()
    shutil.rmtree(made)
    assert bench("score", "runs/r") == 0
    assert bench("report", "runs/r") == 0
    pd.testing.assert_frame_equal(table(), before)


def test_a_bad_import_stops_before_the_run_begins(bench: Bench, made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next(made.glob("*/000.png")).unlink()
    assert bench(*RUN, "--methods", f"import[from={made}]") == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert "1 prompt without a picture" in error[-1]
    assert not Path("runs/r/run.json").exists()
    assert bench(*RUN, "--methods", "import") == 2
    assert "import needs to be told more: import[from=...]" in capsys.readouterr().err


def test_a_damaged_picture_is_told_before_the_run_begins(
    bench: Bench, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = sorted(made.glob("*/001.png"))[0]
    damaged.write_bytes(damaged.read_bytes()[:80])
    assert bench(*RUN, "--methods", f"import[from={made}]") == 2
    assert f"cannot read the picture {damaged}" in capsys.readouterr().err
    assert not Path("runs/r/run.json").exists()


def test_real_and_other_scene_run_beside_a_method(bench: Bench) -> None:
    assert bench(*RUN, "--methods", "real,other-scene") == 0
    frame = table().drop_duplicates(["scene", "method", "concept"]).set_index(["scene", "method", "concept"])
    scenes = sorted({key[0] for key in frame.index})
    files = {
        (scene, method): frame.loc[(scene, method, 0), "file"] for scene in scenes for method in ("real", "other-scene")
    }
    pixels = {key: np.asarray(Image.open(Path("runs/r") / file)) for key, file in files.items()}
    assert np.array_equal(pixels[scenes[0], "real"], pixels[scenes[1], "other-scene"])
    assert np.array_equal(pixels[scenes[1], "real"], pixels[scenes[0], "other-scene"])
    real = table().query("method == 'real' and detected == True")
    assert (real["identity_similarity"] > 0.8).all()


def test_a_class_that_the_segmenter_does_not_know_is_drawn_and_has_no_identity(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("photos/scene")
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "img.jpg")
    for number, box in enumerate(((0, 0, 30, 64), (34, 0, 64, 64))):
        mask = Image.new("L", (64, 64))
        mask.paste(255, box)
        mask.save(folder / f"mask{number}.png")
    (folder / "labels.txt").write_text("grommet\nmug\n")
    build = ("build-dataset", "folder", "--folder", "photos", "--size", "64", "--formats", "1", "--samples", "1")
    assert bench(*build, "--out", "d") == 0
    methods = "base-model,ti-m[steps=1]"
    assert bench("run", "--dataset", "d", "--name", "r", "--methods", methods, "--sampling-steps", "1") == 0
    frame = table()
    unknown = frame[frame["label"] == "grommet"]
    assert set(unknown["method"]) == set(methods.split(","))
    assert all((Path("runs/r") / file).is_file() for file in unknown["file"])
    assert unknown["identity_similarity"].isna().all()
    assert unknown["detected"].isna().all()
    assert set(unknown["reason"]) == {"segmenter does not know 'grommet'"}
    assert unknown["prompt_similarity"].notna().all()
    assert not frame[frame["label"] == "mug"]["reason"].str.contains("does not know").any()
    assert "does not know the class word grommet" in capsys.readouterr().err
