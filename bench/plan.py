"""The plan: what is to be fitted and drawn, each addressed by a hash of what can change it. Pure, without torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bench.method import Request
from bench.scenes import Dataset, Prompt, Scene
from bench.seeds import seed_from
from bench.spec import Configured

RECIPE_VERSION = 1
"""Raised whenever a change of the engine changes what the same method learns or draws."""


@dataclass(frozen=True)
class Conditions:
    """What, besides the method and the scene, can change a result.

    `backbone` is its content (hub commit or hash of the folder's files), `precision` the resolved one, `budget` the
    factors on the papers' steps and learning rates. Device, paths, workers and batch size are left out: they cannot.
    """

    backbone: str
    precision: str
    budget: Mapping[str, float]
    sampling_steps: int
    guidance: float
    seed: int


@dataclass(frozen=True)
class PlannedPicture:
    """One picture to draw, with its identity (20 hexadecimal digits)."""

    identity: str
    request: Request


@dataclass(frozen=True, eq=False)
class Unit:
    """One fit of one method on one scene and all its pictures; `identity` is the fit's (20 hexadecimal digits).

    `seed` is the run's; `fit_seed` is what everything random in the fit derives from, the same for every method.
    """

    identity: str
    method: Configured
    scene: Scene
    seed: int
    fit_seed: int
    pictures: tuple[PlannedPicture, ...]


def make_plan(dataset: Dataset, methods: Sequence[Configured], conditions: Conditions) -> tuple[Unit, ...]:
    """Every unit, scene by scene, so that a run stopped early compares the methods on the scenes it reached."""
    return tuple(_unit(dataset.name, scene, method, conditions) for scene in dataset.scenes for method in methods)


def noise_seed(dataset: str, scene: str, prompt: Prompt, seed: int) -> int:
    """The seed of a picture's initial noise: common random numbers, the method left out."""
    return seed_from(
        dataset=dataset,
        scene=scene,
        subset=prompt.subset,
        template=prompt.template,
        sample=prompt.sample,
        seed=seed,
    )


def digest(content: Any) -> str:
    """The first 20 hexadecimal digits of the SHA-256 of `content` as canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def scene_digest(scene: Scene) -> str:
    """A hash of a scene's pixels, masks, class words and handles; its name and prompts are not in it."""
    content = hashlib.sha256(repr(scene.picture.shape).encode() + scene.picture.tobytes())
    for concept in scene.concepts:
        content.update(json.dumps([concept.label, concept.handle]).encode())
        content.update(np.packbits(concept.mask).tobytes())
    return content.hexdigest()[:20]


def _unit(dataset: str, scene: Scene, method: Configured, conditions: Conditions) -> Unit:
    identity = _fit_identity(scene, method, conditions)
    pictures = tuple(_picture(dataset, scene, prompt, identity, conditions) for prompt in scene.prompts)
    fit_seed = seed_from(scene=scene_digest(scene), seed=conditions.seed)
    return Unit(identity, method, scene, conditions.seed, fit_seed, pictures)


def _fit_identity(scene: Scene, method: Configured, conditions: Conditions) -> str:
    return digest(
        {
            "method": method.drop_in.name,
            "configuration": method.configuration,
            "source": hashlib.sha256(method.drop_in.file.read_bytes()).hexdigest(),
            "recipe_version": RECIPE_VERSION,
            "backbone": conditions.backbone,
            "precision": conditions.precision,
            "budget": dict(conditions.budget),
            "scene": scene_digest(scene),
            "seed": conditions.seed,
        }
    )


def _picture(dataset: str, scene: Scene, prompt: Prompt, fit: str, conditions: Conditions) -> PlannedPicture:
    request = Request(prompt, noise_seed(dataset, scene.name, prompt, conditions.seed))
    identity = digest(
        {
            "fit": fit,
            "prompt": asdict(prompt),
            "noise": request.noise_seed,
            "sampling_steps": conditions.sampling_steps,
            "guidance": conditions.guidance,
        }
    )
    return PlannedPicture(identity, request)
