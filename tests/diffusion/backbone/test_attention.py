"""The recorder: the same numbers as scaled-dot-product attention, and the maps it keeps."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from bench.core.errors import UserError
from bench.diffusion.backbone.attention import Recorder, bos_detached, cross_attention_layers, recording
from bench.diffusion.backbone.terms import Layer, at_16
from bench.plugins.backbone import Backbone


@pytest.fixture
def inputs(backbone: Backbone) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    states = backbone.encode_text(["a photo of cat", "a photo"]).detach()
    return torch.randn((2, 4, 16, 16), generator=generator), torch.tensor([10, 700]), states


def test_the_layers_of_a_stable_diffusion_unet_have_their_sides() -> None:
    """Stable Diffusion's own layout, narrowed: latents of 64, three levels with attention and one without."""
    down = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",)
    up = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3
    unet = UNet2DConditionModel(
        sample_size=64, block_out_channels=(8, 8, 8, 8), down_block_types=down, up_block_types=up,
        cross_attention_dim=8, attention_head_dim=2, norm_num_groups=4,
    )  # fmt: skip
    layers = cross_attention_layers(unet, 64)
    sides = [layer.side for layer in layers if layer.place == "down"]
    assert sides == [64, 64, 32, 32, 16, 16]
    assert [layer.side for layer in layers if layer.place == "mid"] == [8]
    assert sorted(layer.side for layer in layers if layer.place == "up") == [16] * 3 + [32] * 3 + [64] * 3
    assert sum(map(at_16, layers)) == 5  # "2 down + 3 up layers" of SD 2.1


def test_the_computed_sides_are_those_of_the_maps(backbone: Backbone, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    for wanted in cross_attention_layers(backbone.unet, 16):
        with recording(backbone.unet, 16, lambda layer, name=wanted.name: layer.name == name) as recorder:
            backbone.unet(*inputs)
        (recorded,) = recorder.maps
        assert recorded.shape[2] == wanted.side**2


def test_the_middle_is_left_out_at_16() -> None:
    assert not at_16(Layer("mid_block.attentions.0.transformer_blocks.0.attn2", 16))


def test_recording_changes_the_output_by_rounding_only(
    backbone: Backbone, inputs: tuple[Tensor, Tensor, Tensor]
) -> None:
    plain = backbone.unet(*inputs).sample
    with recording(backbone.unet, 16, at_16):
        recorded = backbone.unet(*inputs).sample
    torch.testing.assert_close(recorded, plain, rtol=0, atol=2e-6)


def test_maps_equal_a_direct_softmax(backbone: Backbone, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    layer = next(layer for layer in cross_attention_layers(backbone.unet, 16) if at_16(layer))
    module = backbone.unet.get_submodule(layer.name)
    seen: list[Tensor] = []
    hook = module.to_q.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    with recording(backbone.unet, 16, lambda candidate: candidate == layer) as recorder:
        backbone.unet(*inputs)
    hook.remove()
    query, key = seen[0], module.to_k(inputs[2])
    size = query.shape[-1] // module.heads
    for head in range(module.heads):
        columns = slice(head * size, (head + 1) * size)
        for row in range(2):
            scores = query[row][:, columns] @ key[row][:, columns].T / size**0.5
            direct = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
            torch.testing.assert_close(recorder.maps[0][row, head], direct, rtol=0, atol=2e-6)


def test_take_averages_layers_and_heads_of_the_first_row() -> None:
    generator = torch.Generator().manual_seed(0)
    maps = [torch.rand((2, heads, 9, 5), generator=generator) for heads in (2, 4)]
    recorder = Recorder(list(maps), [Layer("down_blocks.0", 3), Layer("up_blocks.0", 3)])
    taken = recorder.take(torch.tensor([4, 1]))
    assert taken.shape == (2, 3, 3)
    for index, token in enumerate((4, 1)):
        for pixel in range(9):
            layers = [one[0, :, pixel, token].mean().item() for one in maps]
            assert taken[index, pixel // 3, pixel % 3].item() == pytest.approx(sum(layers) / 2, rel=1e-5)
    one = recorder.take(torch.tensor([2]), lambda layer: layer.place == "up")
    torch.testing.assert_close(one[0].flatten(), maps[1][0, :, :, 2].mean(dim=0))
    recorder.clear()
    assert (recorder.maps, recorder.layers) == ([], [])


def test_the_taken_maps_equal_those_of_queries_and_keys_seen_by_hooks(
    backbone: Backbone, inputs: tuple[Tensor, Tensor, Tensor]
) -> None:
    """All wanted layers and heads, recomputed from what hooks see of q and k, in double precision."""
    seen: dict[str, Tensor] = {}
    layers = [layer.name for layer in cross_attention_layers(backbone.unet, 16) if at_16(layer)]
    hooks = [
        backbone.unet.get_submodule(f"{name}.{part}").register_forward_hook(
            lambda _module, _inputs, output, key=f"{name}.{part}": seen.update({key: output.double()})
        )
        for name in layers
        for part in ("to_q", "to_k")
    ]
    with recording(backbone.unet, 16, at_16) as recorder:
        backbone.unet(*inputs)
    for hook in hooks:
        hook.remove()
    taken = recorder.take(torch.tensor([4, 2]))
    total, count = torch.zeros(256, 2, dtype=torch.float64), 0
    for name in layers:
        heads = backbone.unet.get_submodule(name).heads
        for query, key in zip(
            seen[f"{name}.to_q"][0].chunk(heads, dim=1), seen[f"{name}.to_k"][0].chunk(heads, dim=1), strict=True
        ):
            weights = (query @ key.T / query.shape[1] ** 0.5).exp()
            total += (weights / weights.sum(dim=1, keepdim=True))[:, [4, 2]] / heads
        count += 1
    torch.testing.assert_close(taken.double(), (total / count).T.reshape(2, 16, 16), rtol=0, atol=1e-6)


def test_no_gradient_flows_through_the_start_token(backbone: Backbone, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    latents, times, states = inputs
    plain = backbone.unet(latents, times, states).sample
    with bos_detached(backbone.unet):
        held_states = states.clone().requires_grad_()
        held = backbone.unet(latents, times, held_states).sample
    torch.testing.assert_close(held, plain, rtol=0, atol=2e-6)  # another kernel, as a gradient is wanted
    held.square().sum().backward()
    assert held_states.grad is not None
    assert held_states.grad[:, 0].abs().max() == 0
    assert held_states.grad[:, 1:].abs().amax(dim=2).gt(0).all()
    free = states.clone().requires_grad_()
    backbone.unet(latents, times, free).sample.square().sum().backward()
    assert free.grad is not None
    assert free.grad[:, 0].abs().max() > 0, "outside the block it has one again"


def test_gradients_flow_from_the_maps_to_the_text(backbone: Backbone, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    latents, times, states = inputs
    states.requires_grad_()
    with recording(backbone.unet, 16, at_16) as recorder:
        backbone.unet(latents, times, states)
    recorder.take(torch.tensor([2])).square().sum().backward()
    assert states.grad is not None
    assert states.grad[0].abs().sum() > 0


def test_processors_are_put_back_even_after_an_error(backbone: Backbone) -> None:
    before = dict(backbone.unet.attn_processors)
    with pytest.raises(KeyError), recording(backbone.unet, 16, at_16):
        raise KeyError
    assert backbone.unet.attn_processors == before


def test_no_such_layer_is_one_line(backbone: Backbone) -> None:
    with (
        pytest.raises(UserError, match=r"at latents of 24 they are 12, 24 wide") as caught,
        recording(backbone.unet, 24, at_16),
    ):
        pass
    assert "\n" not in str(caught.value)
