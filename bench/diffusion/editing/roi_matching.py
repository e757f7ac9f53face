"""CLiC's RoI matching: the part of a target picture that corresponds to a concept's region in the source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from bench.core.errors import UserError
from bench.core.scenes import Concept, ImageArray, Mask, with_article
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import embedding, resize_embedding, rows_replaced, set_rows
from bench.diffusion.backbone.token_maps import min_max, token_maps, token_places
from bench.diffusion.editing.blended import latent_mask
from bench.diffusion.sampling.denoise import Denoiser
from bench.diffusion.sampling.latents import initial_noise
from bench.diffusion.training.losses import region_loss
from bench.diffusion.training.recipe import ADAM
from bench.diffusion.training.step import Step
from bench.diffusion.training.update import Update
from bench.plugins.backbone import Backbone

REGION = "[w1]"
"""The token w* of CLiC's section 3.3."""
STEPS = 500
"""Steps on w* (section 3.3), before the backbone's budget."""
LEARNING_RATE = 5e-4
"""Learning rate of a token that is trained alone, as in Break-A-Scene's phase 1; CLiC states 1e-5, for weights."""
THRESHOLD = 0.5
"""Threshold of a map rescaled to [0, 1]; the paper gives none."""


@dataclass(frozen=True, eq=False)
class RoiMatch:
    """Find the region of `target` that corresponds to `concept` in `source`.

    Both are uint8 [s, s, 3], s being the backbone's resolution.

    `concept` has its mask at this side and its handle in the backbone's vocabulary. `budget` names an entry of
    the backbone's budgets; everything random derives from `seed`.
    """

    source: ImageArray
    concept: Concept
    target: ImageArray
    budget: str
    seed: int


def matched_region(backbone: Backbone, match: RoiMatch, on_step: Callable[[int, int], None]) -> Mask:
    """The region of the target, bool [s, s], not empty; the token w* stays in the backbone's vocabulary.

    w* starts from the concept's handle and is trained alone on the attention loss (CLiC, equation 1) with the
    text "a w* region of an OBJECT"; then its map is taken on the noised target at each of the sampler's times.

    Raises `UserError` if the backbone has no cross-attention in its up blocks.
    """
    text = f"a {REGION} region of {with_article(match.concept.object)}"
    ids = _add_region(backbone, match.concept.handle)
    row = nn.Parameter(embedding(backbone.text_encoder).detach()[ids.to(backbone.device)].clone())
    with rows_replaced(backbone.text_encoder, ids, row):
        _train(backbone, match, text, row, on_step)
    set_rows(backbone.text_encoder, ids, row.detach())
    return region_of(backbone, match.target, text, match.seed)


def _train(
    backbone: Backbone, match: RoiMatch, text: str, row: nn.Parameter, on_step: Callable[[int, int], None]
) -> None:
    budget = backbone.settings.budget(match.budget)
    steps = budget.scaled_steps(STEPS)
    update = Update([row], ADAM, LEARNING_RATE * budget.handle_learning_rate, backbone)
    mask, places = latent_mask(backbone, match.concept.mask)[0], token_places(backbone, text, [REGION])
    latents, generator = Encoder(backbone).mean(match.source), torch.Generator().manual_seed(match.seed)
    for done in range(steps):
        step = Step.drawn(backbone, latents, generator)
        with token_maps(backbone, step.noisy, int(step.time), step.states(text), places) as maps:
            update(region_loss(maps, mask))
        on_step(done + 1, steps)


@torch.no_grad()
def region_of(backbone: Backbone, picture: ImageArray, text: str, seed: int) -> Mask:
    """The region that w* attends to: its maps at the sampler's times, averaged, rescaled and thresholded at 0.5.

    bool [s, s] for a picture uint8 [s, s, 3] of the backbone's resolution.
    """
    denoiser = Denoiser.of(backbone, [text])
    clean, noise = Encoder(backbone).mean(picture), initial_noise(backbone, seed).to(backbone.device)
    places = token_places(backbone, text, [REGION])
    found = []
    for index, time in enumerate(denoiser.times):
        with token_maps(backbone, denoiser.noised(clean, noise, index), time, denoiser.states[-1:], places) as maps:
            found.append(maps)
    mean = torch.stack(found).mean(dim=0)[None]
    enlarged = interpolate(mean, size=picture.shape[:2], mode="bilinear", align_corners=False)[0]
    mask: Mask = (min_max(enlarged)[0] >= THRESHOLD).cpu().numpy()
    return mask


def _add_region(backbone: Backbone, handle: str) -> Tensor:
    """Add w*, initialised with the handle's row; returns its id, int64 [1]."""
    tokenizer, encoder = backbone.tokenizer, backbone.text_encoder
    if tokenizer.add_tokens([REGION]) != 1:
        raise UserError(f"{REGION} is a token of the backbone already; RoI matching needs it")
    resize_embedding(encoder, len(tokenizer))
    ids = torch.tensor(tokenizer.convert_tokens_to_ids([handle, REGION]))
    set_rows(encoder, ids[1:], embedding(encoder).detach()[ids[:1].to(backbone.device)])
    return ids[1:]
