"""The automatic source mask on the tiny pipeline: what is trained, what is found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.scenes import Scene
from bench.diffusion.editing.common_region import SharedConcept, shared_region
from bench.diffusion.editing.roi_matching import REGION
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler


def silent(_done: int, _total: int) -> None: ...


@pytest.fixture
def brief(backbone_with: Callable[[BackboneSettings], Backbone]) -> Backbone:
    """The tiny backbone with a budget of ten steps."""
    budgets = {"full": Budget(0.02, weights_learning_rate=100.0)}
    return backbone_with(BackboneSettings(sampler=Sampler(3, 2.0), budgets=budgets))


def shared(scene: Scene, word: str = "cat", seed: int = 2) -> SharedConcept:
    return SharedConcept((scene.picture, scene.picture[:, ::-1], scene.picture[::-1]), word, "full", seed)


def test_the_token_and_keys_and_values_are_trained_and_nothing_else(brief: Backbone, scene: Scene) -> None:
    before = {name: value.detach().clone() for name, value in brief.parameters().items()}
    steps: list[tuple[int, int]] = []
    mask = shared_region(brief, shared(scene), lambda *step: steps.append(step))
    assert (mask.shape, mask.dtype) == ((32, 32), np.bool_)
    assert 0 < mask.sum() < mask.size
    assert steps == [(done, 10) for done in range(1, 11)]
    moved = {
        name for name, value in brief.parameters().items() if not torch.equal(value[: len(before[name])], before[name])
    }
    assert moved == {name for name in before if ".attn2.to_k." in name or ".attn2.to_v." in name}
    assert brief.tokenizer.convert_tokens_to_ids(REGION) == len(brief.tokenizer) - 1


def test_the_seed_alone_decides(brief: Backbone, scene: Scene) -> None:
    first = shared_region(brief, shared(scene), silent)
    brief.restore()
    torch.manual_seed(3)
    np.testing.assert_array_equal(shared_region(brief, shared(scene), silent), first)


def test_an_object_must_be_a_word(brief: Backbone, scene: Scene) -> None:
    with pytest.raises(UserError, match="is not a class word"):
        shared_region(brief, shared(scene, ""), silent)
