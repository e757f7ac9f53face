"""Checks a scene before a recipe is trained on it: masks where they are used, and texts. Imports no torch."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bench.core.errors import UserError
from bench.core.masks import shrunk
from bench.core.scenes import Concept, Mask, Scene
from bench.diffusion.backbone.resize import fit_mask
from bench.diffusion.training.recipe import Recipe
from bench.diffusion.training.samples import SceneSamples
from bench.plugins.backbone import BackboneLimits

MOST_CONCEPTS = 4
"""The number of concepts up to which Break-A-Scene works best (section 5, limitation c)."""

_log = logging.getLogger(__name__)


def check_scene(recipe: Recipe, scene: Scene, limits: BackboneLimits) -> None:
    """Raise `UserError`, one line, for a scene that the recipe cannot be trained on.

    Its background must have pixels if it is to be learned, its masks must pass `check_masks`, and the handles of every
    text of a training step must be within what the text encoder reads; an initial word must be a word.
    """
    if recipe.initial_word is not None and not limits.count_tokens(recipe.initial_word):
        raise UserError(f"initial_word={recipe.initial_word!r}: the backbone has no token for it; name a noun")
    training_scene = recipe.training_scene(scene)
    check_masks(recipe, training_scene, limits.resolution, limits.latent_side)
    for text, handles in _longest_texts(recipe, training_scene):
        read = text[: max(text.rindex(handle) + len(handle) for handle in handles)]
        if limits.count_tokens(read) > limits.text_length - 2:
            raise UserError(
                f"{scene.name}: '{text}' is longer than the {limits.text_length} tokens that the backbone reads"
            )


def check_masks(recipe: Recipe, scene: Scene, resolution: int, latent_side: int) -> None:
    """Raise `UserError` for a mask that is empty where a recipe that learns from masks needs it.

    Losses that are confined to masks read them at the latents' side; cut-outs are made at the pictures'. A part of
    which nothing is left there cannot be learned.
    """
    if not recipe.given_masks:
        return
    for concept in scene.concepts:
        named = f"{scene.name}: the mask of {concept.handle} ({concept.label})"
        if not concept.mask.any():
            raise UserError(
                f"{named} is empty, and this method learns from masks; mark the concept, or take a method that needs "
                "no mask"
            )
        side = latent_side if recipe.masked else resolution
        if not _at(concept, resolution, side).any():
            raise UserError(
                f"{named} has no pixel left at {side} x {side}, where this method reads it; mark more of the concept, "
                "or leave it out"
            )


def warn_of_limits(recipe: Recipe, scene: Scene, resolution: int, attention_sides: Iterable[int]) -> None:
    """Warn of masks that are empty at a side of the attention loss, which leaves them out, and of too many concepts."""
    for side in sorted(attention_sides) if recipe.given_masks else ():
        for concept in scene.concepts:
            if not _at(concept, resolution, side).any():
                _log.warning(
                    "%s: nothing of the mask of %s (%s) is left at %d x %d, where the attention loss reads it: the "
                    "loss leaves this concept out",
                    scene.name,
                    concept.handle,
                    concept.label,
                    side,
                    side,
                )
    if len(scene.concepts) > MOST_CONCEPTS:
        _log.warning(
            "%s has %d concepts; more than %d are learned badly (Break-A-Scene, section 5, limitation c)",
            scene.name,
            len(scene.concepts),
            MOST_CONCEPTS,
        )


def _at(concept: Concept, resolution: int, side: int) -> Mask:
    """A concept's mask as training reads it at `side`: first at the pictures' resolution."""
    return shrunk(fit_mask(concept.mask, resolution), side)


def _longest_texts(recipe: Recipe, scene: Scene) -> list[tuple[str, list[str]]]:
    """The longest texts of training steps, each with its handles: of all concepts of a picture, or of one each."""
    samples = recipe.samples
    alone = isinstance(samples, SceneSamples) and samples.single == 1.0
    groups = [(index,) for index in range(len(scene.concepts))] if alone else scene.concepts_by_image
    concepts = [[scene.concepts[index] for index in group] for group in groups]
    return [
        (text, handles)
        for group in concepts
        for text in [samples.text_template.training_text(group)]
        if (handles := [concept.handle for concept in group if concept.handle in text])
    ]
