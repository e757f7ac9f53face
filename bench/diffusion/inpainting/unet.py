"""Makes a backbone's UNet an inpainting one, and shows it a picture with a hole."""

from __future__ import annotations

import json

import numpy as np
import torch

from bench.core.errors import UserError
from bench.core.scenes import ImageArray, Mask
from bench.diffusion.backbone.checkpoint import BackboneSpec
from bench.diffusion.backbone.encode import Encoder
from bench.diffusion.backbone.inpainting_input import InpaintingInput, widen_input
from bench.diffusion.backbone.loading import load_network, loading
from bench.diffusion.editing.blended import latent_mask
from bench.diffusion.inpainting.checkpoint import located, next_step
from bench.plugins.backbone import Backbone

GREY = 128
"""The value of a hole's pixels: the middle of their range, the autoencoder's 0."""


def make_inpainting(backbone: Backbone, source: str) -> None:
    """Make a restored backbone's UNet the one of the inpainting pipeline `source`, and all it sees a hole.

    An empty `source` derives it: the backbone's own, whose new input channels have no weight yet.

    Raises `UserError` for a pipeline that is not available or does not fit the backbone.
    """
    widen_input(backbone.unet)
    if source:
        _load(backbone, source)
    side = backbone.resolution
    show_hole(backbone, Encoder(backbone), np.full((side, side, 3), GREY, np.uint8), np.ones((side, side), dtype=bool))


def show_hole(backbone: Backbone, encoder: Encoder, picture: ImageArray, hole: Mask) -> None:
    """Let the UNet see a picture uint8 [s, s, 3] outside a hole bool [s, s], until it is shown another."""
    shown = np.where(hole[:, :, None], np.uint8(GREY), picture)
    first = backbone.unet.conv_in
    assert isinstance(first, InpaintingInput), "make_inpainting comes first"
    first.condition = torch.cat([latent_mask(backbone, hole), encoder.mean(shown)], dim=1)


def _load(backbone: Backbone, source: str) -> None:
    """Load the pipeline's UNet into the backbone's, whose shapes and kind of prediction it must have."""
    folder, spec = located(source), BackboneSpec(source)
    with loading(spec):
        network = load_network(spec, folder, "unet")
        scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_bytes())
    own, theirs = backbone.unet.state_dict(), network.state_dict()
    if {name: one.shape for name, one in own.items()} != {name: one.shape for name, one in theirs.items()}:
        raise UserError(f"the UNet of inpainting={source} is not built as the backbone's; {next_step()}")
    kinds = backbone.scheduler.config["prediction_type"], scheduler.get("prediction_type", "epsilon")
    if kinds[0] != kinds[1]:
        raise UserError(f"inpainting={source} predicts {kinds[1]}, the backbone {kinds[0]}; {next_step()}")
    backbone.unet.load_state_dict(theirs)
