"""Trains any recipe, phase by phase and step by step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from bench.core.scenes import Scene
from bench.diffusion.backbone.attention import Recorder, bos_detached, cross_attention_layers, recording
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles, embedding, rows_replaced, set_rows
from bench.diffusion.backbone.resize import fit_resolution
from bench.diffusion.training.objective import Objective, Randomness
from bench.diffusion.training.optimiser import HostMomentsAdam, make_optimiser, stepping_in_backward
from bench.diffusion.training.prior import PriorImages, class_texts
from bench.diffusion.training.recipe import PIECES, Optimiser, Phase, Recipe
from bench.diffusion.training.rows import losses
from bench.diffusion.training.scene_check import check_masks, warn_of_limits
from bench.plugins.backbone import Backbone
from bench.plugins.method import FitState, MethodContext

HANDLES = "handles"
"""The name of the handles' rows [N, width] among the learned tensors."""


def fit_recipe(recipe: Recipe, scene: Scene, context: MethodContext) -> dict[str, Tensor]:
    """Train a recipe on a scene, starting from a restored backbone, which is changed in place.

    Returns `handles` [N, width] and every other tensor that the training changed, by its name in
    `Backbone.parameters`, float32, on the CPU; of the embedding matrix the rows that are not handles. Everything
    random derives from the context's `fit_seed`: on a CPU the same seed gives the same bits.

    Raises `UserError` if the recipe needs masks and the scene has none, or the backbone has no attention maps of
    the kind that the recipe needs, and `FloatingPointError` if the training diverged.
    """
    backbone = context.backbone
    training_scene = recipe.training_scene(scene)
    _check(recipe, training_scene, backbone)
    budget = backbone.settings.budget(context.budget)
    phases = [phase.scaled(budget) for phase in recipe.phases]
    prior_images = _prior(recipe, training_scene, context)
    progress = _Progress(
        sum(phase.steps for phase in phases) + sum(one.missing for one in prior_images), context.on_step
    )
    prior = {one.text: one.pictures(progress.advance) for one in prior_images}
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, training_scene.concepts, recipe.initialiser)
    handles = nn.Parameter(embedding(backbone.text_encoder).detach()[ids.to(backbone.device)])
    with rows_replaced(backbone.text_encoder, ids, handles), _watched(recipe, backbone) as recorder:
        objective = Objective(
            recipe=recipe,
            scene=fit_resolution(training_scene, backbone.resolution),
            context=context,
            encoder=Encoder(backbone),
            random=Randomness.seeded(context.fit_seed),
            ids=ids,
            prior=prior,
            recorder=recorder,
        )
        for phase in phases:
            _walk(phase, objective, handles, progress)
    return _learned(backbone, handles, phases)


@torch.no_grad()
def load_state(backbone: Backbone, scene: Scene, state: FitState, recipe: Recipe) -> None:
    """Load what a fit of this recipe learned into a restored backbone."""
    concepts = recipe.training_scene(scene).concepts
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, concepts, recipe.initialiser)
    parameters = backbone.parameters()
    for name, tensor in state.items():
        if name != HANDLES:
            parameters[name][: len(tensor)].copy_(tensor)
    set_rows(backbone.text_encoder, ids, state[HANDLES])


@dataclass
class _Progress:
    """Counts prior pictures and steps together."""

    total: int
    on_step: Callable[[int, int], None]
    done: int = field(default=0)

    def advance(self) -> None:
        self.done += 1
        self.on_step(self.done, self.total)


def _check(recipe: Recipe, scene: Scene, backbone: Backbone) -> None:
    """Raise `UserError` for a scene without masks that the recipe needs; warn of what it leaves out."""
    latent_side = backbone.latent_shape[-1]
    check_masks(recipe, scene, backbone.resolution, latent_side)
    layers = cross_attention_layers(backbone.unet, latent_side) if recipe.attention is not None else ()
    sides = {layer.side for layer in layers if recipe.attention is not None and recipe.attention.layers(layer)}
    warn_of_limits(recipe, scene, backbone.resolution, sides)


def _prior(recipe: Recipe, scene: Scene, context: MethodContext) -> list[PriorImages]:
    """The prior pictures that the recipe needs, one `PriorImages` per text."""
    if recipe.prior is None:
        return []
    backbone = context.backbone
    count = backbone.settings.budget(context.budget).scaled_prior_pictures(recipe.prior.pictures)
    folder = None if context.shared is None else context.shared / "prior"
    texts = class_texts(recipe.prior.text, scene.concepts)
    return [PriorImages(backbone, text, count, context.run_seed, folder) for text in texts]


@contextlib.contextmanager
def _watched(recipe: Recipe, backbone: Backbone) -> Iterator[Recorder | None]:
    """Set up the UNet's cross-attention for the recipe: its maps recorded, its BOS token detached, or unchanged."""
    with contextlib.ExitStack() as stack:
        if recipe.detach_bos:
            stack.enter_context(bos_detached(backbone.unet))
        if recipe.recorded is None:
            yield None
        else:
            yield stack.enter_context(recording(backbone.unet, backbone.latent_shape[-1], recipe.recorded))


def _walk(phase: Phase, objective: Objective, handles: nn.Parameter, progress: _Progress) -> None:
    groups = _thaw(objective.backbone, handles, phase)
    update = Update(groups, objective.recipe.optimiser, phase.learning_rate, objective.backbone)
    objective = replace(objective, trains_weights=bool(PIECES[phase.trains]))
    loss = objective if phase.objective is None else phase.objective(objective)
    for _ in range(phase.steps):
        if isinstance(loss, Objective):
            update(torch.stack(losses([loss.draw() for _ in range(phase.batch)])).mean())
        elif phase.batch == 1:
            update(loss())
        else:
            for _ in range(phase.batch):
                update.gather(loss() / phase.batch)
            update.step()
        if phase.after_step is not None:
            phase.after_step(objective)
        progress.advance()


def _thaw(backbone: Backbone, handles: nn.Parameter, phase: Phase) -> list[dict[str, Any]]:
    """The parameter groups that the phase trains, handles with their own learning rate; all others are frozen."""
    weights: list[nn.Parameter] = []
    for name, parameter in backbone.parameters().items():
        parameter.requires_grad_(trains(phase, name))
        weights += [parameter] if parameter.requires_grad else []
    rate = phase.learning_rate if phase.handle_learning_rate is None else phase.handle_learning_rate
    return [{"params": [handles], "lr": rate}, *([{"params": weights}] if weights else [])]


def trains(phase: Phase, name: str) -> bool:
    """Whether the phase trains the weight of that name in `Backbone.parameters`."""
    return any(piece in name for piece in PIECES[phase.trains])


@torch.no_grad()
def _learned(backbone: Backbone, handles: nn.Parameter, phases: Sequence[Phase]) -> dict[str, Tensor]:
    trained: dict[str, Tensor] = {HANDLES: handles.detach().to("cpu", torch.float32, copy=True)}
    for name, parameter in backbone.parameters().items():
        if any(phase.steps and trains(phase, name) for phase in phases):
            before = backbone.original(name)
            now = parameter[: len(before)].to("cpu", torch.float32, copy=True)
            if not torch.equal(now, before):
                trained[name] = now
    diverged = [name for name, tensor in trained.items() if not torch.isfinite(tensor).all()]
    if diverged:
        raise FloatingPointError(f"the training diverged: {diverged[0]} is not finite; lower the learning rate")
    return trained


class Update:
    """One optimiser over a phase's parameters; in fp16 the loss is scaled against underflow.

    `parameters` are tensors, or groups of them as torch's optimisers take them.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        optimiser: Optimiser,
        learning_rate: float,
        backbone: Backbone,
    ) -> None:
        self._clip = optimiser.clip
        self._optimiser = make_optimiser(parameters, optimiser, learning_rate, backbone.hardware.memory)
        self._optimiser.zero_grad(set_to_none=True)
        scaled = backbone.hardware.precision == "fp16"
        self._scaler = torch.amp.GradScaler(backbone.device.type, enabled=scaled)

    def __call__(self, loss: Tensor) -> None:
        """Make one optimiser step on `loss`."""
        with self._in_backward():
            self.gather(loss)
        self.step()

    def _in_backward(self) -> contextlib.AbstractContextManager[None]:
        """Steps inside the backward pass, where memory is to be saved and each gradient stands for itself."""
        if self._clip is None and not self._scaler.is_enabled() and isinstance(self._optimiser, HostMomentsAdam):
            return stepping_in_backward(self._parameters(), self._optimiser.step_one)
        return contextlib.nullcontext()

    def gather(self, loss: Tensor) -> None:
        """Accumulate the gradient of `loss` for the next step."""
        torch.autograd.backward(self._scaler.scale(loss))

    def step(self) -> None:
        """Make one optimiser step with the accumulated gradient."""
        # Any: the scaler is annotated with torch's class and uses what both optimisers have
        optimiser: Any = self._optimiser
        if self._clip is not None:
            self._scaler.unscale_(optimiser)
            nn.utils.clip_grad_norm_(self._parameters(), self._clip)
        self._scaler.step(optimiser)
        self._scaler.update()
        self._optimiser.zero_grad(set_to_none=True)

    def _parameters(self) -> list[nn.Parameter]:
        return [parameter for group in self._optimiser.param_groups for parameter in group["params"]]
