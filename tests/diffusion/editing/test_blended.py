"""Blended editing on the tiny pipeline: what it keeps, what it changes, and that the guidance pulls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.core.errors import UserError
from bench.core.scenes import ImageArray, Scene
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.handles import add_handles
from bench.diffusion.backbone.token_maps import token_maps, token_places
from bench.diffusion.editing.blended import BlendedEdit, edited, latent_mask
from bench.diffusion.sampling.denoise import Denoiser
from bench.diffusion.sampling.latents import decode
from bench.diffusion.training.losses import region_loss
from bench.plugins.backbone import Backbone
from bench.plugins.method import Blending


def silent(_done: int, _total: int) -> None: ...


@pytest.fixture
def editing(backbone: Backbone, scene: Scene) -> Backbone:
    """The tiny backbone with the scene's handles."""
    add_handles(backbone.tokenizer, backbone.text_encoder, scene.concepts, "mean")
    return backbone


@pytest.fixture
def edit(scene: Scene) -> BlendedEdit:
    """Paint the first concept where the umbrella is."""
    return BlendedEdit(scene.picture, scene.concepts[1].mask, "a photo of [v1]", ("[v1]",), 0.25, 0.0, 7)


BOTH = pytest.mark.parametrize("blending", ["from-noise", "from-target"])


@BOTH
def test_an_empty_region_gives_the_target(editing: Backbone, edit: BlendedEdit, blending: Blending) -> None:
    nothing = replace(edit, mask=np.zeros_like(edit.mask), blending=blending)
    np.testing.assert_array_equal(edited(editing, nothing, silent), edit.picture)


@BOTH
def test_outside_the_region_the_target_stays_bit_for_bit(
    editing: Backbone, edit: BlendedEdit, blending: Blending
) -> None:
    result = edited(editing, replace(edit, blending=blending), silent)
    np.testing.assert_array_equal(result[~edit.mask], edit.picture[~edit.mask])
    assert (result[edit.mask] != edit.picture[edit.mask]).mean() > 0.5


def test_from_target_the_latents_outside_end_clean(
    editing: Backbone, edit: BlendedEdit, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = watched(monkeypatch)
    edited(editing, replace(edit, blending="from-target"), silent)
    inside = latent_mask(editing, edit.mask)[0, 0] > 0
    clean = Encoder(editing).mean(edit.picture)[0]
    torch.testing.assert_close(last[0][:, ~inside], clean[:, ~inside])
    assert not torch.allclose(last[0][:, inside], clean[:, inside], atol=1e-2)


def watched(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """The latents that edits decode from now on."""
    last: list[torch.Tensor] = []

    def decoded(backbone: Backbone, latents: torch.Tensor) -> ImageArray:
        last.append(latents)
        return decode(backbone, latents)

    monkeypatch.setattr("bench.diffusion.editing.blended.decode", decoded)
    return last


def test_from_noise_is_the_official_script_written_out(
    editing: Backbone, edit: BlendedEdit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pure noise although a quarter of the steps is skipped; after each, the target at that level, with fresh noise."""
    last = watched(monkeypatch)
    edited(editing, edit, silent)
    generator = torch.Generator().manual_seed(edit.noise_seed)
    clean, mask = Encoder(editing).mean(edit.picture), latent_mask(editing, edit.mask)
    denoiser = Denoiser.of(editing, [edit.text])
    latents = torch.randn(1, 4, 16, 16, generator=generator)
    for index, time in enumerate(denoiser.times):
        if index >= 1:
            kept = editing.scheduler.alphas_cumprod[time]
            stepped = denoiser.step(latents, index)
            noised = kept.sqrt() * clean + (1 - kept).sqrt() * torch.randn(1, 4, 16, 16, generator=generator)
            latents = mask * stepped + (1 - mask) * noised
    torch.testing.assert_close(last[0], latents[0])


def test_it_is_deterministic_and_its_seed_counts(editing: Backbone, edit: BlendedEdit) -> None:
    first = edited(editing, edit, silent)
    np.testing.assert_array_equal(edited(editing, edit, silent), first)
    assert not np.array_equal(edited(editing, replace(edit, noise_seed=8), silent), first)


@pytest.mark.parametrize(("start", "walked"), [(0.0, 4), (0.25, 3), (0.5, 2), (0.99, 1)])
def test_start_skips_its_share_of_the_steps(editing: Backbone, edit: BlendedEdit, start: float, walked: int) -> None:
    steps: list[tuple[int, int]] = []
    edited(editing, replace(edit, start=start), lambda *step: steps.append(step))
    assert steps == [(done, walked) for done in range(1, walked + 1)]


def test_guidance_moves_the_maps_towards_the_mask(editing: Backbone, edit: BlendedEdit) -> None:
    denoiser = Denoiser.of(editing, [edit.text])
    places = token_places(editing, edit.text, edit.handles)
    mask = latent_mask(editing, edit.mask)[0]
    latents = Encoder(editing).mean(edit.picture).requires_grad_()
    with token_maps(editing, latents, 400, denoiser.states[-1:], places) as maps:
        loss = region_loss(maps, mask)
        (gradient,) = torch.autograd.grad(loss, latents)
    moved = (latents - 0.1 / gradient.abs().max() * gradient).detach()
    with token_maps(editing, moved, 400, denoiser.states[-1:], places) as maps:
        assert region_loss(maps, mask) < loss


def test_guidance_changes_the_picture_more_with_a_larger_step(editing: Backbone, edit: BlendedEdit) -> None:
    plain, *guided = [
        edited(editing, replace(edit, guidance_step_size=guidance_step_size), silent).astype(int)
        for guidance_step_size in (0.0, 0.05, 5.0)
    ]
    small, large = (abs(picture - plain).mean() for picture in guided)
    assert 0 < small < large


def test_guidance_needs_the_handle_in_the_text(editing: Backbone, edit: BlendedEdit) -> None:
    with pytest.raises(UserError, match=r"does not name \[v2\]"):
        edited(editing, replace(edit, handles=("[v2]",), guidance_step_size=1.0), silent)


def test_maps_lie_in_the_unit_interval_at_the_latents_side(editing: Backbone, scene: Scene) -> None:
    denoiser = Denoiser.of(editing, ["a photo of [v1] and [v2]"])
    places = token_places(editing, "a photo of [v1] and [v2]", ["[v2]", "[v1]"])
    assert places.tolist() == [6, 4]
    with token_maps(editing, Encoder(editing).mean(scene.picture), 10, denoiser.states[-1:], places) as maps:
        assert maps.shape == (2, 16, 16)
        assert maps.amin(dim=(1, 2)).tolist() == [0.0, 0.0]
        assert maps.amax(dim=(1, 2)).tolist() == [1.0, 1.0]
