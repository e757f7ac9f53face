"""Reference pictures of a Playroom dataset: the toys of a scene, redrawn in the contexts of its prompts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.core.scenes import ImageArray, Mask, Prompt
from bench.core.seeds import seed_from
from bench.data.manifest import SceneRecord
from bench.playroom.world.coco import CocoSpec, pool_scene
from bench.playroom.world.ground_truth import redrawn
from bench.playroom.world.scene import ToyScene, draw
from bench.playroom.world.toys import ToyIdentity


@dataclass(frozen=True)
class Redrawing:
    """Draws the references of a dataset that was selected from the pool of this specification."""

    spec: CocoSpec

    def draw(self, record: SceneRecord, prompt: Prompt) -> ImageArray:
        """The prompt's toys in its context, in another pose, size and place, uint8 [size, size, 3].

        What the template says beside its concepts is the context; raises `KeyError` for one that is not Playroom's.
        """
        assert record.image_id is not None, "every scene is a picture of the pool"
        world = pool_scene(self.spec, record.image_id)
        toys = [identity(world, record.classes[index], record.mask(index)) for index in prompt.subset]
        context = prompt.template.split("{tokens}")[1].strip()
        seed = seed_from(
            reference=record.name,
            template=prompt.template,
            subset=prompt.subset,
            sample=prompt.sample,
            of=self.spec.seed,
        )
        return draw(redrawn(toys, context, np.random.default_rng(seed)), self.spec.size).picture


def identity(world: ToyScene, label: str, mask: Mask) -> ToyIdentity:
    """The toy of that class in the world; of two alike the one that covers most of the mask [side, side]."""
    alike = [number for number, toy in enumerate(world.toys) if toy.identity.class_name == label]
    if len(alike) > 1:
        visible = draw(world, len(mask)).masks
        alike.sort(key=lambda number: int((visible[number] & mask).sum()), reverse=True)
    return world.toys[alike[0]].identity
