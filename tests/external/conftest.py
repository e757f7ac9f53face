"""A stand-in for a program of another environment: a small Python script behind the protocol."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

import pytest

from bench.external.method import INTERPRETER, ExternalLearner, ExternalMethod, Requirement
from bench.plugins.method import INCIDENTAL

STAND_IN = """
import json, os, subprocess, sys, time
from pathlib import Path

from PIL import Image

request = json.loads(Path(sys.argv[1]).read_text())
behaviour = request["settings"]["behaviour"]
print("loading", file=sys.stderr)


def save(file, side=request["side"], shade=0):
    Image.new("RGB", (side, side), (shade, len(request["scene"]["concepts"]), 9)).save("part.png")
    os.replace("part.png", file)


def note(number):
    (Path(request["home"]) / "part").write_text(str(number))
    os.replace(Path(request["home"]) / "part", Path(request["home"]) / "child")


if request["verb"] == "fit":
    if behaviour != "nothing learned":
        Path("learned/words.safetensors").write_bytes((Path(request["home"]) / "words.safetensors").read_bytes())
    sys.exit(0)
for number, picture in enumerate(request["pictures"]):
    if behaviour == "crash" and number == 1:
        print("  File x.py, line 1", "torch.OutOfMemoryError: 80 GiB are not enough", "", sep="\\n", file=sys.stderr)
        sys.exit(3)
    if behaviour == "hang" and number == 1:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note(child.pid)
        time.sleep(600)
    if behaviour == "orphan" and number == 1:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note(child.pid)
        os._exit(9)
    if behaviour == "too few" and number == 1:
        break
    if behaviour == "no picture":
        Path(picture["file"]).write_text("picture")
        continue
    save(picture["file"], 2 * request["side"] if behaviour == "too large" else request["side"], picture["seed"] % 256)
if behaviour == "too many":
    save("out/99999.png")
(Path(request["home"]) / "seen.json").write_text(json.dumps({**request, "learned_files": os.listdir("learned"),
                                                             "environment": sorted(os.environ)}))
"""


@dataclass(frozen=True)
class StandIn(ExternalMethod):
    """Draws plain pictures."""

    driver: ClassVar[Path] = Path("set by the fixture")
    side: ClassVar[int] = 24
    needs: ClassVar[tuple[Requirement, ...]] = (
        Requirement(INTERPRETER, "an environment"),
        Requirement("weights.pt", "from its authors"),
    )
    content: ClassVar[tuple[str, ...]] = ("*.pt", "code/*.py")

    home: Annotated[Path, "its folder"] = field(metadata=INCIDENTAL)
    behaviour: Annotated[str, "how it behaves"] = "well"
    minutes: Annotated[float, "how long it may be silent"] = field(default=1.0, metadata=INCIDENTAL)


@dataclass(frozen=True)
class Learner(ExternalLearner, StandIn):
    """Fits the scene first."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of a complete program, whose interpreter is this one."""
    folder = tmp_path / "home"
    (folder / "env" / "bin").mkdir(parents=True)
    (folder / INTERPRETER).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (folder / INTERPRETER).chmod(0o755)
    (folder / "weights.pt").write_bytes(b"weights")
    return folder


@pytest.fixture
def stand_in(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., StandIn]:
    """Makes the method over the stand-in program."""
    driver = tmp_path / "stand_in.py"
    driver.write_text(STAND_IN)
    monkeypatch.setattr(StandIn, "driver", driver)

    def make(role: type[StandIn] = StandIn, **fields: object) -> StandIn:
        return role(home, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def learner() -> type[StandIn]:
    return Learner
