"""Resizes scenes to the backbone's resolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from bench.core.scenes import ImageArray, Mask, Scene


def fit_resolution(scene: Scene, side: int) -> Scene:
    """The scene at `side` pixels: the pictures by Lanczos, the masks by nearest neighbour.

    A scene of this size is unchanged; one that is not square is squeezed.
    """
    if scene.picture.shape[:2] == (side, side):
        return scene
    concepts = tuple(replace(concept, mask=fit_mask(concept.mask, side)) for concept in scene.concepts)
    first, *more = (_picture(picture, side) for picture in scene.pictures)
    return replace(scene, picture=first, concepts=concepts, more=tuple(more))


def fit_mask(mask: Mask, side: int) -> Mask:
    """The mask at `side` x `side` pixels by nearest neighbour; one of this size is unchanged."""
    if mask.shape == (side, side):
        return mask
    return np.asarray(Image.fromarray(mask).resize((side, side), Image.Resampling.NEAREST))


def _picture(picture: ImageArray, side: int) -> ImageArray:
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))
