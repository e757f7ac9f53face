"""Trains any recipe, phase by phase: on one scene, or its first phases on several scenes together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from bench.core.errors import NotFiniteError, UserError
from bench.core.scenes import ImageArray, Scene
from bench.diffusion.backbone.attention import Recorder, bos_detached, cross_attention_layers, recording
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles, embedding, rows_replaced, set_rows
from bench.diffusion.backbone.resize import fit_resolution
from bench.diffusion.training.objective import Objective, Randomness
from bench.diffusion.training.phase import Fit, Learner, Progress, train_phase, trains
from bench.diffusion.training.prior import PriorImages, class_texts
from bench.diffusion.training.recipe import Recipe
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
    the kind that the recipe needs, and `NotFiniteError` if the training diverged.
    """
    _check(recipe, scene, context.backbone)
    fit = _begun(recipe, scene, context, Encoder(context.backbone), {})
    _train([fit], range(len(fit.phases)))
    return _learned(fit)


def begin_together(
    recipes: Sequence[Recipe], scenes: Sequence[Scene], contexts: Sequence[MethodContext]
) -> list[dict[str, Tensor] | Exception]:
    """Train the recipes' `shared_phases` on several scenes, as rows of one batch, from a restored backbone.

    The recipes, one a scene, differ in nothing but what their phases keep between steps; the contexts are of one
    backbone. Returns what `end_recipe` goes on from: each scene's handles and where its random
    generators are; or what the scene raises: its row is then filled with another scene's, so that the batch keeps its
    shape.
    """
    encoder, prior = Encoder(contexts[0].backbone), dict[str, Sequence[ImageArray]]()
    begun: list[Fit | Exception] = []
    for recipe, scene, context in zip(recipes, scenes, contexts, strict=True):
        try:
            _check(recipe, scene, context.backbone)
            begun.append(_begun(recipe, scene, context, encoder, prior))
        except Exception as error:  # the scene's own failure, raised again in its turn
            begun.append(error)
    _train(begun, range(recipes[0].shared_phases))
    return [fit if isinstance(fit, Exception) else _so_far(fit) for fit in begun]


def _so_far(fit: Fit) -> dict[str, Tensor] | Exception:
    if fit.failure is not None:
        return fit.failure
    assert fit.handles is not None, "it was trained"
    return {HANDLES: _on_cpu(fit.handles), **fit.random.state()}


def end_recipe(recipe: Recipe, begun: FitState, scene: Scene, context: MethodContext) -> dict[str, Tensor]:
    """Train the phases after the shared ones, on a restored backbone, from what `begin_together` returned.

    Returns and raises what `fit_recipe` does, equal up to rounding.
    """
    fit = _begun(recipe, scene, context, Encoder(context.backbone), {})
    fit.handles = nn.Parameter(begun[HANDLES].to(context.backbone.device))
    fit.random.go_on(begun)
    shared = recipe.shared_phases
    fit.progress.done = sum(phase.steps for phase in fit.phases[:shared])
    if shared < len(fit.phases):
        _train([fit], range(shared, len(fit.phases)))
    return _learned(fit)


@torch.no_grad()
def load_state(backbone: Backbone, scene: Scene, state: FitState, recipe: Recipe) -> None:
    """Load what a fit of this recipe learned into a restored backbone."""
    concepts = recipe.training_scene(scene).concepts
    ids = add_handles(backbone.tokenizer, backbone.text_encoder, concepts, recipe.initialiser, recipe.initial_word)
    parameters = backbone.parameters()
    for name, tensor in state.items():
        if name != HANDLES:
            parameters[name][: len(tensor)].copy_(tensor)
    set_rows(backbone.text_encoder, ids, state[HANDLES])


def _begun(
    recipe: Recipe,
    scene: Scene,
    context: MethodContext,
    encoder: Encoder,
    known_prior: dict[str, Sequence[ImageArray]],
) -> Fit:
    """A fit before its first phase, with its prior pictures, which are added to the known ones by their texts."""
    backbone, training_scene = context.backbone, recipe.training_scene(scene)
    budget = backbone.settings.budget(context.budget)
    phases = [phase.scaled(budget) for phase in recipe.phases]
    prior_images = _prior(recipe, training_scene, context)
    progress = Progress(
        sum(phase.steps for phase in phases) + sum(one.missing for one in prior_images), context.on_step
    )
    for one in prior_images:
        if one.text not in known_prior:
            known_prior[one.text] = one.pictures(progress.advance)
    random = Randomness.seeded(context.fit_seed)
    return Fit(recipe, training_scene, context, phases, progress, encoder, known_prior, random)


def _check(recipe: Recipe, scene: Scene, backbone: Backbone) -> None:
    """Raise `UserError` for a scene that the recipe cannot learn; warn of what it leaves out."""
    scene, latent_side = recipe.training_scene(scene), backbone.latent_shape[-1]
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


def _train(fits: Sequence[Fit | Exception], phases: Iterable[int]) -> None:
    """Train the phases of these numbers of all fits together; an exception stands for a row that others fill."""
    alive = {number: fit for number, fit in enumerate(fits) if isinstance(fit, Fit)}
    if not alive:
        return
    recipe, backbone = next((fit.recipe, fit.context.backbone) for fit in alive.values())
    rows: dict[int, tuple[Fit, Scene, Tensor]] = {}
    for number, fit in alive.items():
        scene = fit.scene if len(fits) == 1 else _numbered(fit.scene, number)
        try:
            ids = add_handles(
                backbone.tokenizer, backbone.text_encoder, scene.concepts, recipe.initialiser, recipe.initial_word
            )
        except UserError as error:
            fit.failure = error
        else:
            rows[number] = (fit, scene, ids)
    with contextlib.ExitStack() as stack:
        for fit, _, ids in rows.values():
            if fit.handles is None:
                fit.handles = nn.Parameter(embedding(backbone.text_encoder).detach()[ids.to(backbone.device)])
            stack.enter_context(rows_replaced(backbone.text_encoder, ids, fit.handles))
        recorder = stack.enter_context(_watched(recipe, backbone))
        objectives = {number: _objective(*row, recorder) for number, row in rows.items()}
        for index in phases:
            left = {number: fit for number, (fit, *_) in rows.items() if fit.failure is None}
            train_phase({number: Learner(fit, objectives[number], index) for number, fit in left.items()}, len(fits))


def _objective(fit: Fit, scene: Scene, ids: Tensor, recorder: Recorder | None) -> Objective:
    return Objective(
        recipe=fit.recipe,
        scene=fit_resolution(scene, fit.context.backbone.resolution),
        context=fit.context,
        encoder=fit.encoder,
        random=fit.random,
        ids=ids,
        prior=fit.prior,
        recorder=recorder,
    )


def _numbered(scene: Scene, number: int) -> Scene:
    """The scene with handles that no other scene of a batch has: each row learns tokens of its own."""
    concepts = (replace(one, handle=f"[{number}:{one.handle.strip('[]')}]") for one in scene.concepts)
    return replace(scene, concepts=tuple(concepts))


def _on_cpu(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float32, copy=True)


@torch.no_grad()
def _learned(fit: Fit) -> dict[str, Tensor]:
    """What a fit learned; raises what its samples raised."""
    if fit.failure is not None:
        raise fit.failure
    assert fit.handles is not None, "it was trained"
    backbone = fit.context.backbone
    trained: dict[str, Tensor] = {HANDLES: _on_cpu(fit.handles)}
    for name, parameter in backbone.parameters().items():
        if any(phase.steps and trains(phase, name) for phase in fit.phases):
            before = backbone.original(name)
            now = parameter[: len(before)].to("cpu", torch.float32, copy=True)
            if not torch.equal(now, before):
                trained[name] = now
    diverged = [name for name, tensor in trained.items() if not torch.isfinite(tensor).all()]
    if diverged:
        raise NotFiniteError(f"the training diverged: {diverged[0]} is not finite; lower the learning rate")
    return trained
