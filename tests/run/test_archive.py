"""A run without its pictures: it counts as done, goes on, and can be done again, as a user would."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.plugins.discovery import refresh
from bench.reporting.command import going_on, record_tuning
from bench.run.folder import RunFolder
from bench.run.settings import load_settings, save_settings

Bench = Callable[..., int]


@pytest.fixture
def archive(bench: Bench, finished: Path) -> Path:
    assert bench("export", str(finished), "--to", "archive", "--out", "published") == 0
    return Path("published")


def table(run: Path) -> pd.DataFrame:
    return pd.read_parquet(run / "scores.parquet").set_index(["scene", "picture"]).sort_index()


def test_an_archive_has_scores_settings_and_dataset_but_no_picture_and_no_path(archive: Path, finished: Path) -> None:
    assert not (archive / "pictures").exists()
    own, there = table(finished), table(archive)
    numbers = own.select_dtypes("float64").columns
    assert (there[numbers].dtypes == "float32").all()
    pd.testing.assert_frame_equal(there[numbers].astype("float64"), own[numbers], rtol=1e-6)
    assert there["label"].tolist() == own["label"].tolist()
    assert (archive / "dataset" / "manifest.json").read_bytes() == (finished / "dataset" / "manifest.json").read_bytes()
    assert [start.paths for start in load_settings(RunFolder(archive)).starts] == [()]
    assert str(Path.cwd()) not in (archive / "run.json").read_text()


def test_the_command_of_a_tuning_is_archived_without_folders_of_the_machine(finished: Path, bench: Bench) -> None:
    """As the run's own settings: a copy of the archive goes on in the default folder, of whatever machine."""
    words = ["bench", "tune", "--path", "/home/me/mine", "--runs", "/scratch/runs", "--methods", "ours"]
    record_tuning(RunFolder(finished), words)
    assert bench("export", str(finished), "--to", "archive", "--out", "published") == 0
    assert going_on(RunFolder(Path("published"))) == "bench tune --methods ours"


def test_a_run_goes_on_from_an_archive(
    bench: Bench, archive: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is archived is neither drawn nor scored again, and its rows stand before the new ones' scenes' order."""
    shutil.copytree(archive, "runs/copy")
    dataset = load_settings(RunFolder(archive)).dataset
    assert bench("run", "--name", "copy", "--dataset", dataset, "--methods", "base-model", "--report", "table") == 0
    whole = pd.read_parquet("runs/copy/scores.parquet")
    assert list(dict.fromkeys(zip(whole["scene"], whole["method"], strict=True))) == [
        (scene, method) for scene in whole["scene"].unique() for method in ("quick", "base-model")
    ]
    kept = whole[whole["method"] == "quick"].set_index(["scene", "picture"]).sort_index()
    pd.testing.assert_series_equal(
        kept["prompt_similarity"], table(finished)["prompt_similarity"], check_dtype=False, rtol=1e-6
    )
    assert (
        len(list(Path("runs/copy/pictures").iterdir())) == whole[whole["method"] == "base-model"]["picture"].nunique()
    )
    capsys.readouterr()
    assert bench("status", "runs/copy") == 0
    assert "4 of 4 units done" in capsys.readouterr().out


def test_an_archive_keeps_a_sample_of_pictures_and_its_page_shows_no_others(bench: Bench, finished: Path) -> None:
    assert bench("export", str(finished), "--to", "archive", "--pictures", "1", "--out", "published") == 0
    kept = [path.name for path in Path("published/pictures").iterdir()]
    assert len(kept) == 1
    rows = pd.read_parquet("published/scores.parquet")
    assert rows[rows["file"] == f"pictures/{kept[0]}"]["subset"].unique().tolist() == [max(rows["subset"], key=len)]
    assert bench("report", "published", "--report", "pareto") == 0
    page = Path("published/report/pareto/pareto.html").read_text()
    left = rows["picture"].nunique() - 1
    assert f"{left} pictures are left out: this run is an archive" in page
    assert "could not be read" not in page


def test_what_other_code_made_is_done_again(
    bench: Bench, archive: Path, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(archive, "runs/copy")
    method = next(drop_ins.rglob("quick.py"))
    method.write_text(method.read_text() + "\nCHANGED = True\n")
    refresh()
    before = Path("runs/copy/scores.parquet").read_bytes()
    assert bench("score", "runs/copy") == 2
    assert "were made by other code, and none was done here: `bench run --name copy`" in capsys.readouterr().err
    assert Path("runs/copy/scores.parquet").read_bytes() == before
    assert bench("run", "--name", "copy", "--report", "table") == 0
    whole = pd.read_parquet("runs/copy/scores.parquet")
    assert len(whole) == len(pd.read_parquet(archive / "scores.parquet"))
    assert not set(whole["unit"]) & set(pd.read_parquet(archive / "scores.parquet")["unit"])


def test_archived_scores_that_are_gone_are_told(
    bench: Bench, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(archive, "runs/copy")
    Path("runs/copy/scores.parquet").unlink()
    assert bench("score", "runs/copy") == 2
    assert "lacks the scores of 2 archived units" in capsys.readouterr().err
    Path("runs/copy/archived.json").unlink()
    assert bench("run", "--name", "copy", "--report", "table") == 0


def test_a_run_is_reproduced_from_its_archive(bench: Bench, archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("reproduce", str(archive)) == 2
    assert "give --margin" in capsys.readouterr().err
    assert bench("reproduce", str(archive), "--margin", "1e-4", "--scenes", "1") == 0
    assert "Equivalent" in capsys.readouterr().out
    found = pd.read_csv("runs/reproduced-published/reproduction.csv")
    assert set(found["method"]) == {"quick"}
    assert found["equivalent"].all()
    assert (found["difference"].abs() < 1e-5).all()


def test_another_result_is_not_equivalent(bench: Bench, archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = pd.read_parquet(archive / "scores.parquet")
    whole.assign(prompt_similarity=whole["prompt_similarity"] + 0.1).to_parquet(archive / "scores.parquet", index=False)
    assert bench("reproduce", str(archive), "--margin", "0.05") == 1
    assert "beyond the margins: quick prompt-similarity" in capsys.readouterr().out


def test_what_the_archive_was_not_made_with_is_refused(
    bench: Bench, archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((archive / "run.json").read_text())
    (archive / "run.json").write_text(json.dumps(content | {"fingerprint": "sha256:other"}))
    assert bench("reproduce", str(archive), "--margin", "1") == 2
    assert "was made with another backbone" in capsys.readouterr().err
    assert bench("reproduce", str(archive), "--methods", "nobody") == 2
    assert "has no scores of nobody; it has quick" in capsys.readouterr().err


def test_an_archive_knows_what_it_holds_and_no_more(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A method that was begun and has no scores is left out, and `bench status` works on the archive."""
    settings = load_settings(RunFolder(finished))
    save_settings(RunFolder(finished), replace(settings, methods=(*settings.methods, "base-model")))
    assert bench("export", str(finished), "--to", "archive", "--out", "published") == 0
    assert load_settings(RunFolder(Path("published"))).methods == settings.methods
    capsys.readouterr()
    assert bench("status", "published") == 0
    done = len(pd.read_parquet("published/scores.parquet")["unit"].unique())
    assert f"{done} of {done} units done" in capsys.readouterr().out
