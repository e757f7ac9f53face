"""Gradient checkpointing of the networks that methods train: activations are computed again in the backward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch.utils.checkpoint import checkpoint
from transformers import CLIPTextModel
from transformers.modeling_layers import GradientCheckpointingLayer

_recomputing = ContextVar("recomputing", default=False)


def recomputing() -> bool:
    """Whether this is not a forward pass, but the backward pass computing a layer of the UNet again."""
    return _recomputing.get()


def checkpoint_gradients(unet: UNet2DConditionModel, text_encoder: CLIPTextModel) -> None:
    """Let passes with gradients keep the inputs of the networks' layers alone; passes without gradients are unchanged.

    transformers checkpoints layers in training mode only. The networks stay in evaluation mode, as every fit has them,
    so the mark is set on the layers themselves and not on what computes in them, such as dropout.
    """
    unet.enable_gradient_checkpointing(_checkpointed)
    for module in text_encoder.modules():
        if isinstance(module, GradientCheckpointingLayer):
            # Any: the verb of its network that sets this has another name in each version of the library
            layer: Any = module
            layer.gradient_checkpointing = layer.training = True
            layer._gradient_checkpointing_func = _checkpointed


def _checkpointed(layer: Callable[..., Any], *inputs: Any) -> Any:
    return checkpoint(layer, *inputs, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(), _again()))


@contextlib.contextmanager
def _again() -> Iterator[None]:
    token = _recomputing.set(True)
    try:
        yield
    finally:
        _recomputing.reset(token)
