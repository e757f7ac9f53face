"""Latents are sampled from the autoencoder's distribution, scaled."""

from __future__ import annotations

import numpy as np
import torch

from bench.core.scenes import Scene
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
