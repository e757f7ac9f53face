"""`bench run` as a user drives it."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bench.core.table import COLUMNS
from bench.plugins.discovery import refresh
from bench.run import session
from bench.run.cost import Cost, picture_cost
from bench.run.fit_files import read_fit, write_fit
from bench.run.lock import hold
from bench.run.metering import Counter, Energy, Meter, ResidentSet

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
RUN = ("run", "--dataset", DATASET, "--name", "r")
Bench = Callable[..., int]


def table(path: Path = Path("runs/r")) -> pd.DataFrame:
    frame = pd.read_parquet(path / "scores.parquet")
    return frame[[column for column in frame if not column.startswith("cost_")]]


def test_a_run_ends_in_a_table_and_a_page(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*RUN, "--methods", "quick,quick[shade=0.5]") == 0
    frame = pd.read_parquet("runs/r/scores.parquet")
    common = [name for name in COLUMNS if not name.startswith("cost_")]
    assert list(frame)[: len(common)] == common
    assert set(COLUMNS) < set(frame)
    assert list(frame)[-1] == list(COLUMNS)[-1]
    assert {"prompt_similarity", "identity[fill=grey]", "intruders"} < set(frame)
    # two scenes of two concepts: the subsets {0}, {1}, {0, 1} have four rows; two methods
    assert len(frame) == 2 * 4 * 2
    assert set(frame["method"]) == {"quick", "quick[shade=0.5]"}
    assert all((Path("runs/r") / file).is_file() for file in frame["file"])
    printed = capsys.readouterr().out.split()
    assert Path("runs/r/report/pareto/pareto.csv").is_file()
    assert any(Path(file).suffix == ".html" for file in printed)


def test_fp32_fits_and_draws_without_tf32(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def look(*_: object) -> int:
        seen.append(torch.backends.cudnn.allow_tf32)
        return 0

    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(session, "execute", look)
    bench(*RUN, "--methods", "quick", "--precision", "fp32")
    bench(*RUN[:-1], "half", "--methods", "quick", "--precision", "bf16")
    assert seen == [False, True]


def test_the_samples_of_a_prompt_have_one_diversity(bench: Bench) -> None:
    two = DATASET.replace("samples=1", "samples=2")
    assert bench("run", "--dataset", two, "--name", "r", "--methods", "quick") == 0
    frame = table()
    prompts = frame.groupby(["scene", "template", "subset"])
    assert (prompts["sample"].nunique() == 2).all()
    assert (prompts["lpips_diversity"].nunique() == 1).all()
    assert frame["lpips_diversity"].gt(0).all()
    assert set(frame["diversity_reason"]) == {""}
    assert "lpips_diversity_n_scenes" in Path("runs/r/report/pareto/summary.csv").read_text()


def test_a_table_of_another_version_is_to_be_scored_again(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pd.read_parquet("runs/r/scores.parquet").drop(columns="lpips_diversity").to_parquet("runs/r/scores.parquet")
    assert bench("report", "runs/r") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "no column lpips_diversity" in error
    assert "bench score runs/r" in error


def test_a_second_start_does_only_what_is_missing(bench: Bench, finished: Path) -> None:
    first = table()
    kept = {path: path.stat().st_mtime_ns for path in Path("runs/r/pictures").iterdir()}
    removed = next(iter(kept))
    removed.unlink()
    assert bench(*RUN, "--methods", "quick") == 0
    now = {path: path.stat().st_mtime_ns for path in Path("runs/r/pictures").iterdir()}
    assert {path for path in now if now[path] != kept[path]} == {removed}
    pd.testing.assert_frame_equal(first, table())


FRAIL = """

def counted(request):
    if len(request.prompt.subset) == 2 and not Path("whole").exists():
        raise RuntimeError("out of memory")


def fitted():
    with Path("fits.log").open("a") as log:
        log.write("fit ")
"""


def frail_method(drop_ins: Path) -> str:
    """`quick`, which cannot draw two concepts before there is a file called `whole`, and counts its fits."""
    text = (drop_ins / "quick.py").read_text() + FRAIL
    text = text.replace("import numpy as np", "from pathlib import Path\n\nimport numpy as np")
    text = text.replace("workbench.on_step(1, 1)", "fitted(); workbench.on_step(1, 1)")
    return text.replace("            yield (", "            counted(request); yield (")


def test_what_was_learned_stays_until_the_last_picture(bench: Bench, drop_ins: Path) -> None:
    """A start that was interrupted while drawing fits no second time; then the fit goes, unless it is to be kept."""
    (drop_ins / "frail.py").write_text(frail_method(drop_ins))
    refresh()
    frail = (*RUN, "--methods", "quick,frail", "--scenes", "1")
    assert bench(*frail) == 1
    assert len(list(Path("runs/r").glob("fits/*.safetensors"))) == 1
    Path("whole").touch()
    assert bench(*frail, "--retry-failed") == 0
    assert Path("fits.log").read_text() == "fit "
    assert not list(Path("runs/r").glob("fits/*"))
    assert bench(*RUN, "--methods", "quick[shade=0.5]", "--scenes", "1", "--keep-weights") == 0
    assert len(list(Path("runs/r").glob("fits/*.safetensors"))) == 1


def test_an_interrupted_units_costs_are_those_of_all_its_starts(
    bench: Bench, drop_ins: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first start's fit, marked by costs that no second fit could have, and the pictures of both starts."""
    monkeypatch.setattr(Meter, "on", lambda _device: one_joule_a_look())
    (drop_ins / "frail.py").write_text(frail_method(drop_ins))
    refresh()
    frail = (*RUN, "--methods", "frail", "--scenes", "1", "--batch-size", "1")
    assert bench(*frail) == 2
    assert len(list(Path("runs/r").glob("pictures/*"))) == 2
    (file,) = Path("runs/r").glob("fits/*.safetensors")
    state, cost = read_fit(file) or pytest.fail("no fit was kept")
    assert (cost.peak_memory_bytes, cost.energy_joules >= 1) == (5, True)
    write_fit(file, state, Cost(1234.5, 6e12, 7e6))
    Path("whole").touch()
    assert bench(*frail, "--retry-failed") == 0
    frame = pd.read_parquet("runs/r/scores.parquet")
    drawn = sum(picture_cost(path).energy_joules for path in Path("runs/r").glob("pictures/*"))
    assert drawn >= 3
    assert set(frame["cost_fit_seconds"]) == {1234.5}
    assert set(frame["cost_peak_memory_bytes"]) == {6e12}
    assert frame["cost_energy_joules"].tolist() == pytest.approx([7e6 + drawn] * len(frame))
    assert frame["cost_disk_bytes"].gt(0).all()


def one_joule_a_look() -> Meter:
    """A machine of five bytes whose counter moves by a joule whenever it is read."""
    return Meter(ResidentSet(lambda: 5), Energy([Counter(itertools.count().__next__, 2**64, 1.0)]), lambda: None)


def test_a_changed_picture_is_scored_anew(bench: Bench, finished: Path) -> None:
    before = table()
    changed = Path("runs/r") / before["file"].iloc[-1]
    Image.fromarray(255 - np.asarray(Image.open(changed))).save(changed)
    assert bench("score", "runs/r") == 0
    after = table()
    moved = after["prompt_similarity"] != before["prompt_similarity"]
    assert set(after[moved]["file"]) == {before["file"].iloc[-1]}


def test_methods_can_be_added_to_a_run(bench: Bench, finished: Path) -> None:
    assert bench(*RUN, "--methods", "quick[shade=0.5]") == 0
    assert list(dict.fromkeys(table()["method"])) == ["quick", "quick[shade=0.5]"]


def test_the_noise_is_the_same_for_every_method_and_batch(bench: Bench, drop_ins: Path) -> None:
    """`quick` draws mean + noise: the difference of two shades is the difference of their means."""
    assert bench(*RUN, "--methods", "quick,quick[shade=0.9]", "--batch-size", "1") == 0
    frame = table().drop_duplicates("picture").set_index(["scene", "subset", "method"])
    for scene, subset in {index[:2] for index in frame.index}:
        files = [frame.loc[(scene, subset, method), "file"] for method in ("quick", "quick[shade=0.9]")]
        one, other = (np.asarray(Image.open(Path("runs/r") / file)).astype(int) for file in files)
        assert len(np.unique(one - other)) <= 2


def test_limit_and_scenes_and_dry_run(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*RUN, "--methods", "quick", "--dry-run") == 0
    assert "to do: 2 units on 2 scenes, 6 pictures" in capsys.readouterr().out
    assert not Path("runs/r/pictures").exists()
    assert bench(*RUN, "--methods", "quick", "--limit", "1") == 0
    assert table()["scene"].nunique() == 1
    assert bench(*RUN, "--methods", "quick", "--dry-run") == 0
    assert "to do: 1 unit on 1 scene, 3 pictures" in capsys.readouterr().out
    assert bench(*RUN, "--methods", "quick", "--scenes", "nowhere") == 2
    capsys.readouterr()
    assert bench(*RUN, "--methods", "quick", "--scenes", "2", "--dry-run") == 0
    assert "--scenes" not in capsys.readouterr().out
    assert bench(*RUN, "--methods", "quick", "--scenes", "3", "--dry-run") == 0
    assert "--scenes 3: the dataset has 2 scenes, all of which are taken" in capsys.readouterr().out


def test_half_written_records_are_neither_estimated_from_nor_kept(bench: Bench, finished: Path) -> None:
    record = next(finished.glob("units/*.json"))
    half = record.with_name(f".{record.stem}.tmp-99999999.json")
    half.write_text("{")
    assert bench(*RUN, "--methods", "quick", "--dry-run") == 0
    assert half.exists()
    assert bench("report", "runs/r") == 0
    assert not half.exists()


def test_other_settings_need_another_name(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*RUN, "--methods", "quick", "--seed", "4") == 2
    assert "seed 0, now it is 4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("dataset", "budget"),
    [
        ("playroom:quick[scenes=2,formats=1]", "quick"),
        ("playroom[scenes=2,formats=1,samples=1]", "full"),
        ("playroom:quick[scenes=2,formats=1,training_budget=full]", "full"),
    ],
)
def test_the_dataset_says_which_budget_it_is_meant_for(dataset: str, budget: str, bench: Bench) -> None:
    run = ("--methods", "quick", "--limit", "1", "--name")
    assert bench("run", "--dataset", dataset, *run, "recipe") == 0
    assert bench("run", "--dataset", "runs/recipe/dataset", *run, "built") == 0
    assert bench("run", "--dataset", dataset, "--budget", "full", *run, "asked") == 0
    budgets = {path.parent.name: json.loads(path.read_text())["budget"] for path in Path("runs").glob("*/run.json")}
    assert budgets == {"recipe": budget, "built": budget, "asked": "full"}


def test_a_failing_method_is_reported_and_hides_no_other(
    bench: Bench, drop_ins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (drop_ins / "quick.py").read_text().replace("workbench.on_step(1, 1)", "raise RuntimeError('broken')")
    (drop_ins / "failing.py").write_text(text)
    assert bench("--path", str(drop_ins), *RUN, "--methods", "failing,quick") in (1, 2)
    # the folder is named twice, which is no clash; the run is judged below
    assert bench(*RUN, "--methods", "failing,quick") == 1
    assert "2 of 4 units failed" in capsys.readouterr().err
    assert set(table()["method"]) == {"quick"}
    assert "RuntimeError: broken" in next(Path("runs/r/failed").iterdir()).read_text()


def test_bad_names_are_refused_before_any_work(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--methods", "nope"], ["--methods", ""], ["--methods", "quick", "--report", "nope"]):
        assert bench(*RUN, *arguments) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not Path("runs").exists()


def test_a_live_run_is_not_entered(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import sys, time; from pathlib import Path; from bench.run.lock import hold\n"
        "with hold(Path('runs/r')): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert bench(*RUN, "--methods", "quick") == 3
        error = capsys.readouterr().err
        assert f"process {holder.pid}" in error
        assert len(error.strip().splitlines()) == 1
        holder.kill()
    with hold(Path("runs/r")):
        pass


def halting_method(drop_ins: Path) -> str:
    """`quick`, which stops after each picture for as long as there is a file called `halt`."""
    text = (drop_ins / "quick.py").read_text()
    text = text.replace("import numpy as np", "import time\nfrom pathlib import Path\n\nimport numpy as np")
    return f"{text}            while Path('halt').exists():\n                time.sleep(0.1)\n"


def stopped(arguments: tuple[str, ...], sign: signal.Signals) -> tuple[int, str]:
    """Exit code and errors of a command in another process that gets the signal after its next picture."""
    command = [sys.executable, "-m", "bench.cli.main", *arguments]

    def whole() -> int:
        return len(list(Path("runs/r/pictures").glob("[!.]*.png")))  # not one that is being written

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        before, deadline = whole(), time.monotonic() + 120
        while whole() <= before and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(sign)
        _, error = process.communicate(timeout=120)
    return process.returncode, error


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_and_then_killed_run_goes_on_to_the_same_table(
    stop: signal.Signals, bench: Bench, drop_ins: Path
) -> None:
    (drop_ins / "halting.py").write_text(halting_method(drop_ins))
    refresh()
    halting = (*RUN, "--methods", "halting", "--batch-size", "1")
    assert bench(*halting) == 0
    whole = table()
    shutil.rmtree("runs/r")
    Path("halt").touch()
    code, error = stopped(halting, stop)
    assert code == 130
    assert "the same command goes on from here" in error
    assert "Traceback" not in error
    assert stopped(halting, signal.SIGKILL)[0] == -signal.SIGKILL
    assert len(list(Path("runs/r/pictures").glob("*.png"))) == 2
    Path("halt").unlink()
    assert bench(*halting) == 0
    # a picture may be scored in another batch than before, which moves its scores by rounding
    pd.testing.assert_frame_equal(whole, table(), rtol=0, atol=1e-5)


def test_score_and_report_alone(bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs/r/scores.parquet").unlink()
    assert bench("score", "runs/r") == 0
    assert Path("runs/r/scores.parquet").is_file()
    assert bench("report", "runs/r") == 0
    assert bench("report", "runs/none") == 2
    assert "runs beside it: runs/r" in capsys.readouterr().err


def test_the_record_says_what_was_run(bench: Bench) -> None:
    assert bench(*RUN, "--methods", "quick[shade=0.5]", "--limit", "1") == 0
    settings = json.loads(Path("runs/r/run.json").read_text())
    assert settings["methods"] == ["quick[shade=0.5]"]
    assert settings["precision"] == "fp32"
    record = json.loads(next(Path("runs/r/units").iterdir()).read_text())
    assert record["configuration"] == {"shade": 0.5}
    assert record["schema"] == 2
