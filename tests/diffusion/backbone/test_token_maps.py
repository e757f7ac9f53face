"""The maps that guidance and RoI matching read, against q and k seen by hooks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.core.errors import UserError
from bench.diffusion.backbone.attention import cross_attention_layers
from bench.diffusion.backbone.terms import in_up_blocks
from bench.diffusion.backbone.token_maps import token_maps, token_places
from bench.plugins.backbone import Backbone

TEXT = "a photo of a cat and an umbrella"


def independent(backbone: Backbone, latents: Tensor, time: int, states: Tensor, places: list[int]) -> Tensor:
    """softmax(q k / sqrt(d)) of every up block's cross-attention, in double precision, averaged and stretched."""
    names = [layer.name for layer in cross_attention_layers(backbone.unet, 16) if in_up_blocks(layer)]
    seen: dict[str, Tensor] = {}
    hooks = [
        backbone.unet.get_submodule(f"{name}.{part}").register_forward_hook(
            lambda _module, _inputs, output, key=f"{name}.{part}": seen.update({key: output.detach().double()})
        )
        for name in names
        for part in ("to_q", "to_k")
    ]
    backbone.unet(latents, time, states)
    for hook in hooks:
        hook.remove()
    layers = []
    for name in names:
        heads = backbone.unet.get_submodule(name).heads
        parts = zip(seen[f"{name}.to_q"][0].chunk(heads, 1), seen[f"{name}.to_k"][0].chunk(heads, 1), strict=True)
        weights = torch.stack([(query @ key.T / query.shape[1] ** 0.5).softmax(dim=1) for query, key in parts])
        side = int(weights.shape[1] ** 0.5)
        square = weights.mean(dim=0)[:, places].T.reshape(1, len(places), side, side)
        layers.append(interpolate(square, size=(16, 16), mode="bilinear")[0])
    maps = torch.stack(layers).mean(dim=0)
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / (high - low)


def test_the_maps_are_those_of_queries_and_keys_seen_by_hooks(backbone: Backbone) -> None:
    latents = torch.randn((1, 4, 16, 16), generator=torch.Generator().manual_seed(0))
    states = backbone.encode_text([TEXT]).detach()
    places = token_places(backbone, TEXT, ["umbrella</w>", "cat</w>"])
    assert places.tolist() == [8, 5]
    sides = {layer.side for layer in cross_attention_layers(backbone.unet, 16) if in_up_blocks(layer)}
    assert len(sides) > 1, "layers of several sides are brought to one"
    expected = independent(backbone, latents, 300, states, [8, 5])
    with token_maps(backbone, latents, 300, states, places) as found:
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=2e-4)


def test_gradients_reach_latents_and_text(backbone: Backbone) -> None:
    latents = torch.randn((1, 4, 16, 16), generator=torch.Generator().manual_seed(0)).requires_grad_()
    states = backbone.encode_text([TEXT]).detach().requires_grad_()
    with token_maps(backbone, latents, 300, states, torch.tensor([5])) as maps:
        gradients = torch.autograd.grad(maps.square().sum(), [latents, states])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_a_token_that_is_not_read_is_one_line(backbone: Backbone) -> None:
    with pytest.raises(UserError, match=r"does not name snow</w> within the 24 tokens"):
        token_places(backbone, TEXT, ["snow</w>"])
