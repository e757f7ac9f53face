"""The loaded backbone and the conditions of `bench edit` and `bench generate`; fits have the keys of a run's."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bench.core.device import resolve
from bench.core.scenes import Dataset, Scene
from bench.core.text import some
from bench.diffusion.backbone.checkpoint import BackboneSpec, fingerprint, locate
from bench.diffusion.backbone.handles import spelled_words
from bench.diffusion.backbone.loading import load_backbone
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import read_settings
from bench.plugins.spec import Configured
from bench.run.options import BackboneOptions
from bench.run.plan import Conditions, Unit, make_plan
from bench.run.suitability import warn


@dataclass(frozen=True)
class EditSession:
    """A loaded backbone, and the conditions besides method and scene that can change a fit."""

    backbone: Backbone
    conditions: Conditions
    budget: str

    @classmethod
    def opened(cls, options: BackboneOptions) -> EditSession:
        """Load the backbone that the options name.

        Raises `UserError` for a backbone, device, precision or budget that does not exist.
        """
        spec = BackboneSpec(options.backbone, options.revision)
        hardware = resolve(options.device, options.precision, options.memory)
        settings = read_settings(locate(spec)).with_sampler(options.sampling_steps, options.guidance)
        budget = settings.budget_name(options.budget, None)
        conditions = Conditions(
            backbone=fingerprint(spec),
            precision=hardware.precision,
            budget=asdict(settings.budget(budget)),
            sampling_steps=settings.sampler.steps,
            guidance=settings.sampler.guidance,
            seed=options.seed,
        )
        return cls(load_backbone(spec, hardware, settings), conditions, budget)

    def warn_of_unknown_words(self, scene: Scene) -> None:
        """Say which class words of a scene the backbone's vocabulary lacks: handles begin as these words."""
        words = spelled_words(self.backbone.tokenizer, [concept.word for concept in scene.concepts])
        if words:
            kind = "class word" if len(words) == 1 else "class words"
            warn([f"The backbone does not know the {kind} {some(words)}: what its handles begin as means nothing."])

    def unit(self, method: Configured, scene: Scene) -> Unit:
        """The fit of a method on a scene, with the key that it has in every run."""
        return make_plan(Dataset("edit", (scene,)), (method,), self.conditions)[0]
