"""The input of an inpainting UNet, which reads a hole and the picture around it besides the noised latents."""

from __future__ import annotations

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn


class InpaintingInput(nn.Conv2d):
    """A UNet's first convolution that reads [latents, `condition`], with Stable Diffusion Inpainting's layout.

    `condition` [1, 1 + C, h, w] is the mask of the hole (1: to be filled) and the latents of the picture without the
    hole; it is the same for every row of a batch. So whoever calls the UNet gives it the C channels of noised latents,
    as any other.
    """

    condition: Tensor

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """The features of noised latents `input` [B, C, h, w] under the condition."""
        condition = self.condition.to(input).expand(len(input), -1, -1, -1)
        return super().forward(torch.cat([input, condition], dim=1))


def widen_input(unet: UNet2DConditionModel) -> InpaintingInput:
    """Give a UNet an inpainting input; its weights for the mask and the picture are 0, so it draws as before.

    Stable Diffusion Inpainting began so: its model card says that these channels' weights were zero-initialised.
    """
    plain = unet.conv_in
    channels = plain.in_channels
    wide = InpaintingInput(2 * channels + 1, plain.out_channels, 3, padding=1).to(plain.weight.device)
    with torch.no_grad():
        wide.weight.zero_()[:, :channels] = plain.weight
        _copy_bias(plain, wide)
    unet.conv_in = wide
    return wide


def narrow_input(unet: UNet2DConditionModel) -> None:
    """Undo `widen_input`: the convolution reads latents alone, with the weights that it has for them."""
    wide = unet.conv_in
    if not isinstance(wide, InpaintingInput):
        return
    channels = (wide.in_channels - 1) // 2
    plain = nn.Conv2d(channels, wide.out_channels, 3, padding=1).to(wide.weight.device)
    with torch.no_grad():
        plain.weight.copy_(wide.weight[:, :channels])
        _copy_bias(wide, plain)
    unet.conv_in = plain


def _copy_bias(source: nn.Conv2d, target: nn.Conv2d) -> None:
    assert source.bias is not None
    assert target.bias is not None
    target.bias.copy_(source.bias)
