"""What a newcomer looks up, misspells or leaves out, and what is said."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bench.cli import describe
from bench.core import progress
from bench.plugins.discovery import refresh

Own = Callable[[str, str], None]
ROOT = Path(__file__).parents[2]
METRIC = '''
from dataclasses import dataclass
from typing import ClassVar

from bench.api import Column


@dataclass(frozen=True)
class Metric:
    """How bright a picture is."""

    grain: ClassVar[str] = "picture"
    needs: ClassVar[tuple[str, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = (Column("brightness", "mean grey level", range=(0.0, 255.0)),)

    def score(self, batch):
        return [{"brightness": float(job.picture.mean())} for job in batch.jobs]
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Own]:
    """Writes files into a folder of one's own, known to the engine, from an empty folder."""
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_PATH", str(folder))

    def write(name: str, text: str) -> None:
        (folder / name).write_text(text)
        refresh()

    yield write
    monkeypatch.undo()
    refresh()


@pytest.mark.parametrize(
    "verb",
    [
        "run",
        "score",
        "report",
        "list",
        "edit",
        "generate",
        "masks",
        "audit",
        "doctor",
        "convert-yolo",
        "build-dataset",
        "build-dataset folder",
    ],
)
def test_the_help_of_every_verb_tells_of_path(
    call: Callable[..., int], verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*verb.split(), "--help") == 0
    assert "--path DIR (or $BENCH_PATH), anywhere on the line" in " ".join(capsys.readouterr().out.split())


def test_a_broken_file_asked_for_by_name_says_why(
    call: Callable[..., int], own: Own, capsys: pytest.CaptureFixture[str]
) -> None:
    own("nosource.py", METRIC.replace('grain: ClassVar[str] = "picture"', 'grain: ClassVar[str] = "page"'))
    assert call("list", "nosource") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bench: ")
    assert "nosource.py is broken: ValueError: its class Metric names 'page', which is none of picture" in line


def test_a_misspelt_name_is_told_from_a_broken_file(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("list", "leakag") == 2
    assert "did you mean leakage?" in capsys.readouterr().err


def test_the_range_of_a_column_that_is_not_compared_is_listed(
    call: Callable[..., int], own: Own, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe, "console", Console(width=200))
    own("brightness.py", METRIC)
    assert call("list", "brightness") == 0
    assert "0 to 255" in capsys.readouterr().out
    assert call("list", "columns") == 0
    listed = capsys.readouterr().out
    assert "mean grey level" in listed
    assert "identity_similarity with fill=grey" in listed, "a preset's own columns too"


@pytest.mark.parametrize(
    ("role", "body"),
    [("Method", "steps: int = 3"), ("Builder", "scenes: int = 3"), ("Report", "wide: bool = False")],
)
def test_a_drop_in_whose_settings_could_change_is_refused(
    call: Callable[..., int], own: Own, role: str, body: str, capsys: pytest.CaptureFixture[str]
) -> None:
    own("loose.py", f"from dataclasses import dataclass\n\n\n@dataclass\nclass {role}:\n    {body}\n")
    assert call("list", "loose") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"loose.py is broken: TypeError: its class {role} is not frozen" in line
    assert "@dataclass(frozen=True)" in line


def test_brackets_of_a_spec_stay_on_the_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=shown, width=120, force_terminal=True))
    with progress.progress_bar("ours[steps=1] on [red]", 1) as bar:
        bar.advance()
    assert "ours[steps=1] on [red]" in shown.getvalue()


def test_a_preset_lists_the_words_of_its_segmenter(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe, "console", Console(width=200))
    assert call("list", "playroom-yolo") == 0
    words = "ball, boat, car, duck, fish, heart, house, mug, mushroom, rocket, star, tree, umbrella"
    assert f"class words that the segmenter knows\n{words}\n" in capsys.readouterr().out


def test_without_a_network_a_presets_words_are_told_not_to_be_known_at_once(
    call: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(describe, "console", Console(width=600))
    monkeypatch.setattr("bench.scoring.models.availability.try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr("bench.scoring.models.availability.HfApi.model_info", refuse)
    assert call("list", "paper") == 0
    assert "not known here: the model facebook/maskformer-swin-large-coco" in capsys.readouterr().out


RECIPE = '''
from dataclasses import dataclass

from bench.api import Optimiser, Phase, Recipe, RecipeMethod, SceneSamples


@dataclass(frozen=True)
class Method(RecipeMethod):
    """Handles, then what there is not."""

    second: str = "everything"

    def recipe(self) -> Recipe:
        return Recipe(
            phases=(Phase("handles", 4, learning_rate=5e-4), Phase(self.second, 4, learning_rate=5e-4)),
            samples=SceneSamples("uniform", flip=0.0),
            optimiser=Optimiser("adam", betas=(0.9, 0.99), weight_decay=1e-8),
            initialiser="mean",
            masked=True,
        )
'''
BUILDER = '''
from dataclasses import dataclass


@dataclass(frozen=True)
class Builder:
    """Builds nothing."""

    scenes: int = 1

    def build(self, out):
        raise AssertionError
'''


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_recipe_that_cannot_be_is_told_before_a_dataset_is_built(
    more: tuple[str, ...], call: Callable[..., int], own: Own, capsys: pytest.CaptureFixture[str]
) -> None:
    own("two_phase.py", RECIPE)
    own("plain.py", BUILDER)
    assert call("run", "--methods", "two-phase[second=kv]", "--dataset", "plain", *more) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "two_phase.py" in line
    assert "'kv'" in line
    assert not Path("runs").exists()


def test_a_drop_in_without_a_source_is_listed_with_its_file(
    call: Callable[..., int], own: Own, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describe, "console", Console(width=400))
    own("two_phase.py", RECIPE)
    assert call("list", "two-phase") == 0
    assert str(Path("own/two_phase.py").resolve()) in capsys.readouterr().out


@pytest.mark.parametrize("verb", [("build-dataset", "plain"), ("run", "--methods", "real", "--dataset", "plain")])
def test_a_builder_without_templates_says_what_it_would_declare(
    verb: tuple[str, ...], call: Callable[..., int], own: Own, capsys: pytest.CaptureFixture[str]
) -> None:
    own("plain.py", BUILDER)
    assert call(*verb, "--templates", "a photo of {tokens}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "plain takes no --templates: in " in line
    assert 'plain.py, the class Builder would declare `templates: str = ""`' in line
    assert "--templates" not in _help_of(call, capsys)


def _help_of(call: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> str:
    assert call("build-dataset", "plain", "--help") == 0
    return capsys.readouterr().out


def test_a_piped_list_folds_no_name() -> None:
    """No terminal: of 80 columns, as a terminal is taken to have that does not say, none is known."""
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    command = [sys.executable, "-m", "bench.cli.main", "list", "methods"]
    piped = subprocess.run(command, capture_output=True, text=True, env=environment, check=True, cwd=ROOT).stdout
    assert "ours:cross-attention-only " in piped


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("build-dataset", "folder", "--images", "X"), "; did you mean --templates? Known: --out, --folder, "),
        (("build-dataset", "folder", "--images", "X"), "`bench build-dataset folder --help`"),
        (("build-dataset", "folder", "--foldr", "X"), "No such option: --foldr; did you mean --folder?"),
        (("run", "--method", "ours"), "No such option: --method; did you mean --methods? (`bench --help`, `bench run"),
        (("run", "--budget", "quik"), "this backbone has no budget 'quik'; did you mean quick? Known: full, quick"),
        (("run", "--methods", "ours:no-phase1"), "'ours' has no variant 'no-phase1'; did you mean no-phase-1? Known: "),
        (("run", "--methods", "ours[phase1_steps=abc]"), "ours[phase1_steps=abc]: not a whole number"),
        (("run", "--methods", "ours[phase1_steps=-1]"), "ours[phase1_steps=-1]: must be greater than or equal to 0"),
        (("run", "--methods", "ours[masked=perhaps]"), "ours[masked=perhaps]: not true or false"),
        (("run", "--methods", "ours[phase1_learning_rate=fast]"), "[phase1_learning_rate=fast]: not a number"),
    ],
)
def test_a_slip_of_the_command_line_names_what_may_be_meant(
    call: Callable[..., int],
    own: Own,
    command: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(*command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not Path("runs").exists()
