"""Walks any recipe: phase by phase, step by step, one update of what the phase trains."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

from bench.diffusion.attention import at_16, recording
from bench.diffusion.backbone import Backbone
from bench.diffusion.encode import Encoder
from bench.diffusion.handles import add_handles, embedding, rows_replaced
from bench.diffusion.objective import Objective, Randomness
from bench.diffusion.prior import prior_pictures
from bench.diffusion.recipe import Optimiser, Phase, Recipe
from bench.diffusion.resize import fit_resolution
from bench.method import Workbench
from bench.scenes import Picture, Scene

HANDLES = "handles"
"""The name of the handles' rows [N, width] among what was learned."""


def fit_recipe(recipe: Recipe, scene: Scene, workbench: Workbench) -> dict[str, Tensor]:
    """Train a recipe on a scene, from a pristine backbone, which it changes.

    Returns `handles` [N, width] and every other trained tensor by its name in `Backbone.parameters`, float32,
    on the CPU. Everything random derives from the workbench's seed: on a CPU the same seed gives the same
    bits.

    Raises `UserError` if the backbone has no attention maps of the kind that the recipe needs, and
    `FloatingPointError` if the training diverged.
    """
    backbone = workbench.backbone
    budget = backbone.settings.budget(workbench.budget)
    phases = [phase.scaled(budget) for phase in recipe.phases]
    prior = _prior(recipe, workbench)
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, recipe.initialiser)
    handles = nn.Parameter(embedding(backbone.text_encoder).detach()[ids.to(backbone.device)])
    with contextlib.ExitStack() as stack:
        stack.enter_context(rows_replaced(backbone.text_encoder, ids, handles))
        objective = Objective(
            recipe=recipe,
            scene=fit_resolution(scene, backbone.resolution),
            backbone=backbone,
            encoder=Encoder(backbone),
            random=Randomness.seeded(workbench.seed),
            ids=ids,
            prior=prior,
            recorder=(
                stack.enter_context(recording(backbone.unet, backbone.latent_shape[-1], at_16))
                if recipe.attention is not None
                else None
            ),
        )
        _walk(phases, objective, handles, workbench.on_step)
    return _learned(backbone, handles, phases)


def _prior(recipe: Recipe, workbench: Workbench) -> Sequence[Picture]:
    if recipe.prior is None:
        return ()
    budget = workbench.backbone.settings.budget(workbench.budget)
    count = budget.scaled_prior_pictures(recipe.prior.pictures)
    return prior_pictures(workbench.backbone, recipe.prior.text, count, workbench.batch_size)


def _walk(
    phases: Sequence[Phase], objective: Objective, handles: nn.Parameter, on_step: Callable[[int, int], None]
) -> None:
    done, total = 0, sum(phase.steps for phase in phases)
    for phase in phases:
        parameters = _thaw(objective.backbone, handles, phase)
        update = Update(parameters, objective.recipe.optimiser, phase.learning_rate, objective.backbone)
        for _ in range(phase.steps):
            update(objective())
            done += 1
            on_step(done, total)


def _thaw(backbone: Backbone, handles: nn.Parameter, phase: Phase) -> list[nn.Parameter]:
    """What the phase trains; everything else is frozen."""
    everything = phase.trains == "everything"
    for module in backbone.trainable.values():
        module.requires_grad_(everything)
    return [handles, *(backbone.parameters().values() if everything else ())]


def _learned(backbone: Backbone, handles: nn.Parameter, phases: Sequence[Phase]) -> dict[str, Tensor]:
    trained: dict[str, Tensor] = {HANDLES: handles}
    if any(phase.steps and phase.trains == "everything" for phase in phases):
        trained |= backbone.parameters()
    diverged = [name for name, tensor in trained.items() if not torch.isfinite(tensor).all()]
    if diverged:
        raise FloatingPointError(f"the training diverged: {diverged[0]} is not finite; lower the learning rate")
    return {name: tensor.detach().to("cpu", torch.float32, copy=True) for name, tensor in trained.items()}


class Update:
    """One optimiser over a phase's parameters; in fp16 the loss is scaled against underflow."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        optimiser: Optimiser,
        learning_rate: float,
        backbone: Backbone,
    ) -> None:
        self._parameters = list(parameters)
        self._clip = optimiser.clip
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimiser.kind]
        self._optimiser = kind(
            self._parameters,
            lr=learning_rate,
            betas=optimiser.betas,
            weight_decay=optimiser.weight_decay,
            fused=True,
        )
        scaled = backbone.hardware.precision == "fp16"
        self._scaler = torch.amp.GradScaler(backbone.device.type, enabled=scaled)

    def __call__(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`."""
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale(loss))
        if self._clip is not None:
            self._scaler.unscale_(self._optimiser)
            nn.utils.clip_grad_norm_(self._parameters, self._clip)
        self._scaler.step(self._optimiser)
        self._scaler.update()
