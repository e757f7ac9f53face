"""Drop-ins: found by file name, broken ones reported, names unique."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.plugins.discovery import ENVIRONMENT, KINDS, add_path, discover, find

ROOT = Path(__file__).parents[2]
METHOD = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Method:
    \"\"\"A method of mine.\"\"\"
    colour: int = 7

    def fit(self, scene, workbench):
        return {}

    def generate(self, state, scene, requests, workbench):
        yield from (scene.picture for _ in requests)
"""


def test_built_in_drop_ins_are_found() -> None:
    assert {"ours", "ti-m"} <= set(discover("methods").found)
    assert {"break-a-scene", "folder", "playroom"} <= set(discover("datasets").found)
    assert "pareto" in discover("reports").found


@pytest.mark.parametrize("folder", ["", "methods"])
def test_a_file_in_a_named_folder_is_a_method(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "my_own.py").write_text(METHOD)
    add_path(tmp_path)
    found = find("methods", "my-own")
    assert found.file == (tmp_path / folder / "my_own.py").resolve()
    assert found.role.__module__ == "bench.methods.my_own"
    assert found.summary == "A method of mine."
    assert "my-own" not in discover("datasets").found
    assert str(tmp_path) in os.environ[ENVIRONMENT]


def test_a_broken_file_is_reported_and_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(METHOD)
    (tmp_path / "bad.py").write_text("import nothing_of_this_name\nclass Method: ...\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    add_path(tmp_path)
    discovery = discover("methods")
    assert {"good", "ours"} <= set(discovery.found)
    why = {broken.name: broken.why for broken in discovery.broken}
    assert "nothing_of_this_name" in why["bad"]
    assert "no class Method" in why["empty"]
    with pytest.raises(UserError, match=r"bad\.py is broken.*nothing_of_this_name"):
        find("methods", "bad")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise SystemExit", "SystemExit"),
        ("raise BaseException('a\\nb')", "BaseException: a"),
        ("Method.ledger = 3", "TypeError: its ledger is not a tuple of FidelityNotes"),
        ("Method.ledger = ('a note',)", "TypeError: its ledger is not a tuple of FidelityNotes"),
        ("Method.variants = 3", "TypeError: its variants are not a mapping of names to the fields they set"),
        (
            "Method.variants = {'a': 3}",
            "TypeError: its variants are not a mapping of names to the fields they set",
        ),
        ("Method.variants = {'a': {'no': 1}}", "TypeError: its variants set 'no', which is none of its fields"),
    ],
)
def test_a_file_that_ends_the_program_or_is_described_wrongly_is_broken(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "bad.py").write_text(f"{METHOD}\n{line}\n")
    add_path(tmp_path)
    assert [broken.why for broken in discover("methods").broken] == [why]


def test_a_file_that_is_interrupted_is_not_broken(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("raise KeyboardInterrupt\nclass Method: ...\n")
    add_path(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        discover("methods")


def test_columns_that_are_none_are_one_line(tmp_path: Path) -> None:
    wrong = "Metric.columns = ('a',)\nMetric.grain = 'picture'\nMetric.needs = ()\n"
    (tmp_path / "odd.py").write_text(METHOD.replace("class Method", "class Metric") + wrong)
    add_path(tmp_path)
    (broken,) = discover("metrics").broken
    assert broken.why == "TypeError: its columns are not a tuple of Columns"


def test_a_name_taken_twice_names_both_files(tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text(METHOD)
    add_path(tmp_path)
    with pytest.raises(UserError) as error:
        discover("methods")
    assert str(tmp_path / "ours.py") in str(error.value)
    assert str(ROOT / "methods" / "ours.py") in str(error.value)


def test_an_unknown_name_gets_the_closest_one() -> None:
    with pytest.raises(UserError, match="did you mean ours"):
        find("methods", "our")


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        add_path(tmp_path / "nowhere")


def test_hugging_faces_datasets_is_not_shadowed_at_the_root() -> None:
    code = "import datasets; print(datasets.__file__); print(datasets.Dataset.__module__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    file, module = done.stdout.split()
    assert not Path(file).is_relative_to(ROOT / "datasets")
    assert module == "datasets.arrow_dataset"


def test_content_folders_have_no_init() -> None:
    assert not [kind for kind in KINDS if (ROOT / kind / "__init__.py").exists()]
