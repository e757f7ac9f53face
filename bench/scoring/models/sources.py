"""The sources of a preset's models, and their image preprocessing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ModelSource:
    """The source of a model: a hub id with a revision (a commit where one is known), or a folder (no revision)."""

    place: str
    revision: str | None = None

    @property
    def folder(self) -> Path | None:
        """The folder, or None for a hub id."""
        return Path(self.place) if self.revision is None else None

    @property
    def name(self) -> str:
        """Its name in reports: the hub id, or the folder's last two parts (the same on every machine)."""
        return self.place if self.folder is None else "/".join(self.folder.parts[-2:])

    @property
    def is_pinned(self) -> bool:
        """Whether its revision is a commit, which cannot change."""
        return self.revision is not None and re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None

    @property
    def pinned(self) -> str:
        """The name and, if there is one, the revision."""
        return self.name if self.revision is None else f"{self.place}@{self.revision}"


LPIPS_TRUNKS = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth"}
"""torchvision's files of the trunks that the `lpips` package has heads for; each name ends in its SHA-256's start."""


@dataclass(frozen=True)
class LpipsSource:
    """An LPIPS network: `net` is `alex` or `vgg` of the `lpips` package, else a folder's own name for trunk and heads.

    `place` is that folder; for `alex` and `vgg` a file of trunk weights in torchvision's layout, or None for
    torchvision's own file (in torch's cache, `$TORCH_HOME/hub/checkpoints`, or downloaded into it).
    """

    net: str
    place: str | None = None

    @property
    def name(self) -> str:
        """Its name in reports: `lpips-alex`, `lpips-vgg`, `lpips-playroom`."""
        return f"lpips-{self.net}"


@dataclass(frozen=True)
class ResizeCrop:
    """Shorter side to `resize` pixels (bicubic, PIL), central `crop`, normalisation."""

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
