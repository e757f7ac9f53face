"""Counts the arithmetic of Stable Diffusion 2.1 and predicts the peak of its memory, on a machine without a GPU.

Under a `FakeTensorMode` tensors have shapes and no content. The networks are the real ones, with the engine's losses,
recorder and optimisers; `LiveMemory` adds up what is alive. Left out are CUDA's context, cuDNN's workspaces and the
gaps between the allocator's blocks.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import sd21
import tables
import torch
from live_memory import LiveMemory, gibibytes
from networks import scene_of
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from bench.core.device import Hardware
from bench.core.scenes import ImageArray
from bench.diffusion.backbone.attention import recording
from bench.diffusion.backbone.checkpointing import checkpoint_gradients
from bench.diffusion.backbone.handles import rows_replaced
from bench.diffusion.backbone.stable_diffusion import StableDiffusion
from bench.diffusion.training.objective import Objective, Randomness
from bench.diffusion.training.optimiser import HostMomentsAdam, make_optimiser, stepping_in_backward
from bench.diffusion.training.recipe import Recipe
from bench.diffusion.training.samples import Sample
from bench.diffusion.training.trainer import trains
from bench.plugins.method import MethodContext
from bench.plugins.spec import configure

HOST = "meta"
"""Stands for host memory, so that it is counted apart from the device's, which is the CPU here."""


@dataclass(frozen=True)
class FitKind:
    """A method and which of its phases."""

    method: str
    phase: int


KINDS = {
    "handles": FitKind("ti-m", 0),
    "handles, recorder": FitKind("ours", 0),
    "everything": FitKind("ours:no-attention-loss", 1),
    "everything, recorder": FitKind("ours", 1),
    "everything, prior": FitKind("db-m:prior", 0),
    "everything, recorder, prior, clipped": FitKind("ours:code", 1),
}


@dataclass(frozen=True)
class Savings:
    """What is done to save memory; `--memory low` is all of it."""

    checkpointing: bool = False
    host_moments: bool = False
    in_backward: bool = False


SAVINGS = {
    "default": Savings(),
    "checkpointing": Savings(checkpointing=True),
    "moments on the host": Savings(host_moments=True),
    "steps in the backward pass": Savings(in_backward=True),
    "low": Savings(True, True, True),
}


@dataclass(frozen=True)
class Cost:
    """Operations (a multiplication and an addition are two), bytes read and written, peaks in bytes."""

    flops: float
    traffic: float
    peak: float
    host: float = 0.0


class FixedLatents:
    """An encoder that takes no time: under fake tensors no picture is encoded."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self._shape = shape

    def noise(self, generator: torch.Generator) -> Tensor:
        """The noise of one picture's latents."""
        return torch.randn(1, *self._shape)

    def latents(self, pictures: Sequence[ImageArray], noise: Tensor, fresh: bool = False) -> Tensor:
        """Latents of any content."""
        return noise


class FakeObjective(Objective):
    """The engine's losses; where a handle stands among the tokens cannot be looked up in tensors without content."""

    def positions(self, sample: Sample) -> Tensor:
        """Some positions."""
        return torch.arange(len(sample.subset))


class FakeBackbone(StableDiffusion):
    """A backbone whose tensors have no content, so that there is nothing to restore."""

    def restore(self) -> None:
        """Freeze the networks."""
        for network in (self.unet, self.vae, self.text_encoder):
            network.eval().requires_grad_(False)


@contextlib.contextmanager
def as_on_cuda(backbone: StableDiffusion) -> Iterator[None]:
    """Norms in float32, as CUDA's autocast has them and the CPU's has not."""

    def widened(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (inputs[0].float(), *inputs[1:])

    kinds = (nn.GroupNorm, nn.LayerNorm)
    modules = [one for network in (backbone.unet, backbone.text_encoder) for one in network.modules()]
    hooks = [module.register_forward_pre_hook(widened) for module in modules if isinstance(module, kinds)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def cost_of_fit(make: Callable[[], FakeBackbone], kind: FitKind, savings: Savings, steps: int = 2) -> Cost:
    """The cost of a step of a fit and the peak over some steps, the first of which makes Adam's moments."""
    recipe: Recipe = configure("methods", kind.method).instance.recipe()
    with FakeTensorMode(allow_non_fake_inputs=True), contextlib.ExitStack() as stack:
        backbone = make()
        stack.enter_context(as_on_cuda(backbone))
        if savings.checkpointing:
            checkpoint_gradients(backbone.unet, backbone.text_encoder)
        handles = nn.Parameter(torch.randn(2, backbone.text_encoder.config.hidden_size))
        objective = stack.enter_context(objective_of(recipe, backbone, handles))
        step = stepper(objective, trained(backbone, recipe, kind, handles), savings)
        memory = LiveMemory([handles, *weights(backbone)])
        for _ in range(steps):
            with memory, FlopCounterMode(display=False) as counter:
                memory.traffic = 0
                step()
        return Cost(counter.get_total_flops(), memory.traffic, memory.peak["cpu"], memory.peak[HOST])


@contextlib.contextmanager
def objective_of(recipe: Recipe, backbone: FakeBackbone, handles: nn.Parameter) -> Iterator[Objective]:
    """The recipe's losses on a scene of two concepts."""
    ids, scene = torch.tensor([5, 6]), scene_of(backbone.resolution)
    side = backbone.latent_shape[-1]
    recorded = contextlib.nullcontext() if recipe.recorded is None else recording(backbone.unet, side, recipe.recorded)
    encoder: Any = FixedLatents(backbone.latent_shape)
    prior: Any = AnyPictures(scene.picture)
    with rows_replaced(backbone.text_encoder, ids, handles), recorded as recorder:
        yield FakeObjective(
            recipe=recipe,
            scene=scene,
            context=MethodContext(backbone, 0, 1, "full", lambda done, total: None),
            encoder=encoder,
            random=Randomness(np.random.default_rng(0), None),  # type: ignore[arg-type]
            ids=ids,
            prior=prior,
            recorder=recorder,
        )


class AnyPictures(dict[str, list[ImageArray]]):
    """The same prior picture for every text."""

    def __init__(self, picture: ImageArray) -> None:
        super().__init__()
        self._picture = picture

    def __missing__(self, text: str) -> list[ImageArray]:
        return [self._picture]


def trained(backbone: FakeBackbone, recipe: Recipe, kind: FitKind, handles: nn.Parameter) -> list[nn.Parameter]:
    """What the phase trains, with gradients."""
    named = backbone.parameters().items()
    return [handles, *(one.requires_grad_() for name, one in named if trains(recipe.phases[kind.phase], name))]


def stepper(objective: Objective, parameters: list[nn.Parameter], savings: Savings) -> Callable[[], None]:
    """A training step that saves memory in these ways; steps in the backward pass only where nothing is clipped."""
    own = objective.recipe.optimiser
    one_by_one = savings.host_moments or savings.in_backward
    optimiser = make_optimiser(parameters, own, 1e-6, "low" if one_by_one else "default")
    if isinstance(optimiser, HostMomentsAdam):
        optimiser.host = torch.device(HOST if savings.host_moments else "cpu")

    def in_backward() -> contextlib.AbstractContextManager[None]:
        if savings.in_backward and own.clip is None and isinstance(optimiser, HostMomentsAdam):
            return stepping_in_backward(parameters, optimiser.step_one)
        return contextlib.nullcontext()

    def step() -> None:
        with in_backward():
            objective().backward()
        if own.clip is not None:
            nn.utils.clip_grad_norm_(parameters, own.clip)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def cost_of_drawing(make: Callable[[], FakeBackbone], batch: int) -> Cost:
    """The cost of one guided step of this batch, and its peak."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        backbone = make()
        ids = torch.zeros(2 * batch, backbone.text_encoder.config.max_position_embeddings, dtype=torch.long)
        memory = LiveMemory(weights(backbone))
        with memory, FlopCounterMode(display=False) as counter, as_on_cuda(backbone), backbone.hardware.autocast():
            states = backbone.text_encoder(ids).last_hidden_state
            backbone.unet(torch.randn(2 * batch, *backbone.latent_shape), torch.tensor(1), states)
        return Cost(counter.get_total_flops(), memory.traffic, memory.peak["cpu"])


def cost_of_decoding(make: Callable[[], FakeBackbone]) -> Cost:
    """The cost of decoding one picture in float32, and its peak."""
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        backbone = make()
        memory = LiveMemory(weights(backbone))
        with memory, FlopCounterMode(display=False) as counter:
            backbone.vae.decode(torch.randn(1, *backbone.latent_shape))
        return Cost(counter.get_total_flops(), memory.traffic, memory.peak["cpu"])


def weights(backbone: FakeBackbone) -> list[Tensor]:
    """All parameters and buffers of the networks."""
    networks = (backbone.unet, backbone.vae, backbone.text_encoder)
    return [one for network in networks for one in (*network.parameters(), *network.buffers())]


def full_size(precision: str = "bf16") -> FakeBackbone:
    """Stable Diffusion 2.1 at 512 pixels."""
    backbone = sd21.build(Hardware(torch.device("cpu"), precision), kind=FakeBackbone)
    assert isinstance(backbone, FakeBackbone)
    return backbone


PLAN = (
    ("everything, recorder", "default"),
    ("everything, recorder", "low"),
    ("handles", "default"),
    ("everything, recorder, prior, clipped", "low"),
    ("everything, recorder", "checkpointing"),
    ("everything, recorder", "moments on the host"),
    ("everything, recorder", "steps in the backward pass"),
    ("everything, prior", "default"),
    ("everything, recorder, prior, clipped", "default"),
    ("handles", "low"),
)
"""Which fits are counted in which way of saving memory."""
HEAD = ("case", "memory", "TFLOP", "GB read and written", "FLOP a byte", "peak, GiB", "on the host, GiB")


def count(text: str) -> Iterator[tuple[str, str, Cost]]:
    """The costs of all cases whose names have the text."""
    for name, saving in PLAN:
        if text in f"fit: {name}":
            yield f"fit: {name}", saving, cost_of_fit(full_size, KINDS[name], SAVINGS[saving])
    others = {
        "draw: one guided step, batch 1": lambda: cost_of_drawing(full_size, 1),
        "draw: one guided step, batch 16": lambda: cost_of_drawing(full_size, 16),
        "draw: decoding a picture, fp32": lambda: cost_of_decoding(full_size),
    }
    yield from ((name, "", make()) for name, make in others.items() if text in name)


def cells(name: str, saving: str, cost: Cost) -> tuple[str, ...]:
    """A row of the table."""
    numbers = (cost.flops / 1e12, cost.traffic / 1e9)
    intensity = f"{cost.flops / cost.traffic:.0f}" if cost.traffic else ""
    peaks = f"{gibibytes(cost.peak):.1f}", f"{gibibytes(cost.host):.1f}" if cost.host else ""
    return (name, saving, f"{numbers[0]:.2f}", f"{numbers[1]:.0f}", intensity, *peaks)


def main(text: str, write: bool) -> None:
    """Count, print the table, and put it into the document if that is asked for."""
    rows, records = [], []
    for name, saving, cost in count(text):
        rows.append(cells(name, saving, cost))
        records.append({"case": name, "memory": saving, **asdict(cost)})
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    facts = {"versions": tables.versions()}
    table = f"{tables.markdown(HEAD, rows)}\n\n{tables.told(facts)}"
    print(table)
    if write:
        tables.put("cost", table, {"facts": facts, "costs": records})
