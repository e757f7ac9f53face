"""CLiC's transfer as pure functions: blending, and the gradient step that pulls tokens into a region."""

from __future__ import annotations

import torch
from torch import Tensor


def guidance_energy(maps: Tensor, mask: Tensor) -> Tensor:
    """The objective of CLiC's equation 7: the sum, not the mean, of (CA - mask)^2 over [1, s, s].

    CA is the largest of the handles' maps [k, s, s] at each place: together they fill the region [1, s, s], each a part
    of it, and none leaves it. Of one handle this is the paper's equation. With a sum, one step size moves a latent
    equally far at any resolution.
    """
    return ((maps.amax(dim=0, keepdim=True) - mask) ** 2).sum()


def blend(latents: Tensor, background: Tensor, mask: Tensor) -> Tensor:
    """CLiC, equation 6: `latents` inside the mask and the noised target outside; mask [1, 1, h, w] in [0, 1]."""
    return mask * latents + (1 - mask) * background


def towards(latents: Tensor, loss: Tensor, guidance_step_size: float) -> Tensor:
    """CLiC, equation 7: the latents after one step down the gradient of `loss`, detached."""
    (gradient,) = torch.autograd.grad(loss, latents)
    return (latents - guidance_step_size * gradient).detach()
