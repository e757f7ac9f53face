"""Fills a picture's region with a text by an inpainting UNet."""

from __future__ import annotations

from collections.abc import Callable

from bench.core.scenes import ImageArray
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.editing.seam import composite
from bench.diffusion.inpainting.unet import show_hole
from bench.diffusion.sampling.denoise import Denoiser
from bench.diffusion.sampling.latents import decode, initial_noise
from bench.plugins.backbone import Backbone
from bench.plugins.method import Hole


def fill(backbone: Backbone, hole: Hole, on_step: Callable[[int, int], None]) -> ImageArray:
    """The picture uint8 [s, s, 3] with its hole filled, by the current networks and vocabulary.

    All sampling steps start from noise, with the backbone's guidance; the UNet sees the picture outside the hole, and
    nothing is blended on the way. At the end the picture's own pixels are put back outside the hole, as in an edit by
    Blended Latent Diffusion (`composite`, with a seam half a latent wide).
    """
    show_hole(backbone, Encoder(backbone), hole.picture, hole.mask)
    denoiser = Denoiser.of(backbone, [hole.text])
    latents = initial_noise(backbone, hole.noise_seed).to(backbone.device)
    steps = len(denoiser.times)
    for index in range(steps):
        latents = denoiser.step(latents, index)
        on_step(index + 1, steps)
    seam = backbone.resolution // backbone.latent_shape[-1] // 2
    return composite(decode(backbone, latents[0]), hole.picture, hole.mask, seam)
