"""The total loss of a recipe at one random step: a sample, a time, a noise, and the UNet's prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from bench.core.errors import UserError
from bench.core.scenes import ImageArray, Scene
from bench.diffusion.backbone.attention import Recorder
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.terms import Predicate, every_layer, no_layer
from bench.diffusion.training.json_tensors import from_json_tensor, json_tensor
from bench.diffusion.training.loss_parts import LossParts
from bench.diffusion.training.losses import (
    cross_attention_losses,
    diffusion_loss,
    inner_cells,
    masked_diffusion_loss,
    shrink_masks,
    weighted_loss,
)
from bench.diffusion.training.prior import class_text
from bench.diffusion.training.recipe import AttentionLoss, Recipe
from bench.diffusion.training.rows import Rows, losses
from bench.diffusion.training.samples import Sample
from bench.diffusion.training.step import drawn_noise
from bench.plugins.backbone import Backbone
from bench.plugins.method import MethodContext


@dataclass(frozen=True)
class Randomness:
    """The random generators of a fit, on the CPU, seeded by the fit's seed alone."""

    numpy: np.random.Generator
    torch: torch.Generator

    @classmethod
    def seeded(cls, seed: int) -> Randomness:
        """Both generators from one seed in [0, 2**63)."""
        return cls(np.random.default_rng(seed), torch.Generator().manual_seed(seed))

    def state(self) -> dict[str, Tensor]:
        """Where both generators are, as tensors uint8."""
        return {"random.numpy": json_tensor(self.numpy.bit_generator.state), "random.torch": self.torch.get_state()}

    def go_on(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""
        self.numpy.bit_generator.state = from_json_tensor(state["random.numpy"])
        self.torch.set_state(state["random.torch"])


def _ignore(_sample: Sample) -> None:
    """The default of `observe`: nothing is estimated from the maps."""


@dataclass(frozen=True, eq=False)
class Objective:
    """A recipe's losses on a scene at the backbone's resolution; also everything that a phase's own loss needs.

    `ids` int64 [N] are the handles' tokens; `prior` holds the prior-preservation pictures by their text;
    `recorder` collects the cross-attention maps (None if the recipe needs none). `observe` is called after
    each forward pass with its sample, while the recorder holds the sample's maps: of the attention loss's layers, and
    all others of the recipe for whoever observes. Without `trains_weights` nothing but handles learns: the pictures of
    prior preservation, whose text has none, are chosen but not computed, and their loss is left out. `parts` are the
    losses of the step under way, which `log` adds to.
    """

    recipe: Recipe
    scene: Scene
    context: MethodContext
    encoder: Encoder
    random: Randomness
    ids: Tensor
    prior: Mapping[str, Sequence[ImageArray]]
    recorder: Recorder | None
    observe: Callable[[Sample], None] = _ignore
    trains_weights: bool = True
    parts: LossParts = field(default_factory=LossParts)

    @property
    def backbone(self) -> Backbone:
        """The backbone in training."""
        return self.context.backbone

    def __call__(self) -> Tensor:
        """The total loss of one random step, a scalar; Break-A-Scene, equation 3, plus prior preservation."""
        (loss,) = losses([self.draw()])
        return loss

    def log(self, name: str, loss: Tensor) -> None:
        """Log a part of a sample's loss, a scalar, as it enters the total; the trainer logs the total itself."""
        self.parts.add(name, loss)

    def draw(self) -> Rows:
        """The rows of one random step: the sample, then the prior picture.

        The random numbers are the same whether or not the prior picture is computed.
        """
        sample = self.recipe.samples.draw(self.scene, self.random.numpy)
        pictures, texts = [sample.picture], [sample.text]
        if self.recipe.prior is not None:
            text = class_text(self.recipe.prior.text, self._one_class(self.recipe.prior.text, sample))
            pictures.append(self.prior[text][int(self.random.numpy.integers(len(self.prior[text])))])
            texts.append(text)
        latent_noise = torch.cat([self.encoder.noise(self.random.torch) for _ in pictures])
        noise, time = drawn_noise(self.backbone, latent_noise.shape, self.random.torch)
        rows = len(pictures) if self.trains_weights else 1
        return Rows(
            self,
            tuple(pictures[:rows]),
            tuple(texts[:rows]),
            latent_noise[:rows],
            noise[:rows],
            time[:rows],
            self._loss_of(sample),
        )

    @property
    def read_layers(self) -> Predicate:
        """The layers whose maps a loss or whoever observes reads."""
        if self.observe is not _ignore:
            return every_layer
        # not a method of this object: the recorder, which it refers to, keeps it
        return no_layer if self.recipe.attention is None else self.recipe.attention.layers

    def positions(self, sample: Sample) -> Tensor:
        """The indices of the handles of the sample's concepts among the text's tokens, int64 [k].

        Raises `UserError` if one is not within the text encoder's context.
        """
        tokens = self.backbone.tokenize([sample.text])[0]
        found = [(tokens == self.ids[index]).nonzero() for index in sample.subset]
        if not all(len(places) for places in found):
            raise UserError(f"'{sample.text}' is longer than the {len(tokens)} tokens that the backbone reads")
        return torch.stack([places[0, 0] for places in found])

    def _one_class(self, text: str, sample: Sample) -> str:
        """The class, as `a cat`, of one of the sample's concepts, if the prior's text contains `{class}`."""
        if class_text(text, "") == text:
            return ""
        return self.scene.concepts[sample.subset[int(self.random.numpy.integers(len(sample.subset)))]].noun

    def _loss_of(self, sample: Sample) -> Callable[[Tensor, Tensor], Tensor]:
        """What makes the loss of a prediction; what it needs of the sample goes to the device before the pass."""
        upload = self.backbone.hardware.upload
        masks = upload(torch.from_numpy(sample.masks.copy()))
        if self.recipe.attention is None or self.recorder is None:
            return partial(self._total, sample, masks, None)
        return partial(self._total, sample, masks, upload(self.positions(sample)))

    def _total(
        self, sample: Sample, masks: Tensor, positions: Tensor | None, predicted: Tensor, target: Tensor
    ) -> Tensor:
        """The weighted sum of the losses; row 0 is the sample, row 1, if there is one, the prior picture."""
        self.observe(sample)
        loss = self._diffusion(masks, predicted[:1], target[:1])
        self.log("masked diffusion" if self.recipe.masked else "diffusion", loss)
        if self.recipe.attention is not None and self.recorder is not None and positions is not None:
            attention = self._attention(self.recipe.attention, self.recorder, positions, masks)
            self.log("attention", attention)
            loss = loss + attention
        if self.recipe.prior is not None and len(predicted) > 1:
            prior = self.recipe.prior.weight * diffusion_loss(predicted[1:], target[1:])
            self.log("prior", prior)
            loss = loss + prior
        return loss

    def _diffusion(self, masks: Tensor, predicted: Tensor, target: Tensor) -> Tensor:
        if self.recipe.valid_region:
            cells = self.backbone.hardware.upload(inner_cells(predicted.shape[-1]))[None, None]
            return weighted_loss(predicted, target, cells)
        if not self.recipe.masked:
            return diffusion_loss(predicted, target)
        union = shrink_masks(masks.amax(dim=0, keepdim=True), predicted.shape[-1])
        return masked_diffusion_loss(predicted, target, union[:, None])

    def _attention(self, wanted: AttentionLoss, recorder: Recorder, positions: Tensor, masks: Tensor) -> Tensor:
        maps = recorder.take(positions, wanted.layers)
        shrunk = shrink_masks(masks, maps.shape[-1])
        losses = cross_attention_losses(maps, shrunk)
        # a mask that vanishes at this side would teach its handle to be looked at nowhere
        there = shrunk.flatten(1).any(dim=1)
        total = torch.where(there, losses, 0.0).sum()
        return wanted.weight * (total / there.sum().clamp_min(1) if wanted.reduction == "mean" else total)
