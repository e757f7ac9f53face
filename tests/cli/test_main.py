"""The command line: help, lists and errors."""

from __future__ import annotations

import errno
import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "verb",
    ["run", "score", "report", "compare", "leaderboard", "submit-check", "export", "list", "doctor", "build-dataset"],
)
def test_every_verb_has_help(call: Callable[..., int], verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(verb, "--help") == 0
    assert "Usage: bench" in capsys.readouterr().out


def test_the_version_is_told(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out == f"scenebench {importlib.metadata.version('scenebench')}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walk"], "No such command"),
        (["estimate"], "`bench run --dry-run` says what a run would do and take"),
        (["run", "--foo"], "No such option"),
        (["run", "--limit", "none"], "--limit"),
        (["list", "colours"], "not one of methods, datasets, metrics, reports, presets"),
        (["score", "nowhere"], "nowhere is not a run"),
        (["--path"], "--path needs a folder"),
        (["run", "--backbone", "/no/such/folder"], "backbone /no/such/folder"),
        (["run", "--device", "tpu9"], "tpu9"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    call: Callable[..., int], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], empty: Path
) -> None:
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("bench: ")
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--name", "../v"], "--name '../v'"),
        (["run", "--name", ".."], "--name '..'"),
        (["run", "--name", "a\nb"], "--name 'a\\nb'"),
        (["run", "--name", "a" * 300], "it has 300 letters; choose one of 200 at most"),
        (["run", "--name", "a\0b"], "an argument has a NUL character"),
        (["run", "--runs", "file"], "file is not a folder, so it cannot hold runs"),
        (["run", "--runs", "file/deeper"], "file is not a folder, so it cannot hold runs"),
        (["run", "--runs", "/proc/nowhere"], "cannot write /proc/nowhere/"),
        (["score", "r" * 300], "File name too long; choose a shorter name"),
        (["report", "a\nb"], "a\\nb is not a run"),
        (["build-dataset", "folder", "--folder", "own", "--out", "o" * 300], "File name too long"),
    ],
)
def test_names_and_places_that_no_run_can_have_are_one_line(
    call: Callable[..., int],
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    empty: Path,
    fixtures: Path,
) -> None:
    (empty / "file").write_text("")
    (empty / "own").symlink_to(fixtures / "break-a-scene" / "bear")
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert sorted(path.name for path in empty.iterdir()) == ["file", "own"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "x.json"), "x.json: Permission denied; change its rights"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; free some space"),
        (MemoryError(), "there is not enough memory; take smaller pictures"),
        (RecursionError("maximum recursion depth"), "something is nested too deep"),
        (
            UnicodeEncodeError("ascii", "é", 0, 1, "not in range"),
            "cannot be written or read in ascii; set PYTHONUTF8=1",
        ),
    ],
)
def test_what_the_system_refuses_is_one_line_wherever_it_happens(
    call: Callable[..., int],
    error: BaseException,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr("bench.cli.main.build_app", refuse)
    assert call("list") == 2
    told = capsys.readouterr().err
    assert told.startswith("bench: ")
    assert message in told
    assert len(told.splitlines()) == 1


def typed(*arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "bench.cli.main", *arguments]
    given = {"stdout": subprocess.PIPE, "cwd": Path(__file__).parents[2], **more}
    return subprocess.run(command, stderr=subprocess.PIPE, check=False, **given)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_output_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = typed("list", "reports", stdout=full)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == ["bench: No space left on device; free some space, or name a folder on "
                                                 "another disk"]  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="a locale of POSIX")
def test_a_name_outside_a_terminals_letters_is_one_line(tmp_path: Path) -> None:
    locale = {**os.environ, "LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    for arguments in (("report", "größe"), ("build-dataset", "folder", "--folder", "größe", "--out", "größe")):
        done = typed(*arguments, env=locale)
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.decode().splitlines()
        assert line.startswith("bench: ")


def test_a_reader_that_leaves_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = typed("list", "columns", stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_the_list_names_everything_with_its_source(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.listing.console", Console(width=400))
    assert call("list") == 0
    listed = capsys.readouterr().out
    for name in ("ours", "ti-m", "break-a-scene", "folder", "playroom", "pareto", "prompt-similarity", "paper-vgg"):
        assert name in listed
    assert "Break-A-Scene: handles, then all weights; masked and cross-attention losses (8 variants)" in listed
    assert "phase1_steps" not in listed, "settings are a second look's"
    assert "bench list methods|datasets|metrics|reports|presets" in listed
    assert call("list", "methods") == 0
    listed = capsys.readouterr().out
    for name in ("ours:code", "phase1_steps", "Avrahami et al. 2023"):
        assert name in listed


def test_the_presets_are_listed_with_their_models_and_what_of_them_is_not_pinned(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.listing.console", Console(width=400))
    assert call("list", "presets") == 0
    lines = [line.split("│")[-2].strip() for line in capsys.readouterr().out.splitlines() if line.count("│") == 4]
    assert "openai/clip-vit-large-patch14 (commit 32bd64288804d66eefd0ccbe215aa642df71cc41)" in lines
    assert "checkpoints/vit (files: their hash is recorded with the run)" in lines
    unpinned = {line.split(" ")[0] for line in lines if "not pinned: the commit is recorded with the run" in line}
    assert unpinned == {"facebook/maskformer-swin-large-coco", "facebook/dino-vits16", "facebook/dino-vits8"}


def test_a_method_by_name_shows_its_settings_its_variants_and_its_ledger(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.describe.console", Console(width=400))
    assert call("list", "cd-m") == 0
    shown = capsys.readouterr().out
    for part in ("handle_learning_rate", "0.0005", "learning rate of the handles", "cd-m:code-no-prior", "sources say"):
        assert part in shown
    assert "its K and V get no gradient" in " ".join(shown.split())


def test_the_doctor_cuts_no_command(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.doctor.console", Console(width=80))
    assert call("doctor") == 0
    assert "\u2026" not in capsys.readouterr().out


def test_the_doctor_says_what_is_missing(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert call("doctor") == 0
    examined = capsys.readouterr().out
    assert "torch" in examined
    assert "backbone playroom" in examined


def test_the_doctor_says_which_presets_need_a_model(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.doctor.console", Console(width=400))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert call("doctor") == 0
    lines = capsys.readouterr().out.splitlines()
    (clip,) = [line for line in lines if "openai/clip-vit-large-patch14:" in line]
    (segmenter,) = [line for line in lines if "checkpoints/yolo:" in line]
    (trunk,) = [line for line in lines if "vgg16-" in line]
    assert "evaluator of " in clip
    assert "paper-hf" in clip
    assert "evaluator of playroom-yolo, playroom-em " in segmenter
    assert "LPIPS vgg of paper-vgg " in trunk


def test_the_ledger_of_edits_is_listed(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.describe.console", Console(width=400))
    assert call("list", "edit") == 0
    assert "from-target" in capsys.readouterr().out


def test_a_metric_a_preset_and_the_tables_columns_are_listed_with_their_meaning(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.describe.console", Console(width=400))
    assert call("list", "lpips-diversity") == 0
    assert "why lpips_diversity is NaN, else empty" in capsys.readouterr().out
    assert call("list", "custom-diffusion") == 0
    assert "clip_floor" in capsys.readouterr().out
    assert call("list", "columns") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("cost_disk_bytes", "identity_similarity", "copy_reason"))


def test_brackets_in_a_listing_are_no_markup(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.listing.console", Console(width=400))
    assert call("list", "methods") == 0
    assert "import[from=FOLDER or CSV]" in capsys.readouterr().out
