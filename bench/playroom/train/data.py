"""Scenes and single toys drawn once, on all cores, and kept in memory-mapped files for the trainings."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.playroom.world.scene import RENDERER, PlacedToy, ToyScene, draw, sample_scene
from bench.playroom.world.toys import CLASSES, ToyIdentity, sample_toy_identity

SIZE = 64
"""Side of Playroom's pictures in pixels."""
VIEWS = 4
"""The number of drawings per toy of `load_toys`."""


@dataclass(frozen=True)
class Scenes:
    """N scenes: pictures uint8 [N, 64, 64, 3]; instances uint8 [N, 64, 64], k + 1 where toy k shows."""

    pictures: NDArray[np.uint8]
    instances: NDArray[np.uint8]
    scenes: tuple[ToyScene, ...]

    def __len__(self) -> int:
        return len(self.scenes)


@dataclass(frozen=True)
class Toys:
    """N toys alone on black: pictures uint8 [N, VIEWS, 64, 64, 3]; their classes int [N], as in `CLASSES`."""

    pictures: NDArray[np.uint8]
    classes: NDArray[np.int64]


def load_scenes(state: Path, count: int, seed: int) -> Scenes:
    """The training scenes 0 to `count` - 1 of `seed`, of seen appearance; drawn on all cores at the first call."""
    folder = state / f"scenes-r{RENDERER}-s{seed}-n{count}"
    if not (folder / "scenes.pkl").is_file():
        _draw_all(folder, count, seed)
    with (folder / "scenes.pkl").open("rb") as file:
        scenes = tuple(pickle.load(file))  # our own file, written by _draw_all
    pictures, instances = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("pictures", "instances"))
    return Scenes(pictures, instances, scenes)


def _draw_all(folder: Path, count: int, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pictures = np.lib.format.open_memmap(folder / "pictures.npy", "w+", np.uint8, (count, SIZE, SIZE, 3))
    instances = np.lib.format.open_memmap(folder / "instances.npy", "w+", np.uint8, (count, SIZE, SIZE))
    scenes: list[ToyScene] = []
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        jobs = ((seed, index) for index in range(count))
        for index, (scene, picture, labels) in enumerate(pool.imap(_draw_one, jobs, chunksize=64)):
            scenes.append(scene)
            pictures[index], instances[index] = picture, labels
    pictures.flush()
    instances.flush()
    (folder / "scenes.pkl").write_bytes(pickle.dumps(scenes))


def _draw_one(job: tuple[int, int]) -> tuple[ToyScene, NDArray[np.uint8], NDArray[np.uint8]]:
    scene = sample_scene(np.random.default_rng(job))
    drawing = draw(scene, SIZE)
    numbers = np.arange(1, len(scene.toys) + 1, dtype=np.uint8)[:, None, None]
    return scene, drawing.picture, (numbers * drawing.masks).sum(axis=0, dtype=np.uint8)


def load_toys(state: Path, count: int, seed: int) -> Toys:
    """The training toys 0 to `count` - 1 of `seed`, of seen appearance; drawn on all cores at the first call."""
    folder = state / f"toys-r{RENDERER}-s{seed}-n{count}"
    if not (folder / "classes.npy").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        shape = (count, VIEWS, SIZE, SIZE, 3)
        pictures = np.lib.format.open_memmap(folder / "pictures.npy", "w+", np.uint8, shape)
        with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
            jobs = ((seed, index) for index in range(count))
            for index, views in enumerate(pool.imap(_draw_views, jobs, chunksize=32)):
                pictures[index] = views
        pictures.flush()
        np.save(folder / "classes.npy", np.arange(count) % len(CLASSES))
    return Toys(np.load(folder / "pictures.npy", mmap_mode="r"), np.load(folder / "classes.npy"))


def _draw_views(job: tuple[int, int]) -> NDArray[np.uint8]:
    seed, index = job
    rng = np.random.default_rng([seed, 1, index])
    identity = sample_toy_identity(rng, "seen", CLASSES[index % len(CLASSES)])
    return np.stack([masked_toy(identity, rng) for _ in range(VIEWS)])


def masked_toy(identity: ToyIdentity, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The toy alone on black, uint8 [64, 64, 3], in a random pose, size and place."""
    size = rng.uniform(0.36, 0.8)
    x, y = rng.uniform(0.5 * size, 1 - 0.5 * size, 2)
    angle, flip = float(rng.uniform(-15, 15)), bool(rng.uniform() < 0.5)
    toy = PlacedToy(identity, float(x), float(y), float(size), angle, flip)
    drawing = draw(ToyScene((toy,), None, int(rng.integers(2**31))), SIZE)
    return np.where(drawing.masks[0][:, :, None], drawing.picture, np.uint8(0))
