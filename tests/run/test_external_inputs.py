"""Methods that take something from outside their scene, in whole runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def scenes_of(made: Path) -> list[str]:
    return sorted(folder.name for folder in made.iterdir() if folder.is_dir())


def record() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("runs/r/run.json").read_text())
    return content


def last_error(capsys: pytest.CaptureFixture[str]) -> str:
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench: ")]
    assert len(lines) == 1
    return lines[0]


def test_a_start_on_some_scenes_needs_their_pictures_alone(
    bench: Bench, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = scenes_of(made)
    shutil.move(made / second, "later")
    (made / "pictures.csv").rename("pictures.csv")
    mine = ("--methods", f"import[from={made}]")
    for some in (("--scenes", "1"), ("--scenes", first), ("--limit", "1")):
        assert bench(*RUN, *mine, *some, "--dry-run") == 0
    assert bench(*RUN, *mine, "--scenes", "1") == 0
    one = table()
    assert set(one["scene"]) == {first}
    assert "Partial" not in Path("runs/r/report/pareto/pareto.html").read_text()
    for other in (("--scenes", second), ()):
        assert bench(*RUN, *mine, *other) == 2
        assert "3 prompts without a picture" in last_error(capsys)
    assert bench("score", "runs/r") == bench("report", "runs/r") == 0
    pd.testing.assert_frame_equal(table(), one)
    shutil.move("later", made / second)
    shutil.move(made / first, "earlier")
    assert bench(*RUN, *mine, "--scenes", second) == 0
    both = table()
    assert set(both["scene"]) == {first, second}
    assert set(one["unit"]) < set(both["unit"])


def test_a_limit_counts_the_units_of_all_methods(bench: Bench, made: Path) -> None:
    """Of quick and import on two scenes the first three units are import's on the first scene alone."""
    _, second = scenes_of(made)
    (made / "pictures.csv").unlink()
    shutil.rmtree(made / second)
    assert bench(*RUN, "--methods", f"quick,import[from={made}]", "--limit", "3") == 0
    assert table().groupby("method")["scene"].nunique().to_dict() == {"quick": 2, f"import[from={made}]": 1}
    assert bench(*RUN, "--methods", f"quick,import[from={made}]", "--limit", "4") == 2


def test_an_unknown_picture_is_told_whatever_the_scenes(
    bench: Bench, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, _ = scenes_of(made)
    Image.new("RGB", (8, 8)).save(made / first / "099.png")
    assert bench(*RUN, "--methods", f"import[from={made}]", "--scenes", "1") == 2
    assert "1 prompt unknown to the dataset" in last_error(capsys)


@pytest.fixture
def imported(bench: Bench, made: Path) -> Path:
    """A run of `quick` and of pictures in a folder that was then moved; where it lies now."""
    (made / "pictures.csv").unlink()
    assert bench(*RUN, "--methods", f"quick,Mine=import[from={made}]") == 0
    made.rename("moved")
    return Path("moved")


def test_a_moved_folder_is_one_clear_choice(bench: Bench, imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = record()
    for methods in ("quick", "import[from=made]", "quick[shade=0.5]"):
        assert bench(*RUN, "--methods", methods) == 2
        assert last_error(capsys) == (
            "bench: made is gone, which Mine=import[from=made] of this run takes its files from; if it was moved, name "
            "the new place: --methods 'Mine=import[from=NEW]'; if not, take it out of the run: "
            "bench run --name r --remove 'import[from=made]'"
        )
    assert record() == before


def test_the_new_place_of_the_same_pictures_takes_the_old_ones(
    bench: Bench, imported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = table()
    kept = {path: path.stat().st_mtime_ns for path in Path("runs/r").glob("*/*") if path.suffix in (".png", ".json")}
    assert bench(*RUN, "--methods", "import[from=moved]", "--dry-run") == 0
    assert record()["methods"] == ["quick", "import[from=made]"]
    assert bench(*RUN, "--methods", "import[from=moved]", "--scenes", "1") == 0
    assert "import[from=made] is import[from=moved] now: made is gone" in capsys.readouterr().err
    now = record()
    assert (now["methods"], now["names"]) == (["quick", "import[from=moved]"], {"import[from=moved]": "Mine"})
    assert [start["methods"] for start in now["starts"]] == [["quick", "import[from=moved]"]]
    assert table()["unit"].tolist() == before["unit"].tolist()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert bench(*RUN, "--methods", "quick[shade=0.5]") == 0
    assert bench("report", "runs/r") == 0
    assert pd.read_csv("runs/r/report/pareto/summary.csv")["method"].tolist() == ["quick", "Mine", "quick[shade=0.5]"]


@pytest.mark.parametrize("change", ["other", "missing"])
def test_other_pictures_are_not_taken_for_moved_ones(
    bench: Bench, imported: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, picture = record(), sorted(imported.glob("*/001.png"))[0]
    if change == "other":
        Image.new("RGB", (48, 48), (1, 2, 3)).save(picture)
    else:
        picture.unlink()
    assert bench(*RUN, "--methods", "Mine=import[from=moved]") == 2
    told = last_error(capsys)
    assert told.startswith("bench: made of import[from=made] is gone, and import[from=moved] ")
    assert ("has other files" if change == "other" else "1 prompt without a picture") in told
    assert told.endswith("first take it out of the run: bench run --name r --remove 'import[from=made]'")
    assert record() == before
    assert bench(*RUN, "--remove", "import[from=made]") == 0
    assert bench(*RUN, "--methods", "Mine=import[from=moved]") == (0 if change == "other" else 2)


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
