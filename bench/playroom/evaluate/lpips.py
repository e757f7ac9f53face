"""How well an LPIPS network puts graded distortions in order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bench.core.scenes import ImageArray
from bench.playroom.evaluate.common import HELD_OUT, HitRate
from bench.playroom.train.data import SIZE
from bench.playroom.world.distortions import ANOTHER, GRADES, MILD, Kind, distort, other_toys
from bench.playroom.world.scene import ToyScene, draw, sample_scene
from bench.playroom.world.toys import COLOURS
from bench.scoring.models.lpips import LpipsDiversity
from bench.scoring.models.sources import LpipsSource


def lpips_figures(folder: Path, count: int) -> dict[str, Any]:
    """How often the LPIPS network in `folder` finds the stronger of two distortions farther from the picture.

    `count` held-out scenes of one or two toys, half of unseen appearance. Each distortion's name: all
    pairs of its four grades; `all`, `seen_looks` and `unseen_looks`: these together. `mild_before_other_toy`: a mild
    distortion against another toy of other colours (`MILD`). Rates with Wilson's 95 % interval; `pixels` has those of
    the mean squared error, to compare. Raises `UserError` if there is no network.
    """
    network = LpipsDiversity.load(LpipsSource("playroom", str(folder)), torch.device("cpu"), batch_size=32)
    by_network: dict[str, list[bool]] = {}
    by_pixels: dict[str, list[bool]] = {}
    for number in range(count):
        scene = _held_out(number)
        picture, ladders = draw(scene, SIZE).picture, _ladders(scene, number)
        appearance = "seen_looks" if scene.toys[0].identity.first in COLOURS else "unseen_looks"
        for distances, outcomes in ((network.distances, by_network), (_squared_errors, by_pixels)):
            measured = {name: distances(picture, ladder) for name, ladder in ladders.items()}
            for figure, right in _in_order(measured, appearance):
                outcomes.setdefault(figure, []).append(right)
    return {**_rates(by_network), "pixels": _rates(by_pixels)}


def _rates(outcomes: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    return {figure: HitRate.of(right).describe() for figure, right in outcomes.items()}


def _squared_errors(picture: ImageArray, others: Sequence[ImageArray]) -> NDArray[np.float64]:
    """The mean squared error of a picture with each of N others, [N]."""
    errors: NDArray[np.float64] = np.square(np.stack(others).astype(np.float64) - picture).mean(axis=(1, 2, 3))
    return errors


def _held_out(number: int) -> ToyScene:
    """A scene of one or two toys that no training sees; every other one has an unseen appearance."""
    rng = np.random.default_rng([HELD_OUT, 6, number])
    return sample_scene(rng, appearance="seen" if number % 4 < 2 else "unseen", count=1 + number % 2)


def _ladders(scene: ToyScene, number: int) -> dict[str, list[ImageArray]]:
    """The grades of every distortion of a scene's picture, by the distortion's name."""
    picture = draw(scene, SIZE).picture
    others = other_toys(scene, np.random.default_rng([HELD_OUT, 7, number]))
    graded = {str(kind): _ladder(kind, picture, number) for kind in GRADES}
    return {**graded, ANOTHER: [draw(other, SIZE).picture for other in others]}


def _in_order(measured: Mapping[str, NDArray[np.float64]], appearance: str) -> Iterator[tuple[str, bool]]:
    """The figures that a pair belongs to and whether the stronger is farther, given the distances of all grades."""
    for name, distances in measured.items():
        for weak, strong in combinations(distances, 2):
            yield from ((figure, bool(weak < strong)) for figure in (name, appearance, "all"))
    mild = np.concatenate([measured[kind][:MILD] for kind in GRADES])
    yield from (("mild_before_other_toy", bool(near < far)) for near, far in product(mild, measured[ANOTHER][-MILD:]))


def _ladder(kind: Kind, picture: ImageArray, seed: int) -> list[ImageArray]:
    """The grades of one distortion of a picture, uint8 [H, W, 3] each."""
    strengths = torch.tensor(GRADES[kind], dtype=torch.float32)
    pixels = torch.tensor(picture).permute(2, 0, 1).float() / 255
    graded = [distort(kind, pixels[None], strength[None], seed)[0] for strength in strengths]
    return [(each * 255).round().byte().permute(1, 2, 0).numpy() for each in graded]
