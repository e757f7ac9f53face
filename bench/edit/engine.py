"""The stages of an edit: fit if needed, find the region if needed, repaint region by region, write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from bench.core.errors import UserError
from bench.core.hashing import digest, pixel_hash, scene_digest
from bench.core.progress import ProgressBar, console, progress_bar
from bench.core.scenes import ImageArray, Mask, Scene
from bench.core.seeds import seed_from
from bench.diffusion.backbone.resize import fit_resolution
from bench.diffusion.editing.blended import BlendedEdit, edited
from bench.diffusion.editing.roi_matching import RoiMatch, matched_region
from bench.diffusion.sampling.sampler import warn_of_long_texts
from bench.edit.fitting import Share, learner, load_fit
from bench.edit.inputs import Target, read_target
from bench.edit.options import START, EditOptions, EditPaths
from bench.edit.output import RESULT, is_made, output_name, write_edit
from bench.edit.regions import Region, paired
from bench.edit.session import EditSession
from bench.edit.source import source_scene
from bench.plugins.method import Blending, ExtendsScene, FillsHoles, Hole
from bench.plugins.spec import Configured
from bench.run.options import BackboneOptions
from bench.run.plan import Unit

VERSION = 2
"""Raised whenever a change of the engine changes what the same edit gives."""
OnStep: TypeAlias = Callable[[int, int], None]
_FIT, _REGION, _EDIT = 10.0, 4.0, 1.0
"""Shares of the progress bar."""


@dataclass(frozen=True, eq=False)
class Job:
    """A validated edit with its inputs read; `scene` is at the backbone's resolution."""

    session: EditSession
    unit: Unit
    scene: Scene
    target: Target
    regions: tuple[Region, ...]
    guidance_step_sizes: tuple[float, ...]
    start: float
    blending: Blending | None
    """None: the method fills regions itself."""

    @property
    def key(self) -> str:
        """A hash of everything that can change its pixels; one region stands in it as it is, several as lists."""
        sampler = self.session.backbone.settings.sampler
        masks = [None if region.mask is None else region.mask.tobytes().hex() for region in self.regions]
        prompts = [region.prompt for region in self.regions]
        content = [
            VERSION,
            self.unit.key,
            pixel_hash(self.target.picture),
            *((masks, prompts) if len(self.regions) > 1 else (masks[0], prompts[0])),
            self.guidance_step_sizes,
        ]
        return digest([*content, self.start, self.blending, sampler.steps, sampler.guidance])

    def noise_seed(self, region: Region) -> int:
        """The same for every method and step size, and whatever was painted before the region."""
        seed = self.session.conditions.seed
        return seed_from(edit=pixel_hash(self.target.picture), prompt=region.prompt, seed=seed)


def edit(options: EditOptions, backbone_options: BackboneOptions, paths: EditPaths) -> Path:
    """Make the edit unless it exists; returns its folder.

    Raises `UserError` for options that cannot be applied; then nothing is written.
    """
    method = learner(options.method)
    session = EditSession.opened(backbone_options)
    target = read_target(options.target, options.masks, session.backbone.resolution)
    job = _job(options, session, method, source_scene(options, paths, session), target)
    made = output_name((job.unit.method.spec, job.unit.scene.name, options.target.stem), job.key)
    folder = paths.outputs / (paths.name or made)
    if is_made(folder, job.key):
        console.print(f"already made: {folder}", soft_wrap=True, markup=False)
        return folder
    edits = len(job.guidance_step_sizes) * len(job.regions)
    session.warn_of_unknown_words(job.scene)
    total = _FIT + _EDIT * edits + (0 if target.masks else _REGION)
    with session.backbone.hardware.computing(), progress_bar("edit", total) as progress:
        load_fit(session, job.unit, paths, Share(progress, _FIT))
        warn_of_long_texts(session.backbone, list(options.prompts))
        masks = target.masks or (_found(job, progress),)
        results = {
            f"{RESULT}{guidance_step_size:g}": _painted(job, masks, guidance_step_size, progress)
            for guidance_step_size in job.guidance_step_sizes
        }
    write_edit(folder, _record(job, options), job.scene, target.picture, masks, results)
    paths.settle(job.unit.key)
    return folder


def _job(options: EditOptions, session: EditSession, method: Configured, scene: Scene, target: Target) -> Job:
    learned = method.instance.training_scene(scene) if isinstance(method.instance, ExtendsScene) else scene
    resized = fit_resolution(learned, session.backbone.resolution)
    own: float = getattr(method.instance, "guidance_step_size", 0.0)
    fills = isinstance(method.instance, FillsHoles)
    if fills:
        _check_of_blending(options)
    blending: Blending | None = None if fills else getattr(method.instance, "blending", "from-noise")
    return Job(
        session=session,
        unit=session.unit(method, scene),
        scene=resized,
        target=target,
        regions=paired(target.masks, options.prompts, resized, session.backbone.latent_shape[-1]),
        guidance_step_sizes=options.guidance_step_sizes or (own,),
        start=0.0 if fills else options.start,
        blending=options.blending or blending,
    )


def _check_of_blending(options: EditOptions) -> None:
    """Raise `UserError` for options of Blended Latent Diffusion with a method that fills regions itself."""
    given = {
        "--start": options.start != START,
        "--blending": options.blending is not None,
        "--guidance-step-size": options.guidance_step_sizes is not None,
    }
    if names := ", ".join(name for name, is_given in given.items() if is_given):
        raise UserError(f"{options.method} fills a region from what is around it, without blending: leave out {names}")


def _found(job: Job, progress: ProgressBar) -> Mask:
    """The target's region that RoI matching finds for the one concept of the one prompt."""

    def on_step(done: int, total: int) -> None:
        progress.say(f"region {done}/{total}")
        progress.advance(_REGION / total)

    seed = seed_from(region=scene_digest(job.unit.scene), seed=job.session.conditions.seed)
    concept = job.regions[0].concepts[0]
    match = RoiMatch(job.scene.pictures[concept.picture], concept, job.target.picture, job.session.budget, seed)
    return matched_region(job.session.backbone, match, on_step)


def _painted(
    job: Job, masks: Sequence[Mask], guidance_step_size: float, progress: ProgressBar
) -> tuple[ImageArray, ...]:
    """The picture after each region; each is painted on the result of the one before, the first on the target."""
    pictures = [job.target.picture]
    for number, (region, mask) in enumerate(zip(job.regions, masks, strict=True), 1):
        progress.say(f"step size {guidance_step_size:g}, region {number}/{len(masks)}")
        hole = Hole(pictures[-1], mask, region.prompt, job.noise_seed(region))
        on_step: OnStep = lambda _done, total: progress.advance(_EDIT / total)  # noqa: E731
        method = job.unit.method.instance
        if isinstance(method, FillsHoles):
            pictures.append(method.fill(job.session.backbone, hole, on_step))
        else:
            pictures.append(_blended(job, region, hole, guidance_step_size, on_step))
    return tuple(pictures[1:])


def _blended(job: Job, region: Region, hole: Hole, guidance_step_size: float, on_step: OnStep) -> ImageArray:
    """The picture with its hole repainted by Blended Latent Diffusion."""
    assert job.blending is not None, "the method does not fill regions itself"
    blended = BlendedEdit(
        picture=hole.picture,
        mask=hole.mask,
        text=hole.text,
        handles=tuple(concept.handle for concept in region.concepts),
        start=job.start,
        guidance_step_size=guidance_step_size,
        noise_seed=hole.noise_seed,
        blending=job.blending,
    )
    return edited(job.session.backbone, blended, on_step)


def _record(job: Job, options: EditOptions) -> dict[str, Any]:
    sampler = job.session.backbone.settings.sampler
    first, *others = options.prompts
    texts: dict[str, Any] = {"prompts": options.prompts} if others else {"prompt": first}
    return {
        "key": job.key,
        "fit": job.unit.key,
        "method": job.unit.method.spec,
        "configuration": job.unit.method.configuration,
        "source": job.unit.scene.name,
        "target": options.target.name,
        "region": "given" if job.target.masks else "found",
        **texts,
        "guidance_step_sizes": job.guidance_step_sizes,
        "start": job.start,
        "blending": job.blending,
        "sampling_steps": sampler.steps,
        "guidance": sampler.guidance,
        "seed": job.session.conditions.seed,
        "backbone": job.session.conditions.backbone,
    }
