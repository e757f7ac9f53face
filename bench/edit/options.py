"""The options of `bench edit` and `bench generate`, and the paths of outputs and fits."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import UserError
from bench.plugins.method import Blending
from bench.run.folder import RunFolder, check_name

START = 0.25
"""Fraction of the sampling steps that are skipped, as in Blended Latent Diffusion's code; CLiC: 5 to 15 of 50."""


@dataclass(frozen=True)
class EditOptions:
    """The options of `bench edit`, besides those of the backbone.

    Each of the `masks` marks a region for the prompt at its place; without masks the region of the one prompt is found
    by RoI matching. `guidance_step_sizes` and `blending` None: the method's own. `shared` (a folder of pictures) and
    `object` (their class word) find the mask of a source without one.

    Raises `UserError` if masks and prompts are not pairs.
    """

    method: str
    source: Path
    target: Path
    masks: tuple[Path, ...]
    prompts: tuple[str, ...]
    guidance_step_sizes: tuple[float, ...] | None
    start: float
    shared: Path | None
    object: str | None
    blending: Blending | None = None

    def __post_init__(self) -> None:
        masks, prompts = len(self.masks), len(self.prompts)
        if masks != prompts and (masks, prompts) != (0, 1):
            raise UserError(
                f"--mask {masks} times and --prompt {prompts} times: each region has its own, as in "
                "--mask a.png --prompt 'a [v1]' --mask b.png --prompt '[v2]'; without --mask, one --prompt"
            )


@dataclass(frozen=True)
class GenerateOptions:
    """The options of `bench generate`, besides those of the backbone: `samples` pictures of each text.

    Each template of `each` stands for a text of every concept alone and one of all together. `attention` are sampling
    steps, from 1, before which the handles' attention maps are recorded.
    """

    method: str
    source: Path
    texts: tuple[str, ...]
    samples: int
    batch_size: int
    attention: tuple[int, ...] = ()
    each: tuple[str, ...] = ()


@dataclass(frozen=True)
class EditPaths:
    """The folder of all outputs, the folder of runs whose fits may be used, and this output's name.

    With `keep_weights`, the fit is kept for later outputs. Raises `UserError` for a name that leads out of the folder.
    """

    outputs: Path
    runs: Path
    name: str | None
    keep_weights: bool = False

    def __post_init__(self) -> None:
        if self.name is not None:
            check_name(self.name, self.outputs)

    def fit(self, key: str) -> Path:
        """The fit's file: kept by an earlier output or a run, left by an interrupted one, or the path of a new one."""
        runs = (RunFolder(run.parent).fit(key) for run in sorted(self.runs.glob("*/run.json")))
        files = (self._kept(key), *runs)
        return next((file for file in files if file.is_file()), self._passing(key))

    def settle(self, key: str) -> None:
        """Once the output is written, keep or delete the fit that was made for it; other fits are not touched."""
        passing, kept = self._passing(key), self._kept(key)
        if self.keep_weights and passing.is_file():
            kept.parent.mkdir(exist_ok=True)
            passing.replace(kept)
        passing.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it holds fits of others, or was never made
            passing.parent.rmdir()

    def _kept(self, key: str) -> Path:
        return RunFolder(self.outputs).fit(key)

    def _passing(self, key: str) -> Path:
        return self.outputs / "unfinished" / f"{key}.safetensors"

    def shared_mask(self, key: str) -> Path:
        """The file of the mask that was found for a source without one."""
        return self.outputs / "masks" / f"{key}.png"
