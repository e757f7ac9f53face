"""The hash of a drop-in's source: it changes with what can change a result, and with nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.plugins.discovery import ENVIRONMENT, add_path, discover, find, refresh
from bench.plugins.source import hashed_text, reached_files, source_hash

ROOT = Path(__file__).parents[2]
METHOD = '''"""A method of mine."""

from __future__ import annotations

from dataclasses import dataclass

import palette
from bench.core.errors import UserError


@dataclass(frozen=True)
class Method:
    """Paints."""

    colour: int = 7
    """Which."""

    def fit(self, scene, context):
        """Learn nothing."""
        return {}

    def generate(self, state, scene, requests, context):
        if not requests:
            raise UserError("nothing to paint")
        yield from (scene.picture * 0 + palette.shade(self.colour) for _ in requests)
'''
PALETTE = '''"""Colours."""

import tones


def shade(colour):
    return tones.LIGHT + colour
'''


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A user's folder: the method `painter`, its helper `palette`, and that one's helper `tones`."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "painter.py").write_text(METHOD)
    (folder / "palette.py").write_text(PALETTE)
    (folder / "tones.py").write_text("LIGHT = 3\n")
    add_path(folder)
    return folder


def hash_of(name: str) -> str:
    """The hash of a method's source as its files are now."""
    refresh()
    return source_hash(find("methods", name))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_helpers_can_be_imported_and_are_not_broken_drop_ins(mine: Path) -> None:
    method = find("methods", "painter").role()
    assert method.fit(None, None) == {}
    import palette

    assert palette.shade(4) == 7
    assert discover("methods").broken == ()
    assert not {"palette", "tones"} & set(discover("methods").found)


def test_helpers_lie_in_the_kinds_own_folder_too(tmp_path: Path) -> None:
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "painter.py").write_text(METHOD.replace("import palette", "from . import palette"))
    (tmp_path / "methods" / "palette.py").write_text("def shade(colour):\n    return colour\n")
    (tmp_path / "methods" / "forgotten.py").write_text("x = 1\n")
    add_path(tmp_path)
    before = hash_of("painter")
    assert [broken.name for broken in discover("methods").broken] == ["forgotten"]
    edit(tmp_path / "methods" / "palette.py", "return colour", "return 2 * colour")
    assert hash_of("painter") != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("painter.py", "colour: int = 7", "colour: int = 8"),
        ("painter.py", '"nothing to paint"', '"paint  nothing"'),
        ("painter.py", "import palette", "import tones as palette"),
        ("painter.py", "import UserError", "import Other as UserError"),
        ("palette.py", "+ colour", "- colour"),
        ("tones.py", "3", "4"),
    ],
)
def test_what_changes_it(mine: Path, file: str, old: str, new: str) -> None:
    before = source_hash(find("methods", "painter"))
    text = (mine / file).read_text()
    assert old in text
    (mine / file).write_text(text.replace(old, new))
    # the edited file need not run: some of these name what there is not
    drop_in = find("methods", "painter")
    source_hash.cache_clear()
    assert source_hash(drop_in) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("painter.py", '"""Paints."""', '"""Paints\n\n    with a brush: ä, 漢.\n    """'),
        ("painter.py", '    """Which."""\n', ""),
        ("painter.py", '        """Learn nothing."""\n', ""),
        (
            "painter.py",
            "from bench.core.errors import UserError",
            "from bench.api import (\n    Scene,\n    UserError,\n)",
        ),
        ("painter.py", "import palette\n", "import palette\nfrom typing import TYPE_CHECKING\n"),
        ("painter.py", "return {}", "from bench.api import Scene\n        return {}"),
        ("painter.py", "\n\n@data", "\nif TYPE_CHECKING:\n    import torch\n\n\n\n@data"),
        ("painter.py", "return {}\n", "return {}   \n\n\n"),
        ("palette.py", '"""Colours."""', ""),
        ("tones.py", "3\n", "3\n\n"),
    ],
)
def test_what_does_not(mine: Path, file: str, old: str, new: str) -> None:
    drop_in = find("methods", "painter")
    before = source_hash(drop_in)
    edit(mine / file, old, new)
    source_hash.cache_clear()
    assert source_hash(drop_in) == before


def test_it_is_read_once_a_process_and_anew_after_a_refresh(mine: Path) -> None:
    drop_in = find("methods", "painter")
    before = source_hash(drop_in)
    edit(mine / "tones.py", "3", "5")
    assert source_hash(drop_in) == before
    assert hash_of("painter") != before


def test_a_base_class_in_another_drop_in_counts(mine: Path) -> None:
    (mine / "heir.py").write_text(
        "from bench.methods.painter import Method as Painter\n\n\nclass Method(Painter): ...\n"
    )
    before = hash_of("heir")
    edit(mine / "tones.py", "3", "5")
    after = hash_of("heir")
    assert after != before
    edit(mine / "painter.py", "colour: int = 7", "colour: int = 8")
    assert hash_of("heir") not in (before, after)


def test_a_package_of_helpers_counts_whole(mine: Path) -> None:
    (mine / "kit").mkdir()
    (mine / "kit" / "__init__.py").write_text("")
    (mine / "kit" / "brush.py").write_text("WIDTH = 1\n")
    edit(mine / "palette.py", "import tones", "import kit.brush\nimport tones")
    before = hash_of("painter")
    edit(mine / "kit" / "brush.py", "1", "2")
    assert hash_of("painter") != before


def test_an_unused_file_does_not_count(mine: Path) -> None:
    before = hash_of("painter")
    (mine / "other.py").write_text("import tones\n")
    assert hash_of("painter") == before


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A copy of the checkout whose `bench.api` leads to the trainer, and a user's method that uses EM's masks."""
    ignored = shutil.ignore_patterns("checkpoints", "__pycache__")
    for folder in ("bench", "methods", "datasets", "reports"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "bench" / "api.py").write_text('_MODULES = {"UserError": "bench.diffusion.training.trainer"}\n')
    (tmp_path / "user.py").write_text(METHOD.replace("import palette", "from bench.diffusion.em.crf import DenseCrf"))
    return tmp_path


def hash_in_the_copy(root: Path) -> str:
    """In a process of its own, where the copy is the package."""
    code = (
        "from pathlib import Path\n"
        "from bench.plugins.discovery import DropIn\n"
        "from bench.plugins.source import source_hash\n"
        "print(source_hash(DropIn('methods', 'user', Path('user.py').resolve(), object)))"
    )
    env = {**os.environ, "PYTHONPATH": str(root), ENVIRONMENT: ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_sub_package_counts_that_the_api_does_not_lead_to(engine: Path) -> None:
    before = hash_in_the_copy(engine)
    with (engine / "bench/diffusion/em/latent_scene.py").open("a") as file:
        file.write("\nMORE = 1\n")
    assert hash_in_the_copy(engine) != before


def test_what_lies_behind_the_api_does_not_count(engine: Path) -> None:
    before = hash_in_the_copy(engine)
    for elsewhere in ("bench/diffusion/training/trainer.py", "bench/core/errors.py", "bench/api.py"):
        with (engine / elsewhere).open("a") as file:
            file.write("\nMORE = 1\n")
    edit(engine / "user.py", "from bench.core.errors import UserError", "from bench.api import Scene, UserError")
    assert hash_in_the_copy(engine) == before


@pytest.mark.parametrize(("name", "packages"), [("ours", set()), ("em", {"em"}), ("clic", {"clic", "editing"})])
def test_of_the_engine_a_built_in_method_counts_what_the_api_does_not_lead_to(name: str, packages: set[str]) -> None:
    found = find("methods", name)
    reached = {each.file for each in reached_files(found)}
    own = {file for package in packages for file in (ROOT / "bench" / "diffusion" / package).glob("*.py")}
    assert reached == {found.file} | own


def test_two_helpers_of_one_name_are_an_error_that_names_both(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "palette.py").write_text("x = 1\n")
    add_path(tmp_path / "more")
    (broken,) = discover("methods").broken
    assert broken.name == "painter"
    assert str(mine / "palette.py") in broken.why
    assert str(tmp_path / "more" / "palette.py") in broken.why


def test_helpers_shadow_nothing_that_is_installed(mine: Path) -> None:
    (mine / "json.py").write_text("raise RuntimeError\n")
    (mine / "numpy.py").write_text("raise RuntimeError\n")
    (mine / "datasets").mkdir()
    edit(mine / "palette.py", "import tones", "import json\nimport numpy\nimport tones")
    before = hash_of("painter")
    (mine / "json.py").write_text("x = 1\n")
    assert hash_of("painter") == before
    code = "import bench.methods, datasets; print(datasets.Dataset.__module__)"
    env = {**os.environ, ENVIRONMENT: str(mine)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=mine.parent, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "datasets.arrow_dataset"


def test_a_helper_that_is_no_python_is_one_line(mine: Path) -> None:
    edit(mine / "painter.py", "        return {}", "        import late\n        return {}")
    (mine / "late.py").write_text("def (:\n")
    with pytest.raises(UserError, match=r"late\.py is not Python") as error:
        hash_of("painter")
    assert "\n" not in str(error.value)


TRICKY = '''\
"""Doc."""; import bench.api, typing; X = 1   # kept
from bench.core import (  # a comment
    masks as m, geometry,
)
import numpy as np, bench
def f(): "doc"
class A:
    ("a doc "
     "in two")
    b = """kept:~~~

  """
    c = f"""{
        f(1)
    }~~~

end"""~~~
    if typing.TYPE_CHECKING:
        import torch
    def é(self):
        \'\'\'ä\'\'\'; return "ä"

        import bench.data.load as l
'''.replace("~", " ")
KEPT = '''\
; ; X = 1   # kept
import numpy as np, bench
def f():
class A:
    b = """kept:~~~

  """
    c = f"""{
        f(1)
    }~~~

end"""
    def é(self):
        ; return "ä"
load as l
masks as m'''.replace("~", " ")


def test_the_text_that_counts_is_the_same_on_every_python() -> None:
    """Strings keep their lines; what is written in one line, in brackets and outside ASCII is cut where it stands."""
    assert hashed_text(TRICKY.encode()) == KEPT
    assert hashed_text(TRICKY.replace("\n", "\r\n").encode()) == KEPT
    assert hashed_text(b"\xef\xbb\xbf" + TRICKY.encode()) == KEPT
