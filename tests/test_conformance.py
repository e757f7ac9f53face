"""What every drop-in keeps, built in or a user's: run over all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, get_args, get_origin

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.content import KINDS, DropIn, Kind, discover
from bench.diffusion.backbone import Backbone
from bench.diffusion.settings import BackboneSettings, Budget, Sampler
from bench.method import FitState, Request, Workbench
from bench.scenes import Picture, Scene
from bench.spec import configure, field_types


def drop_ins(*kinds: Kind) -> Iterator[DropIn]:
    for kind in kinds:
        yield from discover(kind).found.values()


def specs(kind: Kind) -> list[str]:
    """Every drop-in of a kind, and each of its variants."""
    return [
        text for found in drop_ins(kind) for text in (found.name, *(f"{found.name}:{name}" for name in found.variants))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_none_is_broken(kind: Kind) -> None:
    assert discover(kind).broken == ()


@pytest.mark.parametrize("found", list(drop_ins(*KINDS)), ids=lambda found: f"{found.kind}:{found.name}")
def test_it_is_a_frozen_dataclass_that_explains_itself(found: DropIn) -> None:
    assert found.role.__dataclass_params__.frozen
    assert found.summary
    assert found.source
    assert found.role.__doc__
    for name, hint in field_types(found.role).items():
        assert get_origin(hint) is Annotated, f"{name} has no help text"
        assert isinstance(get_args(hint)[1], str)


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_variants_can_be_configured(kind: Kind) -> None:
    for text in specs(kind):
        if kind != "datasets" or not _needs_a_folder(text):
            assert dataclasses.is_dataclass(configure(kind, text).instance)


def _needs_a_folder(text: str) -> bool:
    role = discover("datasets").found[text.split(":", maxsplit=1)[0]].role
    return any(field.default is dataclasses.MISSING for field in dataclasses.fields(role))


@pytest.fixture
def frugal(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> Backbone:
    """The tiny backbone with a budget of two steps a phase and one prior picture."""
    budgets = {"full": Budget(steps=0.005, prior_pictures=0.01)}
    monkeypatch.setattr(backbone, "settings", BackboneSettings(sampler=Sampler(2, 2.0), budgets=budgets))
    return backbone


class Bench:
    """The two verbs as the engine calls them: on a pristine backbone."""

    def __init__(self, text: str, backbone: Backbone, scene: Scene) -> None:
        self.method = configure("methods", text).instance
        self.scene = scene
        self.steps: list[tuple[int, int]] = []
        self.workbench = Workbench(backbone, 5, 4, "full", lambda done, total: self.steps.append((done, total)))

    def fit(self) -> FitState:
        self.workbench.backbone.restore()
        state: FitState = self.method.fit(self.scene, self.workbench)
        return state

    def generate(self, state: FitState, requests: Sequence[Request]) -> list[Picture]:
        self.workbench.backbone.restore()
        return list(self.method.generate(state, self.scene, requests, self.workbench))


@pytest.mark.parametrize("text", specs("methods"))
def test_a_method_keeps_the_engines_promises(text: str, frugal: Backbone, scene: Scene, tmp_path: Path) -> None:
    bench = Bench(text, frugal, scene)
    torch.manual_seed(1)
    state = bench.fit()
    assert bench.steps[-1][0] == bench.steps[-1][1], "progress ends at its total"
    torch.manual_seed(2)
    again = bench.fit()
    assert state.keys() == again.keys()
    assert all(torch.equal(state[name], again[name]) for name in state), "a fit depends on its seed alone"

    requests = [Request(scene.prompts[0], 11), Request(scene.prompts[0], 12)]
    pictures = bench.generate(state, requests)
    assert [(picture.shape, picture.dtype) for picture in pictures] == [((32, 32, 3), np.uint8)] * 2
    assert not np.array_equal(*pictures), "the noise seed changes the picture"

    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "fit.safetensors")
    kept = bench.generate(load_file(tmp_path / "fit.safetensors"), requests)
    assert all(np.array_equal(one, other) for one, other in zip(pictures, kept, strict=True))
