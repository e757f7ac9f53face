"""The cases of a backbone: fit steps of each kind and drawing, beside its networks alone."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from harness import Case, Clock, Pair, Work, alternating
from torch import Tensor, nn

from bench.core.scenes import Concept, Scene, handle
from bench.diffusion.backbone.handles import rows_replaced
from bench.diffusion.sampling.sampler import DrawJob, draw
from bench.diffusion.training.losses import diffusion_loss
from bench.plugins.backbone import Backbone
from bench.plugins.method import MethodContext
from bench.plugins.spec import configure

TEXT = "a photo of a cat and a bowl"


@dataclass(frozen=True)
class Kind:
    """A kind of fit step: a method of which every step is one, and what the bare networks compute for it.

    `batch` rows, `encoded` new pictures a step; `everything` trains all weights, else two handles alone.
    """

    method: str
    batch: int = 1
    everything: bool = False
    encoded: int = 0


KINDS = {
    "handles": Kind("ti-m[steps={steps}]", encoded=1),
    "everything": Kind("ours:no-attention-loss[phase1_steps=0,phase2_steps={steps}]", everything=True),
    "recorder": Kind("ours[phase1_steps=0,phase2_steps={steps}]", everything=True),
    "prior": Kind("db-m:prior[steps={steps},prior_pictures=4]", batch=2, everything=True, encoded=1),
}


def fit_case(name: str, backbone: Backbone) -> Case:
    """A step of a fit of the kind of that name."""
    kind = KINDS[name]
    beside = "networks, loss, Adam" + (", one encoded picture" if kind.encoded else "")
    return Case(f"fit: {name}", "a step", beside, FitPairs(backbone, kind, Clock(backbone.device)), goal=1.10)


def draw_case(backbone: Backbone, batch: int) -> Case:
    """Drawing so many pictures at once."""

    def pairs(repeats: int) -> list[Pair]:
        backbone.restore()
        jobs = [DrawJob(TEXT, seed) for seed in range(batch)]
        engine, bare = (lambda: list(draw(backbone, jobs, batch))), bare_drawing(backbone, batch)
        with backbone.hardware.computing():
            return alternating(engine, bare, Clock(backbone.device))(repeats)

    unit = f"a picture ({backbone.settings.sampler.steps} steps, batch {batch})"
    return Case("draw", unit, "networks, guidance, DDIM's sums", pairs, units=batch, goal=1.05)


def scene_of(side: int) -> Scene:
    """Two concepts, the halves of a picture of noise."""
    left = np.zeros((side, side), bool)
    left[:, : side // 2] = True
    picture = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Scene("halves", picture, (Concept("cat", left, handle(0)), Concept("bowl", ~left, handle(1))), ())


@dataclass
class FitPairs:
    """Times every step of a real fit, and a bare step after each: the fit says when a step is done.

    The bare networks are copies, so that what the method does to its own does not slow them.
    """

    backbone: Backbone
    kind: Kind
    clock: Clock
    warm: int = 2
    found: list[Pair] = field(default_factory=list)

    def __call__(self, repeats: int) -> list[Pair]:
        """The pairs of so many steps, after some to warm up."""
        steps = repeats + self.warm
        with bare_step(self.backbone, self.kind) as bare:
            bare()
            self.backbone.restore()
            self.found.clear()
            began = self.clock.now()

            def on_step(done: int, total: int) -> None:
                nonlocal began
                engine = self.clock.now() - began
                if done > total - steps:  # those before are prior pictures
                    self.found.append(Pair(engine, self.clock.seconds(bare)))
                began = self.clock.now()

            method = configure("methods", self.kind.method.format(steps=steps)).instance
            with self.backbone.hardware.computing():
                method.fit(scene_of(self.backbone.resolution), MethodContext(self.backbone, 0, 4, "full", on_step))
        return self.found[self.warm :]


@contextmanager
def bare_step(backbone: Backbone, kind: Kind) -> Iterator[Work]:
    """One training step of copies of the networks: forward, loss, backward, Adam."""
    backbone.restore()
    unet, text_encoder = (copy.deepcopy(network) for network in (backbone.unet, backbone.text_encoder))
    device, side = backbone.device, backbone.resolution
    ids = backbone.tokenize([TEXT] * kind.batch).to(device)
    latents = torch.randn(kind.batch, *backbone.latent_shape, device=device)
    time = torch.full((kind.batch,), 500, device=device)
    pixels = torch.zeros(kind.encoded, 3, side, side, device=device)
    rows = nn.Parameter(torch.randn(2, text_encoder.config.hidden_size, device=device))
    trained: list[nn.Parameter] = [rows]
    if kind.everything:
        trained += [one.requires_grad_() for network in (unet, text_encoder) for one in network.parameters()]
    optimiser = torch.optim.Adam(trained, lr=1e-6, fused=True)

    def step() -> None:
        if kind.encoded:
            with torch.no_grad():
                backbone.vae.encode(pixels)
        noise = torch.randn(latents.shape).to(device)
        with backbone.hardware.autocast():
            states = text_encoder(ids).last_hidden_state
            predicted: Tensor = unet(latents, time, states).sample
        diffusion_loss(predicted.float(), noise).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    with rows_replaced(text_encoder, ids[0, 1:3].cpu(), rows), backbone.hardware.computing():
        yield step


def bare_drawing(backbone: Backbone, batch: int) -> Work:
    """The networks' passes of guided drawing and the sums of DDIM, without pipeline, scheduler or pictures."""
    ids = backbone.tokenize([""] * batch + [TEXT] * batch).to(backbone.device)
    sampler = backbone.settings.sampler
    times = torch.linspace(999, 0, sampler.steps, device=backbone.device).long()

    @torch.no_grad()
    def work() -> None:
        latents = torch.randn(batch, *backbone.latent_shape).to(backbone.device)
        with backbone.hardware.drawing():
            states = backbone.text_encoder(ids).last_hidden_state
            for time in times:
                empty, full = backbone.unet(torch.cat([latents] * 2), time, states).sample.float().chunk(2)
                latents = 0.99 * latents - 0.1 * (empty + sampler.guidance * (full - empty))
        for one in latents:
            backbone.vae.decode(one[None]).sample.cpu()

    return work
