"""The stages of an edit: fit if needed, find the region if needed, repaint, write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.core.errors import UserError
from bench.core.hashing import digest, pixel_hash, scene_digest
from bench.core.masks import shrunk
from bench.core.progress import ProgressBar, console, progress_bar
from bench.core.scenes import Concept, ImageArray, Mask, Scene
from bench.core.seeds import seed_from
from bench.diffusion.backbone.resize import fit_resolution
from bench.diffusion.editing.blended import BlendedEdit, edited
from bench.diffusion.editing.roi_matching import RoiMatch, matched_region
from bench.diffusion.sampling.sampler import warn_of_long_texts
from bench.edit.fitting import Share, learner, load_fit
from bench.edit.inputs import Target, handles, named_concepts, read_target
from bench.edit.options import EditOptions, EditPaths
from bench.edit.output import RESULT, is_made, write_edit
from bench.edit.session import EditSession
from bench.edit.source import source_scene
from bench.plugins.method import Blending, ExtendsScene
from bench.plugins.spec import Configured
from bench.run.options import BackboneOptions
from bench.run.plan import Unit

VERSION = 2
"""Raised whenever a change of the engine changes what the same edit gives."""
_FIT, _REGION, _EDIT = 10.0, 4.0, 1.0
"""Shares of the progress bar."""


@dataclass(frozen=True, eq=False)
class Job:
    """A validated edit with its inputs read; `scene` is at the backbone's resolution."""

    session: EditSession
    unit: Unit
    scene: Scene
    concepts: tuple[Concept, ...]
    target: Target
    prompt: str
    guidance_step_sizes: tuple[float, ...]
    start: float
    blending: Blending

    @property
    def key(self) -> str:
        """A hash of everything that can change its pixels."""
        mask = self.target.mask
        sampler = self.session.backbone.settings.sampler
        region = None if mask is None else mask.tobytes().hex()
        content = [
            VERSION,
            self.unit.key,
            pixel_hash(self.target.picture),
            region,
            self.prompt,
            self.guidance_step_sizes,
        ]
        return digest([*content, self.start, self.blending, sampler.steps, sampler.guidance])

    @property
    def noise_seed(self) -> int:
        """The same for every method and step size."""
        seed = self.session.conditions.seed
        return seed_from(edit=pixel_hash(self.target.picture), prompt=self.prompt, seed=seed)


def edit(options: EditOptions, backbone_options: BackboneOptions, paths: EditPaths) -> Path:
    """Make the edit unless it exists; returns its folder.

    Raises `UserError` for options that cannot be applied; then nothing is written.
    """
    method = learner(options.method)
    session = EditSession.opened(backbone_options)
    target = read_target(options.target, options.mask, session.backbone.resolution)
    job = _job(options, session, method, source_scene(options, paths, session), target)
    folder = paths.outputs / (paths.name or _name(job, options))
    if is_made(folder, job.key):
        console.print(f"already made: {folder}", soft_wrap=True, markup=False)
        return folder
    total = _FIT + _EDIT * len(job.guidance_step_sizes) + (_REGION if target.mask is None else 0)
    with session.backbone.hardware.computing(), progress_bar("edit", total) as progress:
        load_fit(session, job.unit, paths, Share(progress, _FIT))
        warn_of_long_texts(session.backbone, [job.prompt])
        mask = _region(job, progress)
        results = {
            f"{RESULT}{guidance_step_size:g}": _edited(job, mask, guidance_step_size, progress)
            for guidance_step_size in job.guidance_step_sizes
        }
    write_edit(folder, _record(job, options), job.scene, target.picture, mask, results)
    paths.settle(job.unit.key)
    return folder


def _job(options: EditOptions, session: EditSession, method: Configured, scene: Scene, target: Target) -> Job:
    learned = method.instance.training_scene(scene) if isinstance(method.instance, ExtendsScene) else scene
    resized = fit_resolution(learned, session.backbone.resolution)
    concepts = named_concepts(resized, options.prompt)
    read = concepts[0].mask if target.mask is None else target.mask
    if target.mask is None and len(concepts) > 1:
        raise UserError(f"without --mask one region is sought: name one of {handles(concepts)} in --prompt, or mark it")
    check_region(read, f"the mask of {handles(concepts)}" if target.mask is None else "the target's mask", session)
    own: float = getattr(method.instance, "guidance_step_size", 0.0)
    blending: Blending = getattr(method.instance, "blending", "from-noise")
    return Job(
        session=session,
        unit=session.unit(method, scene),
        scene=resized,
        concepts=concepts,
        target=target,
        prompt=options.prompt,
        guidance_step_sizes=options.guidance_step_sizes or (own,),
        start=options.start,
        blending=options.blending or blending,
    )


def check_region(mask: Mask, what: str, session: EditSession) -> None:
    """Raise `UserError` if nothing of a region is left at the latents' side, where it is read.

    Without a pixel there, the edit would give the target back, and RoI matching would look for nothing.
    """
    side = session.backbone.latent_shape[-1]
    if not shrunk(mask, side).any():
        raise UserError(f"{what} has no pixel left at the latents' {side} x {side}; mark a larger region")


def _name(job: Job, options: EditOptions) -> str:
    words = (job.unit.method.spec, job.unit.scene.name, options.target.stem)
    safe = ("".join(letter if letter.isalnum() or letter in "._" else "-" for letter in word) for word in words)
    return "-".join((*(word.strip("-.") for word in safe), job.key[:6]))


def _region(job: Job, progress: ProgressBar) -> Mask:
    """The target's region: the given one, or what RoI matching finds."""
    if job.target.mask is not None:
        return job.target.mask

    def on_step(done: int, total: int) -> None:
        progress.say(f"region {done}/{total}")
        progress.advance(_REGION / total)

    seed = seed_from(region=scene_digest(job.unit.scene), seed=job.session.conditions.seed)
    match = RoiMatch(
        job.scene.pictures[job.concepts[0].picture], job.concepts[0], job.target.picture, job.session.budget, seed
    )
    return matched_region(job.session.backbone, match, on_step)


def _edited(job: Job, mask: Mask, guidance_step_size: float, progress: ProgressBar) -> ImageArray:
    progress.say(f"step size {guidance_step_size:g}")
    names = tuple(concept.handle for concept in job.concepts)
    blended = BlendedEdit(
        picture=job.target.picture,
        mask=mask,
        text=job.prompt,
        handles=names,
        start=job.start,
        guidance_step_size=guidance_step_size,
        noise_seed=job.noise_seed,
        blending=job.blending,
    )
    return edited(job.session.backbone, blended, lambda _done, total: progress.advance(_EDIT / total))


def _record(job: Job, options: EditOptions) -> dict[str, Any]:
    sampler = job.session.backbone.settings.sampler
    return {
        "key": job.key,
        "fit": job.unit.key,
        "method": job.unit.method.spec,
        "configuration": job.unit.method.configuration,
        "source": job.unit.scene.name,
        "target": options.target.name,
        "region": "found" if job.target.mask is None else "given",
        "prompt": job.prompt,
        "guidance_step_sizes": job.guidance_step_sizes,
        "start": job.start,
        "blending": job.blending,
        "sampling_steps": sampler.steps,
        "guidance": sampler.guidance,
        "seed": job.session.conditions.seed,
        "backbone": job.session.conditions.backbone,
    }
