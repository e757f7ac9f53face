"""The loaded backbone and the conditions of an edit, addressed as in a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import diffusers
import transformers

from bench.core.device import resolve
from bench.core.scenes import Dataset, Scene
from bench.diffusion.backbone.checkpoint import BackboneSpec, fingerprint
from bench.diffusion.backbone.loading import load_backbone
from bench.plugins.backbone import Backbone
from bench.plugins.spec import Configured
from bench.run.plan import Conditions, Unit, make_plan


@dataclass(frozen=True)
class BackboneOptions:
    """On what and how to work; None leaves the choice to the backbone, as in `bench run`."""

    backbone: str
    revision: str | None
    budget: str | None
    sampling_steps: int | None
    guidance: float | None
    device: str
    precision: str
    seed: int


@dataclass(frozen=True)
class EditSession:
    """A backbone with its sampler set, and what besides method and scene can change a fit."""

    backbone: Backbone
    conditions: Conditions
    budget: str

    @classmethod
    def opened(cls, backbone_options: BackboneOptions) -> EditSession:
        """Load the backbone.

        Raises `UserError` for a backbone, device, precision or budget that there is not.
        """
        for library in (diffusers, transformers):
            quiet: Any = library.utils.logging
            quiet.disable_progress_bar()
        spec = BackboneSpec(backbone_options.backbone, backbone_options.revision)
        backbone = load_backbone(spec, resolve(backbone_options.device, backbone_options.precision))
        own = backbone.settings
        budget = own.check_budget(backbone_options.budget) if backbone_options.budget else "full"
        steps = backbone_options.sampling_steps or own.sampler.steps
        guidance = own.sampler.guidance if backbone_options.guidance is None else backbone_options.guidance
        backbone.settings = replace(own, sampler=replace(own.sampler, steps=steps, guidance=guidance))
        conditions = Conditions(
            backbone=fingerprint(spec),
            precision=backbone.hardware.precision,
            budget=asdict(own.budget(budget)),
            sampling_steps=steps,
            guidance=guidance,
            seed=backbone_options.seed,
        )
        return cls(backbone, conditions, budget)

    def unit(self, method: Configured, scene: Scene) -> Unit:
        """The fit of a method on a scene, with the identity that it has in every run."""
        return make_plan(Dataset("edit", (scene,)), (method,), self.conditions)[0]
