"""What a start leaves in a run: nothing before all about it is valid, each method once, and how to make it again."""

from __future__ import annotations

import errno
import json
import os
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
import pytest

from bench.core.errors import UserError
from bench.core.leftovers import scratch_prefix
from bench.diffusion.backbone import checkpoint
from bench.plugins.discovery import refresh
from bench.run.select_methods import select_methods
from bench.run.settings import Settings, Start

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"
RUN = ("run", "--dataset", DATASET, "--name", "r")
Bench = Callable[..., int]
FAILING = '''
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Method:
    """Fails, and counts how often."""

    def fit(self, scene, context):
        with Path("tried.log").open("a") as log:
            log.write("tried ")
        raise RuntimeError("broken")

    def generate(self, state, scene, requests, context):
        return ()
'''


def files(folder: Path) -> dict[str, int]:
    """Everything below a folder, with when it was changed."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def record() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path("runs/r/run.json").read_text())
    return content


def test_a_dry_run_of_a_new_run_leaves_nothing_behind(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    assert bench(*RUN, "--methods", "quick", "--dry-run") == 0
    assert "to do: 2 units on 2 scenes, 6 pictures" in capsys.readouterr().out
    assert not Path("runs").exists()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_full_disk_under_a_dry_run_is_one_line(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    before = set(Path(tempfile.gettempdir()).glob(f"{scratch_prefix()}*"))
    assert bench(*RUN, "--methods", "quick", "--dry-run") == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench: ")]
    assert len(errors) == 1
    assert "there is no space left on the disk" in errors[0]
    assert set(Path(tempfile.gettempdir()).glob(f"{scratch_prefix()}*")) == before
    assert not Path("runs").exists()


def test_a_dry_run_only_reads_a_run(bench: Bench, finished: Path) -> None:
    before = files(finished)
    assert bench(*RUN, "--methods", "quick[shade=0.5]", "--dry-run") == 0
    assert bench(*RUN, "--methods", "quick", "--seed", "4", "--dry-run") == 2
    assert bench(*RUN, "--remove", "quick", "--dry-run") == 2
    assert files(finished) == before


def test_what_is_known_before_loading_needs_no_weights(monkeypatch: pytest.MonkeyPatch, tiny_pipeline: Path) -> None:
    """A hub's backbone: its weights are asked for by `locate` alone."""
    asked: list[str] = []

    def download(*_: object, allow_patterns: list[str], **__: object) -> str:
        asked.extend(allow_patterns)
        return str(tiny_pipeline)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    spec = checkpoint.BackboneSpec("someone/model")
    checkpoint.locate_configuration(spec)
    checkpoint.fingerprint(spec)
    assert "*/*.json" in asked
    assert not any("safetensors" in pattern for pattern in asked)
    checkpoint.locate(spec)
    assert "*/*.safetensors" in asked


@pytest.mark.parametrize("other", ["quick[]", "quick[shade=1.0]", "quick[shade=1]", " quick "])
def test_a_method_is_one_whatever_its_spelling(drop_ins: Path, other: str) -> None:
    assert select_methods(["quick", other]).methods == ("quick",)
    assert select_methods([other, "quick[shade=0.5]", "quick"]).methods == (other.strip(), "quick[shade=0.5]")


def test_another_spelling_in_a_later_start_is_no_other_method(bench: Bench, finished: Path) -> None:
    assert bench(*RUN, "--methods", "quick[shade=1.0],quick[]") == 0
    assert record()["methods"] == ["quick"]


def test_a_run_that_has_both_spellings_can_be_reported_and_goes_on(bench: Bench, finished: Path) -> None:
    content = record()
    Path("runs/r/run.json").write_text(json.dumps({**content, "methods": ["quick", "quick[]"]}))
    assert bench("report", "runs/r") == 0
    assert bench(*RUN, "--methods", "quick") == 0
    assert record()["methods"] == ["quick"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--scenes", "nowhere"),
        ("--scenes", "0"),
        ("--metrics", "nothing"),
        ("--methods", "import[from=nowhere]"),
        ("--report", "nothing"),
        ("--budget", "nothing"),
    ],
)
def test_nothing_enters_the_record_of_a_start_that_is_refused(
    bench: Bench, finished: Path, wrong: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path("runs/r/run.json").read_text()
    assert bench(*RUN, "--methods", "quick[shade=0.25]", *wrong) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert Path("runs/r/run.json").read_text() == before


def test_a_method_is_taken_out_and_its_pictures_stay(
    bench: Bench, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(*RUN, "--methods", "quick[shade=0.5]") == 0
    pictures = files(finished / "pictures")
    assert bench(*RUN, "--remove", "quick[shade=.5]") == 0
    assert record()["methods"] == ["quick"]
    assert bench("report", "runs/r") == 0
    assert "shade" not in Path("runs/r/report/pareto/summary.csv").read_text()
    assert bench(*RUN, "--methods", "quick[shade=0.5]") == 0
    assert files(finished / "pictures") == pictures
    for wrong in (["--remove", "ours"], ["--remove", "quick,quick[shade=0.5]"], ["--remove", "x", "--methods", "real"]):
        capsys.readouterr()
        assert bench(*RUN, *wrong) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert record()["methods"] == ["quick", "quick[shade=0.5]"]


def test_a_method_whose_file_is_gone_can_be_taken_out(bench: Bench, finished: Path, drop_ins: Path) -> None:
    content = record()
    Path("runs/r/run.json").write_text(json.dumps({**content, "methods": ["quick", "gone[x=1]"]}))
    assert bench("report", "runs/r") == 2
    assert bench(*RUN, "--remove", "gone[x=1]") == 0
    assert bench("report", "runs/r") == 0


def test_failed_units_are_tried_again_only_when_asked(
    bench: Bench, drop_ins: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (drop_ins / "failing.py").write_text(FAILING)
    refresh()
    assert bench(*RUN, "--methods", "failing", "--scenes", "1") == 1
    assert "--retry-failed" in capsys.readouterr().err
    assert bench(*RUN, "--methods", "failing", "--scenes", "1") == 1
    assert Path("tried.log").read_text() == "tried "
    assert bench(*RUN, "--methods", "failing", "--scenes", "1", "--dry-run") == 0
    assert "1 failed before; --retry-failed" in capsys.readouterr().out
    assert bench(*RUN, "--methods", "failing", "--scenes", "1", "--retry-failed") == 1
    assert Path("tried.log").read_text() == "tried tried "
    # the first unit is that of quick: what was asked for is done
    assert bench(*RUN, "--methods", "quick", "--limit", "1") == 0


def page() -> str:
    return Path("runs/r/report/pareto/pareto.html").read_text()


def test_partial_is_said_when_something_asked_for_is_missing(bench: Bench, finished: Path) -> None:
    assert bench(*RUN, "--methods", "quick[shade=0.5]", "--scenes", "1") == 0
    assert "Partial" not in page()
    next(finished.glob("pictures/*")).unlink()
    assert bench("score", "runs/r") == 0
    assert bench("report", "runs/r") == 0
    assert "Partial: 2 of 3 units done." in page()


def test_the_pages_command_makes_the_run_again(bench: Bench, drop_ins: Path) -> None:
    start = ("--dataset", DATASET, "--name", "r", "--methods", "quick", "--scenes", "1", "--runs", "elsewhere")
    assert bench("run", *start) == 0
    (written,) = json.loads(Path("elsewhere/r/run.json").read_text())["starts"]
    assert written == {
        "methods": ["quick"],
        "scenes": "1",
        "limit": None,
        "paths": ["mine"],
        "runs": "elsewhere",
        "shard": None,
    }
    text = Path("elsewhere/r/report/pareto/pareto.html").read_text()
    (line,) = [line for line in text.splitlines() if "bench run --path mine" in line]
    words = shlex.split(line.partition("<pre>")[2].partition("</pre>")[0].replace("&#39;", "'"))
    first = pd.read_parquet("elsewhere/r/scores.parquet")
    Path("elsewhere").rename("before")
    assert bench(*words[1:]) == 0
    second = pd.read_parquet("elsewhere/r/scores.parquet")
    assert first["picture"].tolist() == second["picture"].tolist()


def test_an_unknown_methods_error_names_path(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*RUN, "--methods", "mine") == 2
    assert "--path DIR" in capsys.readouterr().err


def settings(*starts: Start) -> Settings:
    return Settings("d", "0", "b", None, "f", "fp32", "full", 1, 1.0, 0, "p", ("quick", "real"), starts=starts)


def test_a_whole_start_stands_for_all_before_it() -> None:
    part, whole = Start(("quick",), limit=1), Start(("quick", "real"))
    assert settings().started(part).started(part).starts == (part,)
    assert settings(part).started(whole).starts == (whole,)
    assert settings(whole).started(Start(whole.methods, scenes="1")).starts == (whole,)
    assert settings(part).started(Start(("quick",), scenes="2")).starts == (part, Start(("quick",), scenes="2"))


def test_the_last_method_stays(drop_ins: Path) -> None:
    def refused() -> NoReturn:
        settings().without("real").without("quick")
        raise AssertionError

    with pytest.raises(UserError, match="quick is the run's only method"):
        refused()
    assert settings(Start(("real",)), Start(("quick", "real"))).without("real").starts == (Start(("quick",)),)
