"""Latents are sampled from the autoencoder's distribution, scaled."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.core.scenes import ImageArray, Scene
from bench.diffusion.backbone import encode
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.resize import fit_resolution
from bench.plugins.backbone import Backbone


def test_latents_are_drawn_from_the_distribution_of_the_picture(scene: Scene, backbone: Backbone) -> None:
    pixels = torch.from_numpy(scene.picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        distribution = backbone.vae.encode(pixels).latent_dist
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(3))
    expected = (distribution.mean + distribution.std * noise) * backbone.vae.config["scaling_factor"]
    encoder, generator = Encoder(backbone), torch.Generator().manual_seed(3)
    torch.testing.assert_close(encoder.sample(scene.picture, generator), expected)
    assert not torch.equal(encoder.sample(scene.picture, generator), expected)


def test_a_picture_is_encoded_once_while_it_is_kept_and_memory_is_bounded(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of 32 px takes 8 KiB here: mean and standard deviation of 4 x 16 x 16 cells."""
    monkeypatch.setattr(encode, "CACHED_BYTES", 3 * 8 * 1024)
    passes: list[int] = []
    encoded = backbone.vae.encode
    monkeypatch.setattr(backbone.vae, "encode", lambda pixels: passes.append(len(pixels)) or encoded(pixels))
    encoder = Encoder(backbone)
    a, b, c, d = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)

    def encode_all(*pictures: ImageArray) -> int:
        passes.clear()
        encoder.latents(pictures, torch.zeros(len(pictures), 4, 16, 16))
        return len(passes)

    assert encode_all(a, b, c) == 3
    assert encode_all(c, a, b, a) == 0
    assert encode_all(d) == 1
    assert encode_all(a, b, d) == 0
    assert encode_all(c) == 1, "the one that was longest unused had to go"


def test_fresh_pictures_are_one_batch_and_equal(backbone: Backbone) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    noise = torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    encoder = Encoder(backbone)
    torch.testing.assert_close(encoder.latents(pictures, noise, fresh=True), encoder.latents(pictures, noise))


def test_flipped_pictures_are_told_apart(scene: Scene, backbone: Backbone) -> None:
    encoder = Encoder(backbone)
    first = encoder.sample(scene.picture, torch.Generator().manual_seed(0))
    flipped = encoder.sample(scene.picture[:, ::-1], torch.Generator().manual_seed(0))
    assert not torch.equal(first, flipped)


def test_a_scene_is_resized_with_nearest_masks(scene: Scene) -> None:
    small = fit_resolution(scene, 16)
    assert small.picture.shape == (16, 16, 3)
    np.testing.assert_array_equal(small.concepts[0].mask, scene.concepts[0].mask[1::2, 1::2])
    assert fit_resolution(scene, 32) is scene
