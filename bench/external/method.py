"""`fit` and `generate` of a method that is another program."""

from __future__ import annotations

import contextlib
import json
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bench.core.errors import UserError
from bench.core.hashing import bytes_hash, content_hash
from bench.core.images import mask_png, picture_png
from bench.core.leftovers import scratch_folder
from bench.core.scenes import ImageArray, Scene
from bench.external.program import OUT, Program, ProgramError, picture_file, started
from bench.plugins.backbone import BackboneLimits
from bench.plugins.method import MethodContext, Request

if TYPE_CHECKING:
    from bench.plugins.method import FitState

PROTOCOL = 1
DRIVERS = Path(__file__).parent / "drivers"
"""The folder of the drivers of built-in methods."""
INTERPRETER = "env/bin/python"
"""The interpreter of the program's environment, relative to its home."""
LEARNED = "learned"
_SEEDS = 2**32


@dataclass(frozen=True)
class Requirement:
    """A file or folder that must be in a program's home, and how to install it."""

    path: str
    how: str


class ExternalMethod(ABC):
    """A method whose pictures another program draws, without learning anything from a scene first.

    The program has the device's memory: the backbone is moved away before it starts.

    A subclass is a frozen dataclass with the fields `home` (the program's folder, with its environment in `env`) and
    `minutes` (how long the program may run without a new picture), both marked `INCIDENTAL`. `driver` is the file
    that the environment's interpreter runs, `side` the side of the pictures it draws, `content` the patterns of
    the files in `home` that its results depend on.
    """

    home: Path
    minutes: float
    driver: ClassVar[Path]
    side: ClassVar[int] = 512
    needs: ClassVar[tuple[Requirement, ...]]
    content: ClassVar[tuple[str, ...]]

    @property
    def picture_side(self) -> int:
        """The side of the pictures that the program draws, in pixels."""
        return self.side

    def missing_requirements(self) -> str | None:
        """What is missing from `home` and how to get it, in one line; None if nothing is missing."""
        missing = [need for need in self.needs if not (self.home / need.path).exists()]
        told = "; ".join(f"{need.path} ({need.how})" for need in missing)
        return f"{self.home} lacks {told}" if missing else None

    def fingerprint(self) -> str:
        """A hash of the driver and of all files that `content` names, 64 hexadecimal digits.

        Raises `UserError` if something is missing.
        """
        if why := self.missing_requirements():
            raise UserError(why)
        files = sorted({file for pattern in self.content for file in self.home.glob(pattern) if file.is_file()})
        named = [f"{file.relative_to(self.home).as_posix()} {content_hash(file)}\n" for file in files]
        return bytes_hash("".join([content_hash(self.driver), *named]).encode())

    def check_scene(self, scene: Scene, limits: BackboneLimits) -> None:  # noqa: ARG002 - the protocol's
        """Raise `UserError` if a mask of the scene is empty."""
        for concept in scene.concepts:
            if not concept.mask.any():
                raise UserError(f"{scene.name}: the mask of '{concept.label}' is empty, and it is needed")

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Learn nothing: an encoder reads the scene when it draws.

        Raises `UserError` if a part of the program or a mask is missing.
        """
        self._check(scene)
        context.on_step(1, 1)
        return {}

    def generate(
        self, state: FitState, scene: Scene, requests: Sequence[Request], context: MethodContext
    ) -> Iterator[ImageArray]:
        """Yield the requested pictures as they are finished, in order, uint8 [side, side, 3].

        Raises `ProgramError` if the program fails, times out, or writes other pictures than requested.
        """
        with _work_folder() as folder:
            self._write_request(folder, "generate", scene, context, requests)
            _write_learned(folder / LEARNED, state)
            context.backbone.move_away()
            with self._started(folder) as program:
                for number in range(len(requests)):
                    yield program.picture(number, self.side)
                program.finish(len(requests))

    def _check(self, scene: Scene) -> None:
        if why := self.missing_requirements():
            raise UserError(why)
        for concept in scene.concepts:
            if not concept.mask.any():
                raise UserError(f"{scene.name}: the mask of '{concept.label}' is empty, and it is needed")

    def _started(self, folder: Path) -> contextlib.AbstractContextManager[Program]:
        # absolute, but no link followed: an environment's interpreter finds its packages by its own place
        command = [str(self.home.absolute() / INTERPRETER), str(self.driver), "request.json"]
        return started(command, folder, self.minutes * 60)

    def _write_request(
        self, folder: Path, verb: str, scene: Scene, context: MethodContext, requests: Sequence[Request]
    ) -> None:
        # Any: a base class cannot say that its subclasses are dataclasses.
        own: Any = self
        content = {
            "protocol": PROTOCOL,
            "verb": verb,
            "home": str(self.home.absolute()),
            "settings": {
                each.name: getattr(self, each.name) for each in fields(own) if not each.metadata.get("incidental")
            },
            "seed": context.fit_seed % _SEEDS,
            "side": self.side,
            "scene": _write_scene(folder, scene),
            "learned": LEARNED,
            "pictures": [_picture_request(scene, request, number) for number, request in enumerate(requests)],
        }
        (folder / "request.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


class ExternalLearner(ExternalMethod):
    """A method of another program that fits the scene first."""

    def fit(self, scene: Scene, context: MethodContext) -> FitState:
        """Let the program fit; returns all tensors that it wrote, by `FILE/NAME`.

        Raises `UserError` if a part of the program or a mask is missing, `ProgramError` if it fails or writes
        nothing.
        """
        self._check(scene)
        with _work_folder() as folder:
            self._write_request(folder, "fit", scene, context, ())
            context.backbone.move_away()
            with self._started(folder) as program:
                program.finish(0)
            state = _read_learned(folder / LEARNED)
        if not state:
            raise ProgramError(f"the program ended well, but its fit left no safetensors file in {LEARNED}/")
        context.on_step(1, 1)
        return state


@contextlib.contextmanager
def _work_folder() -> Iterator[Path]:
    with scratch_folder() as folder:
        (folder / OUT).mkdir()
        (folder / LEARNED).mkdir()
        yield folder


def _write_scene(folder: Path, scene: Scene) -> Mapping[str, object]:
    for number, picture in enumerate(scene.pictures):
        (folder / f"picture{number}.png").write_bytes(picture_png(picture))
    for number, concept in enumerate(scene.concepts):
        (folder / f"mask{number}.png").write_bytes(mask_png(concept.mask))
    return {
        "name": scene.name,
        "pictures": [f"picture{number}.png" for number in range(len(scene.pictures))],
        "concepts": [
            {
                "label": concept.label,
                "object": concept.object,
                "handle": concept.handle,
                "mask": f"mask{number}.png",
                "picture": concept.picture,
            }
            for number, concept in enumerate(scene.concepts)
        ],
    }


def _picture_request(scene: Scene, request: Request, number: int) -> Mapping[str, object]:
    return {
        "file": picture_file(number),
        "text": scene.text_with_classes(request.prompt),
        "text_with_handles": scene.text_with_handles(request.prompt),
        "text_of_background": scene.text_of_background(request.prompt),
        "template": request.prompt.template,
        "subset": list(request.prompt.subset),
        "sample": request.prompt.sample,
        "seed": request.noise_seed % _SEEDS,
    }


def _read_learned(folder: Path) -> FitState:
    from safetensors.torch import load_file  # noqa: PLC0415 - torch is slow to import

    return {
        f"{file.stem}/{name}": tensor
        for file in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def _write_learned(folder: Path, state: FitState) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415 - torch is slow to import

    for stem in sorted({name.split("/")[0] for name in state}):
        own = {name.split("/", 1)[1]: tensor for name, tensor in state.items() if name.startswith(f"{stem}/")}
        save_file(own, folder / f"{stem}.safetensors")
