"""Trains Playroom's LPIPS: a small trunk that classifies what a scene holds, and heads that rank distortions."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
from pathlib import Path

import lpips
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from bench.playroom.train.augment import to_tensor
from bench.playroom.train.data import SIZE, Scenes
from bench.playroom.train.export import write_folder
from bench.playroom.train.loop import Draw
from bench.playroom.world import scene
from bench.playroom.world.contexts import CONTEXTS
from bench.playroom.world.distortions import GRADES, MILD, OTHER_TOY, Kind, distort, other_toys
from bench.playroom.world.toys import CLASSES, COLOURS, MOTIFS
from bench.scoring.models.lpips_networks import WEIGHTS, SmallLpips, load_small

WIDTHS = (32, 64, 128, 128)
SHARPNESS = 4.0
"""Distances of ratio r count as put in order with probability r**4 / (1 + r**4)."""
APART = 0.15
"""Two grades of a training pair are at least this share of a distortion's range (logarithmic) apart."""
NAMES = (*CLASSES, *CONTEXTS, *MOTIFS, *COLOURS)
"""The attributes that the trunk learns to predict of a scene, each present or not."""


class Naming(nn.Module):
    """The network, and a classifier on its last level; only the network is kept."""

    def __init__(self, network: SmallLpips) -> None:
        super().__init__()
        self.network = network
        self.names = nn.Linear(2 * network.chns[-1], len(NAMES))

    def levels(self, pictures: Tensor) -> list[Tensor]:
        """The trunk's features of pictures [N, 3, H, W] in [0, 1], in float32."""
        with torch.autocast(pictures.device.type, torch.bfloat16):
            features = self.network.net(self.network.scaling_layer(2 * pictures - 1))
        return [level.float() for level in features]

    def say(self, last: Tensor) -> Tensor:
        """Logits of `NAMES`, [N, names], from the last level's features."""
        logits: Tensor = self.names(torch.cat([last.mean((2, 3)), last.amax((2, 3))], dim=1))
        return logits

    def distance(self, one: list[Tensor], other: list[Tensor]) -> Tensor:
        """LPIPS of two lists of features, [N] (Zhang et al. 2018, equation 1)."""
        total = torch.zeros(len(one[0]), device=one[0].device)
        for head, left, right in zip(self.network.lins, one, other, strict=True):
            unlike = (lpips.normalize_tensor(left) - lpips.normalize_tensor(right)) ** 2
            total = total + lpips.spatial_average(head(unlike), keepdim=False)[:, 0]
        return total


class LpipsTask:
    """Two losses: naming what a scene holds, and telling which of two pictures is farther from a third.

    It is the one with the stronger grade of the same distortion, or with another toy and not a mild distortion.
    """

    def __init__(self, scenes: Scenes, ladders: NDArray[np.uint8], weights: Path | None) -> None:
        self.scenes = scenes
        self.ladders = ladders
        self.named = np.stack([_names(known) for known in scenes.scenes])
        self.model = Naming(SmallLpips(WIDTHS) if weights is None else load_small(weights))

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """Of one batch of triplets (picture, nearer, farther); `order` is the share that is put in order."""
        self.model.network.clamp_heads()
        chosen = draw.rng.integers(len(self.scenes), size=draw.batch)
        pictures = to_tensor(self.scenes.pictures[chosen], draw)
        others = to_tensor(self._other_toys(draw), draw)
        others = others.reshape(3, -1, *others.shape[1:])
        triplets = torch.cat([_distorted(pictures, draw), others, _mild_or_other(others, draw)], dim=1)
        levels = self.model.levels(triplets.flatten(0, 1))
        plain, weak, strong = ([level.chunk(3)[part] for level in levels] for part in range(3))
        margin = torch.log((self.model.distance(plain, strong) + 1e-6) / (self.model.distance(plain, weak) + 1e-6))
        rank = softplus(-SHARPNESS * margin).mean()
        said = self.model.say(plain[-1][: draw.batch])
        names = binary_cross_entropy_with_logits(said, torch.from_numpy(self.named[chosen]).to(draw.device))
        return {"loss": rank + names, "rank": rank, "names": names, "order": (margin > 0).float().mean()}

    def _other_toys(self, draw: Draw) -> NDArray[np.uint8]:
        """Scenes, a weaker and a stronger grade of another toy in each: uint8 [3 N, 64, 64, 3], N a quarter batch."""
        count = max(1, draw.batch // 4)
        chosen = draw.rng.integers(len(self.ladders), size=count)
        grades = np.sort([draw.rng.permutation(len(OTHER_TOY))[:2] for _ in chosen], axis=1) + 1
        return np.concatenate([self.ladders[chosen, grade] for grade in (np.zeros(count, int), *grades.T)])


def load_ladders(state: Path, count: int, seed: int) -> NDArray[np.uint8]:
    """Scenes of `seed`, each with its `other_toys`, uint8 [count, 5, 64, 64, 3]; drawn at the first call."""
    folder = state / f"ladders-r{scene.RENDERER}-s{seed}-n{count}"
    path = folder / "pictures.npy"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / "unfinished.npy"
        shape = (count, 1 + len(OTHER_TOY), SIZE, SIZE, 3)
        pictures = np.lib.format.open_memmap(unfinished, "w+", np.uint8, shape)
        with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
            jobs = ((seed, index) for index in range(count))
            for index, ladder in enumerate(pool.imap(_draw_ladder, jobs, chunksize=32)):
                pictures[index] = ladder
        pictures.flush()
        unfinished.replace(path)
    ladders: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    return ladders


def save_lpips(network: SmallLpips, folder: Path) -> None:
    """Write the network, its weights in fp16; the network itself is unchanged except for negative heads."""
    network.clamp_heads()
    half = copy.deepcopy(network).half().state_dict()

    def fill(empty: Path) -> None:
        save_file({name: value.contiguous() for name, value in half.items()}, empty / WEIGHTS)
        (empty / "config.json").write_text(json.dumps(network.config, indent=2) + "\n", encoding="utf-8")

    write_folder(folder, fill)


def _draw_ladder(job: tuple[int, int]) -> NDArray[np.uint8]:
    seed, index = job
    rng = np.random.default_rng([seed, 2, index])
    plain = scene.sample_scene(rng, count=1 + index % 2)
    return np.stack([scene.draw(each, SIZE).picture for each in (plain, *other_toys(plain, rng))])


def _names(known: scene.ToyScene) -> NDArray[np.float32]:
    """1 where a name of `NAMES` is true of the scene or of one of its toys, else 0."""
    toys = [toy.identity for toy in known.toys]
    true = {known.context, *(word for toy in toys for word in (toy.class_name, toy.motif, toy.first, toy.second))}
    return np.array([name in true for name in NAMES], np.float32)


def _distorted(pictures: Tensor, draw: Draw) -> Tensor:
    """Each picture with a weaker and a stronger grade of a distortion, each kind in turn: [3, B, 3, H, W]."""
    triplets = []
    for plain, kind in zip(pictures.chunk(len(GRADES)), GRADES, strict=False):  # a small batch has fewer chunks
        weak, strong = _strengths(kind, len(plain), draw)
        seed = int(draw.rng.integers(2**31))
        triplets.append(torch.stack([plain, distort(kind, plain, weak, seed), distort(kind, plain, strong, seed)]))
    return torch.cat(triplets, dim=1)


def _mild_or_other(others: Tensor, draw: Draw) -> Tensor:
    """Scenes, a mild distortion of each and what has another toy in it, which is farther: [3, B, 3, H, W].

    `others` are scenes and two grades of another toy, [3, B, 3, H, W]; the stronger one differs in its motif at least.
    """
    plain, _, other = others
    mild = []
    for part, kind in zip(plain.chunk(len(GRADES)), draw.rng.permutation(list(GRADES)), strict=False):
        top = GRADES[kind][MILD - 1]
        strength = torch.from_numpy(top * draw.rng.uniform(0.5, 1, len(part))).float().to(draw.device)
        mild.append(distort(kind, part, strength, int(draw.rng.integers(2**31))))
    return torch.stack([plain, torch.cat(mild), other])


def _strengths(kind: Kind, count: int, draw: Draw) -> tuple[Tensor, Tensor]:
    """Weaker and stronger strengths, [count] each, at random within a distortion's range and somewhat beyond."""
    low, high = 0.8 * GRADES[kind][0], 1.2 * GRADES[kind][-1]
    start = draw.rng.uniform(0, 1 - APART, count)
    end = start + APART + draw.rng.uniform(size=count) * (1 - APART - start)
    weak, strong = low * (high / low) ** start, low * (high / low) ** end
    if kind == "shift":  # by whole pixels
        weak = np.maximum(1, weak.round())
        strong = np.maximum(weak + 1, strong.round())
    first, second = (torch.from_numpy(values).float().to(draw.device) for values in (weak, strong))
    return first, second
