"""Blended Latent Diffusion, with CLiC's cross-attention guidance: text repaints a masked region of a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.core.scenes import ImageArray, Mask
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.token_maps import token_maps, token_places
from bench.diffusion.editing.blending import BLENDINGS
from bench.diffusion.editing.guidance import blend, guidance_energy, towards
from bench.diffusion.editing.seam import composite
from bench.diffusion.sampling.denoise import Denoiser
from bench.diffusion.sampling.latents import decode
from bench.diffusion.training.losses import shrink_masks
from bench.plugins.backbone import Backbone
from bench.plugins.method import Blending


@dataclass(frozen=True, eq=False)
class BlendedEdit:
    """One edit of `picture` uint8 [s, s, 3] inside `mask` bool [s, s], s being the backbone's resolution.

    `text` says what is to be there; `handles` are the tokens in it that the guidance pulls into the mask with
    step size `guidance_step_size` (0: no guidance). `start` in [0, 1) is the fraction of sampling steps that are
    skipped: the larger, the more of the picture remains. `blending` says what the region begins with and how the rest
    is kept.
    """

    picture: ImageArray
    mask: Mask
    text: str
    handles: tuple[str, ...]
    start: float
    guidance_step_size: float
    noise_seed: int
    blending: Blending = "from-noise"


def edited(backbone: Backbone, edit: BlendedEdit, on_step: Callable[[int, int], None]) -> ImageArray:
    """The edited picture uint8 [s, s, 3], by the current networks and vocabulary.

    After every step the latents outside the mask are replaced by the picture's, noised as `edit.blending` says. The
    autoencoder repaints all of them, so at the end the picture's own pixels are put back outside the mask (`composite`,
    with a seam half a latent wide).

    Raises `UserError` if the text does not name a handle that the guidance needs.
    """
    denoiser = Denoiser.of(backbone, [edit.text])
    clean = Encoder(backbone).mean(edit.picture)
    blending = BLENDINGS[edit.blending](denoiser, clean, edit.noise_seed)
    mask = latent_mask(backbone, edit.mask)
    pull = _guidance(backbone, edit, denoiser, mask) if edit.guidance_step_size else None
    steps = len(denoiser.times)
    first = min(int(edit.start * steps), steps - 1)
    latents = blending.begin(first)
    for index in range(first, steps):
        guided = latents if pull is None else pull(latents, index)
        latents = blend(denoiser.step(guided, index), blending.background(index), mask)
        on_step(index + 1 - first, steps - first)
    seam = backbone.resolution // backbone.latent_shape[-1] // 2
    return composite(decode(backbone, latents[0]), edit.picture, edit.mask, seam)


def latent_mask(backbone: Backbone, mask: Mask) -> Tensor:
    """A mask resized to the latents' side by nearest neighbour, float [1, 1, h, w], as in Blended Latent Diffusion."""
    return shrink_masks(torch.from_numpy(mask.copy())[None], backbone.latent_shape[-1])[None].to(backbone.device)


def _guidance(
    backbone: Backbone, edit: BlendedEdit, denoiser: Denoiser, mask: Tensor
) -> Callable[[Tensor, int], Tensor]:
    """CLiC, equation 7, on the half of the guidance that reads the text, at every step."""
    places = token_places(backbone, edit.text, edit.handles)
    conditional = denoiser.states[-1:]

    def pull(latents: Tensor, index: int) -> Tensor:
        variable = latents.detach().requires_grad_()
        with token_maps(backbone, variable, denoiser.times[index], conditional, places) as maps:
            return towards(variable, guidance_energy(maps, mask[0]), edit.guidance_step_size)

    return pull
