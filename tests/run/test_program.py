"""A method that is another program, in whole runs: the protocol with a stand-in, from the command line to the table."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.plugins.discovery import refresh

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in's interpreter is a shell script")

METHOD = '''
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from bench.external.method import INTERPRETER, ExternalLearner, Requirement
from bench.plugins.method import INCIDENTAL


@dataclass(frozen=True)
class Method(ExternalLearner):
    """Paints what its program learned."""

    summary: ClassVar[str] = "a program of another environment"
    driver: ClassVar[Path] = Path(__file__).parent / "drivers" / "painter.py"
    side: ClassVar[int] = 64
    needs: ClassVar[tuple[Requirement, ...]] = (
        Requirement(INTERPRETER, "an environment"),
        Requirement("shade.txt", "from its authors"),
    )
    content: ClassVar[tuple[str, ...]] = ("shade.txt",)

    home: Annotated[Path, "its folder"] = field(default=Path("home"), metadata=INCIDENTAL)
    minutes: Annotated[float, "how long it may be silent"] = field(default=2.0, metadata=INCIDENTAL)
'''
DRIVER = """
import json, os, sys
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

request = json.loads(Path(sys.argv[1]).read_text())
home = Path(request["home"])
with (home / "calls.txt").open("a") as log:
    log.write(request["verb"] + " ")
if request["verb"] == "fit":
    colour = np.asarray(Image.open(request["scene"]["pictures"][0])).mean(axis=(0, 1))
    save_file({"colour": colour * int((home / "shade.txt").read_text()) / 100}, "learned/painter.safetensors")
for number, picture in enumerate(request["pictures"]):
    if number == 1 and not (home / "whole").exists():
        sys.exit("out of paint")
    colour = load_file("learned/painter.safetensors")["colour"].astype(np.uint8)
    Image.fromarray(np.tile(colour, (request["side"], request["side"], 1))).save("part.png")
    os.replace("part.png", picture["file"])
"""
RUN = ("run", "--dataset", "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]", "--name", "r", "--methods")
Bench = Callable[..., int]


@pytest.fixture
def home(bench: Bench, drop_ins: Path, tmp_path: Path) -> Path:
    """The program's folder, complete; its method is known as `painter`."""
    assert bench is not None
    (drop_ins / "drivers").mkdir()
    (drop_ins / "drivers" / "painter.py").write_text(DRIVER)
    (drop_ins / "painter.py").write_text(METHOD)
    refresh()
    interpreter = tmp_path / "home" / "env" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    interpreter.chmod(0o755)
    (tmp_path / "home" / "shade.txt").write_text("50")
    (tmp_path / "home" / "whole").touch()
    return tmp_path / "home"


def painted() -> pd.DataFrame:
    frame = pd.read_parquet("runs/r/scores.parquet")
    return frame[frame["method"] == "painter"].drop_duplicates("picture")


def test_its_pictures_are_scored_beside_a_methods_and_made_once(bench: Bench, home: Path) -> None:
    assert bench(*RUN, "quick,painter") == 0
    assert len(painted()) == 3
    colours = {np.asarray(Image.open(Path("runs/r") / file)).reshape(-1, 3)[0].tobytes() for file in painted()["file"]}
    assert len(colours) == 1, "what the fit learned"
    assert np.isfinite(painted()["prompt_similarity"]).all()
    assert not list(Path("runs/r").glob("fits/*"))
    assert bench(*RUN, "quick,painter") == 0
    assert (home / "calls.txt").read_text() == "fit generate "


def test_a_program_that_stops_half_way_goes_on_where_it_was(bench: Bench, home: Path) -> None:
    (home / "whole").unlink()
    assert bench(*RUN, "quick,painter") == 1
    (told,) = Path("runs/r/failed").iterdir()
    assert "it said: out of paint" in told.read_text()
    (home / "whole").touch()
    assert bench(*RUN, "quick,painter", "--retry-failed") == 0
    assert (home / "calls.txt").read_text() == "fit generate generate ", "it did not fit again"
    assert len(painted()) == 3


def test_other_checkpoints_are_another_fit(bench: Bench, home: Path) -> None:
    assert bench(*RUN, "painter") == 0
    first = set(painted()["unit"])
    (home / "shade.txt").write_text("80")
    assert bench(*RUN, "painter") == 0
    assert first.isdisjoint(painted()["unit"])


def test_without_its_checkpoints_nothing_begins(bench: Bench, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "shade.txt").unlink()
    assert bench(*RUN, "painter") == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.endswith("painter cannot run here: home lacks shade.txt (from its authors)")
    assert not Path("runs/r/run.json").exists()
