"""The plan: the fits and pictures of a run, each keyed by a hash of what can change it. Pure, without torch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from bench.core.device import drawing_precision
from bench.core.hashing import digest, scene_digest
from bench.core.scenes import Dataset, Prompt, Scene
from bench.core.seeds import seed_from
from bench.plugins.method import (
    FitsTogether,
    GeneratesPrior,
    HasFingerprint,
    PrecomputedImage,
    ProvidesImages,
    ProvidesImagesByScene,
    Request,
)
from bench.plugins.source import source_hash
from bench.plugins.spec import Configured
from bench.run.contracts import check_configuration, own_code

RECIPE_VERSION = 2
"""Incremented whenever a change of the engine changes what the same method learns or draws."""


@dataclass(frozen=True)
class Conditions:
    """Everything besides the method and the scene that can change a result.

    `backbone` is its content (hub commit or hash of the folder's files), `precision` the resolved one, `budget` the
    factors on the papers' steps and learning rates. `cohort` is the most scenes whose fits are begun together. Device,
    paths, workers and batch size cannot change a result.
    """

    backbone: str
    precision: str
    budget: Mapping[str, float]
    sampling_steps: int
    guidance: float
    seed: int
    cohort: int = 1


@dataclass(frozen=True)
class PlannedPicture:
    """One picture to draw, with its key (20 hexadecimal digits)."""

    key: str
    request: Request


@dataclass(frozen=True, eq=False)
class Unit:
    """One fit of one method on one scene and all its pictures; `key` is the fit's (20 hexadecimal digits).

    Everything random in the fit derives from `fit_seed`, which is the same for every method.
    `precomputed` are the pictures of a method that takes them from outside the scene. `cohort` names the scenes whose
    fits are begun together with this one, in the dataset's order, itself among them: a fixed block of the dataset,
    whatever a start asks for. It is empty for a fit that is made alone.
    """

    key: str
    method: Configured
    scene: Scene
    run_seed: int
    fit_seed: int
    pictures: tuple[PlannedPicture, ...]
    precomputed: Mapping[Prompt, PrecomputedImage] = field(default_factory=dict)
    cohort: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class ExternalInputs:
    """What a method takes from outside its scene: a hash of all of it, and pictures, both by scene name.

    For most methods both are empty.
    """

    content: Mapping[str, str] = field(default_factory=dict)
    precomputed: Mapping[str, Mapping[Prompt, PrecomputedImage]] = field(default_factory=dict)


def find_external_inputs(method: Configured, dataset: Dataset, scenes: Collection[str] | None = None) -> ExternalInputs:
    """What the method takes from outside the scenes of the dataset; raises `UserError` if it is missing.

    `scenes` are the names of those that it is needed for, where that makes a difference to the method; None is all.
    """
    with own_code(method):
        return _external_inputs(method, dataset, scenes)


def _external_inputs(method: Configured, dataset: Dataset, scenes: Collection[str] | None) -> ExternalInputs:
    own, names = method.instance, [scene.name for scene in dataset.scenes]
    files = own.fingerprint() if isinstance(own, HasFingerprint) else ""
    if scenes is not None and isinstance(own, ProvidesImagesByScene):
        names = [name for name in names if name in scenes]
        precomputed = own.precomputed_of(dataset, names)
    else:
        precomputed = own.precomputed(dataset) if isinstance(own, ProvidesImages) else {}
    if not (files or precomputed):
        return ExternalInputs()
    hashes = {
        name: sorted((repr(prompt), one.content) for prompt, one in of.items()) for name, of in precomputed.items()
    }
    return ExternalInputs({name: digest([files, hashes.get(name, [])]) for name in names}, precomputed)


def make_plan(
    dataset: Dataset,
    methods: Sequence[Configured],
    conditions: Conditions,
    find_inputs: Callable[[Configured, Dataset], ExternalInputs] = find_external_inputs,
) -> tuple[Unit, ...]:
    """All units, scene by scene, so that an interrupted run compares the methods on the scenes it reached.

    Of scenes of equal content, the later ones' keys hold their names as well: a unit's files are named by its key.
    `find_inputs` returns what a method takes from outside its scenes. Raises `UserError` for a method with an invalid
    configuration.
    """
    for method in methods:
        check_configuration(method)
    outsides = [find_inputs(method, dataset) for method in methods]
    together = [_fits_together(method) for method in methods]
    names = [scene.name for scene in dataset.scenes]
    blocks = [names[start : start + conditions.cohort] for start in range(0, len(names), conditions.cohort)]
    taken: dict[str, str] = {}
    return tuple(
        _unit(dataset.name, scene, method, outside, conditions, tuple(block) if own and len(block) > 1 else (), taken)
        for scene, block in zip(dataset.scenes, (block for block in blocks for _ in block), strict=True)
        for method, outside, own in zip(methods, outsides, together, strict=True)
    )


def cohort_of(unit: Unit, plan: Sequence[Unit]) -> tuple[Unit, ...]:
    """The units of the plan whose fits are begun together with this one's, itself among them."""
    named = {one.scene.name: one for one in plan if one.method.spec == unit.method.spec}
    return tuple(named[name] for name in unit.cohort)


def _fits_together(method: Configured) -> bool:
    with own_code(method):
        return isinstance(method.instance, FitsTogether) and bool(method.instance.fits_together)


def noise_seed(dataset: str, scene: str, prompt: Prompt, seed: int) -> int:
    """The seed of a picture's initial noise: common random numbers, the method left out."""
    return seed_from(
        dataset=dataset,
        scene=scene,
        subset=prompt.subset,
        template=prompt.template,
        sample=prompt.sample,
        seed=seed,
    )


def _unit(
    dataset: str,
    scene: Scene,
    method: Configured,
    outside: ExternalInputs,
    conditions: Conditions,
    cohort: tuple[str, ...],
    taken: dict[str, str],
) -> Unit:
    """The unit; `taken` are the names of the scenes that have the keys so far, and gets this one's."""
    content = outside.content.get(scene.name)
    # of a cohort the number alone: a fit does not depend on which scenes they are
    more = ({"outside": content} if content else {}) | ({"cohort": len(cohort)} if cohort else {})
    key = _fit_key(scene, method, more, conditions)
    if taken.setdefault(key, scene.name) != scene.name:
        key = _fit_key(scene, method, {**more, "twin": scene.name}, conditions)
    pictures = tuple(_picture(dataset, scene, prompt, key, conditions) for prompt in scene.prompts)
    fit_seed = seed_from(scene=scene_digest(scene.for_methods), seed=conditions.seed)
    precomputed = outside.precomputed.get(scene.name, {})
    return Unit(key, method, scene, conditions.seed, fit_seed, pictures, precomputed, cohort)


def _fit_key(scene: Scene, method: Configured, more: Mapping[str, str | int], conditions: Conditions) -> str:
    return digest(
        {
            "method": method.drop_in.name,
            "configuration": method.key_fields,
            "source": source_hash(method.drop_in),
            "recipe_version": RECIPE_VERSION,
            "backbone": conditions.backbone,
            "precision": conditions.precision,
            "budget": dict(conditions.budget),
            "scene": scene_digest(scene.for_methods),
            "seed": conditions.seed,
            **more,
            **_sampler_of_fit(method, conditions),
        }
    )


def _sampler_of_fit(method: Configured, conditions: Conditions) -> Mapping[str, float | str]:
    """The sampler's settings that can change a fit: none, unless the fit draws pictures itself."""
    with own_code(method):
        draws = isinstance(method.instance, GeneratesPrior) and method.instance.generates_prior
    return _sampler(conditions) if draws else {}


def _sampler(conditions: Conditions) -> dict[str, float | str]:
    """What changes how a picture is drawn; the drawing's precision only where it is not the fit's."""
    drawn_in = drawing_precision(conditions.precision)
    sampler: dict[str, float | str] = {"sampling_steps": conditions.sampling_steps, "guidance": conditions.guidance}
    return sampler if drawn_in == conditions.precision else sampler | {"drawn_in": drawn_in}


def _picture(dataset: str, scene: Scene, prompt: Prompt, fit: str, conditions: Conditions) -> PlannedPicture:
    request = Request(prompt, noise_seed(dataset, scene.name, prompt, conditions.seed))
    key = digest(
        {
            "fit": fit,
            "prompt": asdict(prompt),
            "noise": request.noise_seed,
            **_sampler(conditions),
        }
    )
    return PlannedPicture(key, request)
