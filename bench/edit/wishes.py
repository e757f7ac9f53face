"""What an edit is asked to be, and where it and its fits lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.run.folder import RunFolder

START = 0.25
"""Share of the sampling steps that is skipped, as in Blended Latent Diffusion's code; CLiC: 5 to 15 of 50."""


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for.

    `etas` None: the method's own step size of the guidance. `mask` None: the region is found by RoI matching.
    `shared` (a folder of pictures) and `object` (their class word) find the source's mask, where it has none.
    """

    method: str
    source: Path
    target: Path
    mask: Path | None
    prompt: str
    etas: tuple[float, ...] | None
    start: float
    shared: Path | None
    object: str | None


@dataclass(frozen=True)
class Places:
    """The folder of all edits, the folder of runs whose fits may be used, and this edit's name."""

    edits: Path
    runs: Path
    name: str | None

    def fit(self, identity: str) -> Path:
        """The fit's file: of an earlier edit or of a run, or where a new one will be kept."""
        own = RunFolder(self.edits).fit(identity)
        others = (RunFolder(run.parent).fit(identity) for run in sorted(self.runs.glob("*/run.json")))
        return next((file for file in (own, *others) if file.is_file()), own)

    def shared_mask(self, identity: str) -> Path:
        """The mask that was found for a source without one."""
        return self.edits / "masks" / f"{identity}.png"
