"""The command line: help, lists and errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bench.cli.main import main


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("verb", ["run", "score", "report", "list", "doctor", "build-dataset"])
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(verb, "--help") == 0
    assert "Usage: bench" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["walk"], "No such command"),
        (["run", "--foo"], "No such option"),
        (["run", "--limit", "none"], "--limit"),
        (["list", "colours"], "not one of methods, datasets, metrics, reports, presets"),
        (["score", "nowhere"], "nowhere is no run"),
        (["--path"], "--path needs a folder"),
        (["run", "--backbone", "/no/such/folder"], "backbone /no/such/folder"),
        (["run", "--device", "tpu9"], "tpu9"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], empty: Path
) -> None:
    assert call(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("bench: ")
    assert len(error.strip().splitlines()) == 1


def test_the_list_names_everything_with_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("list") == 0
    listed = capsys.readouterr().out
    for name in ("ours", "ours:code", "ti-m", "break-a-scene", "folder", "playroom", "pareto", "prompt-similarity"):
        assert name in listed


def test_the_presets_are_listed_with_their_models_and_what_of_them_is_not_pinned(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.listing.console", Console(width=400))
    assert call("list", "presets") == 0
    lines = [line.split("│")[-2].strip() for line in capsys.readouterr().out.splitlines() if line.count("│") == 4]
    assert "openai/clip-vit-large-patch14 (commit 32bd64288804d66eefd0ccbe215aa642df71cc41)" in lines
    assert "checkpoints/vit (files: their hash is recorded with the run)" in lines
    unpinned = {line.split(" ")[0] for line in lines if "not pinned: the commit is recorded with the run" in line}
    assert unpinned == {"facebook/maskformer-swin-large-coco", "facebook/dino-vits16", "facebook/dino-vits8"}


def test_a_method_by_name_shows_its_settings_its_variants_and_its_ledger(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.describe.console", Console(width=400))
    assert call("list", "cd-m") == 0
    shown = capsys.readouterr().out
    for part in ("handle_learning_rate", "0.0005", "learning rate of the handles", "cd-m:code-no-prior", "sources say"):
        assert part in shown
    assert "its K and V get no gradient" in " ".join(shown.split())


def test_the_doctor_says_what_is_missing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert call("doctor") == 0
    examined = capsys.readouterr().out
    assert "torch" in examined
    assert "backbone playroom" in examined
    assert "evaluator" in examined


def test_a_metric_a_preset_and_the_tables_columns_are_listed_with_their_meaning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
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
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.cli.listing.console", Console(width=400))
    assert call("list", "methods") == 0
    assert "import[from=FOLDER or CSV]" in capsys.readouterr().out
