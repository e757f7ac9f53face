"""Resizes scenes to the backbone's resolution."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.core.scenes import Concept, ImageArray, Mask, Scene, SoftMask


def fit_resolution(scene: Scene, side: int) -> Scene:
    """The scene at `side` pixels: the pictures by Lanczos, the masks by nearest neighbour.

    A scene of this size is unchanged; one that is not square is squeezed.
    """
    if scene.picture.shape[:2] == (side, side):
        return scene
    concepts = tuple(_concept(concept, side) for concept in scene.concepts)
    first, *more = (_picture(picture, side) for picture in scene.pictures)
    return replace(scene, picture=first, concepts=concepts, more=tuple(more))


def fit_mask(mask: Mask | SoftMask, side: int) -> npt.NDArray[Any]:
    """The mask at `side` x `side` pixels by nearest neighbour, of the same type."""
    return np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))


def _picture(picture: ImageArray, side: int) -> ImageArray:
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))


def _concept(concept: Concept, side: int) -> Concept:
    soft = None if concept.soft is None else fit_mask(concept.soft, side)
    return replace(concept, mask=fit_mask(concept.mask, side), soft=soft)
