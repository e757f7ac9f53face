"""What every drop-in keeps, built in or a user's: run over all of them."""

from __future__ import annotations

import dataclasses
import gc
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, get_args, get_origin

import numpy as np
import pytest
import torch
from _pytest.mark import ParameterSet
from safetensors.torch import load_file, save_file

from bench.core.errors import UserError
from bench.core.images import picture_png
from bench.core.scenes import Concept, Dataset, ImageArray, Prompt, Scene, handle
from bench.diffusion.training.recipe_method import RecipeMethod
from bench.plugins.backbone import Backbone
from bench.plugins.backbone_settings import BackboneSettings, Budget, Sampler
from bench.plugins.discovery import KINDS, DropIn, Kind, discover
from bench.plugins.method import FitState, FitsTogether, HasRequirements, MethodContext, ProvidesImages, Request
from bench.plugins.spec import configure, field_types, required
from bench.run.plan import find_external_inputs


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
        if not required(discover(kind).found[text.split(":")[0]].role):
            assert dataclasses.is_dataclass(configure(kind, text).instance)


def at_work(variants: bool) -> list[ParameterSet]:
    """The methods (and their variants) that can be tried as they are; of the others it is said what they need."""
    texts = specs("methods") if variants else [found.name for found in drop_ins("methods")]
    return [pytest.param(text, marks=pytest.mark.skipif(bool(why := _obstacle(text)), reason=why)) for text in texts]


def _obstacle(text: str) -> str:
    needed = required(discover("methods").found[text.split(":", maxsplit=1)[0]].role)
    if needed:
        return f"{text} needs {', '.join(needed)}: it has tests of its own"
    instance = configure("methods", text).instance
    return (instance.missing_requirements() or "") if isinstance(instance, HasRequirements) else ""


def _together(text: str) -> bool:
    if required(discover("methods").found[text.split(":", maxsplit=1)[0]].role):
        return False
    instance = configure("methods", text).instance
    return isinstance(instance, FitsTogether) and instance.fits_together


@pytest.fixture
def scene(scene: Scene, tmp_path: Path) -> Scene:
    """The scene with a reference picture for every prompt."""
    references = {}
    for number, prompt in enumerate(scene.prompts):
        references[prompt] = tmp_path / f"reference{number}.png"
        references[prompt].write_bytes(picture_png(scene.picture[::-1]))
    return dataclasses.replace(scene, references=references)


@pytest.fixture
def frugal(backbone_with: Callable[[BackboneSettings], Backbone]) -> Backbone:
    """The tiny backbone with a budget of a step or a few a phase and one prior picture a class."""
    budgets = {"full": Budget(steps=0.001, prior_pictures=0.005)}
    return backbone_with(BackboneSettings(sampler=Sampler(2, 2.0), budgets=budgets))


class Bench:
    """The two verbs as the engine calls them: on a pristine backbone."""

    def __init__(self, text: str, backbone: Backbone, scene: Scene) -> None:
        configured = configure("methods", text)
        self.method = configured.instance
        self.scene = scene
        self.steps: list[tuple[int, int]] = []
        dataset = Dataset("two", (scene, dataclasses.replace(scene, name="other")))
        precomputed = find_external_inputs(configured, dataset).precomputed.get(scene.name, {})
        on_step = lambda done, total: self.steps.append((done, total))  # noqa: E731
        self.context = MethodContext(backbone, 5, 4, "full", on_step, precomputed=precomputed)

    def fit(self) -> FitState:
        self.context.backbone.restore()
        state: FitState = self.method.fit(self.scene, self.context)
        return state

    def generate(self, state: FitState, requests: Sequence[Request]) -> list[ImageArray]:
        self.context.backbone.restore()
        return list(self.method.generate(state, self.scene, requests, self.context))


@pytest.mark.parametrize("text", at_work(variants=True))
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
    kept_the_noise = isinstance(bench.method, ProvidesImages)
    assert np.array_equal(*pictures) == kept_the_noise, "the noise seed changes a picture that is drawn"

    save_file({name: value.contiguous() for name, value in state.items()}, tmp_path / "fit.safetensors")
    kept = bench.generate(load_file(tmp_path / "fit.safetensors"), requests)
    assert all(np.array_equal(one, other) for one, other in zip(pictures, kept, strict=True))


@pytest.mark.parametrize("text", [case for case in at_work(variants=True) if _together(str(case.values[0]))])
def test_a_fit_that_is_begun_with_others_ends_as_alone(text: str, frugal: Backbone, scene: Scene) -> None:
    """Up to rounding, and whichever of them is ended, in whatever order; the engine restores the backbone between."""
    other = striped(scene, 3)
    benches = [Bench(text, frugal, one) for one in (scene, other, scene)]
    alone = [bench.fit() for bench in benches[:2]]
    frugal.restore()
    contexts = [bench.context for bench in benches]
    begun = benches[0].method.begin_fits([scene, other, scene], contexts)
    for number in (1, 0):
        frugal.restore()
        state = benches[number].method.end_fit(begun[number], benches[number].scene, contexts[number])
        assert state.keys() == alone[number].keys()
        for name, tensor in state.items():
            torch.testing.assert_close(tensor, alone[number][name], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("text", at_work(variants=True))
@pytest.mark.usefixtures("_only_what_is_new_is_collected")
def test_a_method_leaves_the_shared_backbone_as_it_was_and_frees_its_memory(
    text: str, frugal: Backbone, scene: Scene
) -> None:
    bench = Bench(text, frugal, scene)
    bench.generate(bench.fit(), [Request(scene.prompts[0], 11)])
    frugal.restore()
    before, held = _everything(frugal), _tensor_bytes()
    bench.generate(bench.fit(), [Request(scene.prompts[0], 12)])
    frugal.restore()
    assert _everything(frugal) == before
    assert _tensor_bytes() == held, "something of the fit is still held"


def _everything(backbone: Backbone) -> dict[str, object]:
    """Weights as bytes, vocabulary, attention processors and hooks of the shared networks."""
    networks = {**backbone.trainable, "vae": backbone.vae}
    weights = {
        f"{prefix}.{name}": value.detach().numpy().tobytes()
        for prefix, network in networks.items()
        for name, value in network.named_parameters()
    }
    hooks = [
        module
        for network in networks.values()
        for module in network.modules()
        if module._forward_hooks or module._forward_pre_hooks
    ]
    processors = [type(processor) for processor in backbone.unet.attn_processors.values()]
    return {**weights, "vocabulary": backbone.tokenizer.get_vocab(), "processors": processors, "hooks": hooks}


@pytest.fixture
def _only_what_is_new_is_collected() -> Iterator[None]:
    """The libraries' million objects are left out of garbage collection: looking at them takes seconds a time."""
    gc.freeze()
    yield
    gc.unfreeze()


def _tensor_bytes() -> int:
    """Of all tensors that are alive and were made in this test."""
    gc.collect()
    return sum(found.nbytes for found in gc.get_objects() if issubclass(type(found), torch.Tensor))


def striped(scene: Scene, count: int) -> Scene:
    """The scene with `count` concepts, side by side, and a prompt that names the first."""
    concepts = []
    for index, label in enumerate(("cat", "umbrella", "beach", "snow", "photo", "cat")[:count]):
        mask = np.zeros((32, 32), bool)
        mask[4:28, 5 * index + 1 : 5 * index + 5] = True
        concepts.append(Concept(label, mask, handle(index)))
    return dataclasses.replace(scene, concepts=tuple(concepts), prompts=(Prompt("a photo of {tokens}", (0,)),))


@pytest.mark.parametrize("count", range(1, 7))
@pytest.mark.parametrize("text", at_work(variants=False))
def test_a_method_takes_one_to_four_concepts_and_warns_of_more(
    text: str, count: int, frugal: Backbone, scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(text, frugal, striped(scene, count))
    state = bench.fit()
    assert len(bench.generate(state, [Request(bench.scene.prompts[0], 1)])) == 1
    warned = f"{count} concepts" in caplog.text
    assert warned == (count > 4 and isinstance(bench.method, RecipeMethod))


@pytest.mark.parametrize("text", at_work(variants=True))
def test_a_scene_without_a_mask_is_refused_in_one_line_or_learned_and_drawn(
    text: str, frugal: Backbone, scene: Scene
) -> None:
    """A recipe that learns from masks must refuse; whoever does not refuse must get to a picture without one."""
    blank = dataclasses.replace(scene.concepts[0], mask=np.zeros((32, 32), bool))
    bench = Bench(text, frugal, dataclasses.replace(scene, concepts=(blank, scene.concepts[1])))
    refused = ""
    try:
        state = bench.fit()
        assert all(torch.isfinite(tensor).all() for tensor in state.values())
        assert len(bench.generate(state, [Request(scene.prompts[0], 1)])) == 1
    except UserError as error:
        refused = str(error)
    assert not refused or ("mask" in refused and "\n" not in refused)
    if isinstance(bench.method, RecipeMethod):
        assert bool(refused) == bench.method.recipe().given_masks


@pytest.mark.parametrize("text", specs("methods"))
def test_a_method_can_be_sent_to_a_worker(text: str) -> None:
    if required(discover("methods").found[text.split(":", maxsplit=1)[0]].role):
        pytest.skip("it must be told more")
    configured = configure("methods", text)
    again = pickle.loads(pickle.dumps(configured.instance))
    assert again == configured.instance
    assert type(again) is configured.drop_in.role


@pytest.mark.parametrize("found", list(drop_ins("methods")), ids=lambda found: found.name)
def test_a_ledger_is_whole_and_its_rows_are_distinct(found: DropIn) -> None:
    assert all(all(vars(choice).values()) for choice in found.ledger)
    assert len({choice.choice for choice in found.ledger}) == len(found.ledger)
