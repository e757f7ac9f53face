"""What is scored and what comes of it: a picture with its prompt, and the metric columns of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from bench.core.scenes import ImageArray, Prompt, Scene


@dataclass(frozen=True, eq=False)
class PictureJob:
    """A picture, uint8 [H, W, 3], drawn for `prompt` of `scene`; its size may differ from the scene's.

    `unit` tells whose picture it is where jobs of several methods are scored in one call.
    """

    scene: Scene
    prompt: Prompt
    picture: ImageArray
    unit: str = ""


class IdentityColumns(TypedDict):
    """What is known of one concept that a picture was asked for.

    `detected` is None where the segmenter cannot tell (it does not know the class): such rows are no misses.
    """

    identity_similarity: float
    detected: bool | None
    reason: str
    identity_whole_picture: float
    instances: int | None
    duplicated: bool | None
    swapped: bool | None
    similarity_to: list[float] | None
    intruded: bool | None
    intruders: str


class Row(IdentityColumns):
    """One picture and concept; the columns are described in `bench.core.table.COLUMNS`.

    A row also has the columns of its preset's alternatives, floats: see `bench.core.table.alternative_columns`.
    """

    concept: int
    label: str
    preset: str
    prompt_similarity: float
    lpips_diversity: float
    diversity_reason: str
    background_copy: float
    copy_reason: str
