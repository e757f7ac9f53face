"""CLiC's automatic source mask: the region that several pictures of an object have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from bench.core.scenes import Concept, ImageArray, Mask, with_article
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles, embedding, rows_replaced, set_rows
from bench.diffusion.editing.roi_matching import REGION, STEPS, region_of
from bench.diffusion.training.losses import diffusion_loss
from bench.diffusion.training.recipe import ADAM, PIECES
from bench.diffusion.training.step import Step
from bench.diffusion.training.update import Update
from bench.plugins.backbone import Backbone

LEARNING_RATE = 1e-5
"""Of w* and the cross-attention's K and V (CLiC, section 4), before the backbone's budget."""


@dataclass(frozen=True, eq=False)
class SharedConcept:
    """Pictures uint8 [s, s, 3] of an `object` that have a concept in common, the source first.

    s is the backbone's resolution. `budget` names an entry of the backbone's budgets; everything random derives
    from `seed`.
    """

    pictures: Sequence[ImageArray]
    object: str
    budget: str
    seed: int


def shared_region(backbone: Backbone, shared: SharedConcept, on_step: Callable[[int, int], None]) -> Mask:
    """The region of the first picture, as `shared_regions` finds it."""
    return next(shared_regions(backbone, shared, on_step))


def shared_regions(backbone: Backbone, shared: SharedConcept, on_step: Callable[[int, int], None]) -> Iterator[Mask]:
    """The region of each picture, bool [s, s], not empty; the backbone is changed.

    w* and the cross-attention's K and V are trained on the diffusion loss with the text "an OBJECT with w* style"
    (CLiC, section 3.3; the paper does not give the start of w*: here the object's class word); then the map of w*
    is taken on each picture, noised.

    Raises `UserError` for an object word that the tokenizer has no token for.
    """
    text = f"{with_article(shared.object)} with {REGION} style"
    token = Concept(shared.object, torch.ones(1, 1, dtype=torch.bool).numpy(), REGION)
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, [token], "mean")
    row = nn.Parameter(embedding(backbone.text_encoder).detach()[ids.to(backbone.device)].clone())
    budget = backbone.settings.budget(shared.budget)
    steps = budget.scaled_steps(STEPS)
    update = Update([row, *_keys_and_values(backbone)], ADAM, LEARNING_RATE * budget.weights_learning_rate, backbone)
    encoder, generator = Encoder(backbone), torch.Generator().manual_seed(shared.seed)
    with rows_replaced(backbone.text_encoder, ids, row):
        for done in range(steps):
            chosen = int(torch.randint(len(shared.pictures), (1,), generator=generator))
            step = Step.drawn(backbone, encoder.mean(shared.pictures[chosen]), generator)
            update(diffusion_loss(*step.denoised(text)))
            on_step(done + 1, steps)
    set_rows(backbone.text_encoder, ids, row.detach())
    backbone.unet.requires_grad_(requires_grad=False)
    yield from (region_of(backbone, picture, text, shared.seed) for picture in shared.pictures)


def _keys_and_values(backbone: Backbone) -> list[nn.Parameter]:
    """The weights of the K and V projections of every cross-attention layer, set to require gradients."""
    names = PIECES["cross-attention"]
    chosen = [one for name, one in backbone.parameters().items() if any(piece in name for piece in names)]
    for parameter in chosen:
        parameter.requires_grad_()
    return chosen
