"""CLIP in open_clip's architecture, built from Hugging Face's configuration and filled with its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import CLIPConfig, CLIPModel

from bench.core.errors import UserError
from bench.scoring.models.model_loading import load_model
from bench.scoring.models.sources import ModelSource

_QUICK_GELU = {"quick_gelu": True, "gelu": False}
_LEGACY_END = 2
"""The end-of-text id that OpenAI's configurations wrongly give: the embedding is at the largest id then."""

_PLAIN = {
    "logit_scale": "logit_scale",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm.weight": "ln_final.weight",
    "text_model.final_layer_norm.bias": "ln_final.bias",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm.weight": "visual.ln_pre.weight",
    "vision_model.pre_layrnorm.bias": "visual.ln_pre.bias",
    "vision_model.post_layernorm.weight": "visual.ln_post.weight",
    "vision_model.post_layernorm.bias": "visual.ln_post.bias",
}
_TRANSPOSED = {"text_projection.weight": "text_projection", "visual_projection.weight": "visual.proj"}
"""Linear layers in Hugging Face's model that are matrices to multiply with from the right in open_clip."""
_TOWERS = {"text_model": "transformer", "vision_model": "visual.transformer"}
_PARTS = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_LAYER = re.compile(r"(text_model|vision_model)\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
_JOINED = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
"""The projections that open_clip's `in_proj` concatenates along the first axis, in this order."""


class OpenClip:
    """CLIP by `open_clip`, with the weights of a checkpoint in Hugging Face layout."""

    def __init__(self, model: nn.Module) -> None:
        # Any: open_clip is not annotated.
        self._model: Any = model

    @classmethod
    def load(cls, source: ModelSource, device: torch.device) -> OpenClip:
        """Load from the hub or a folder; raises `UserError` if that fails or open_clip has no such architecture."""
        model = load_model(CLIPModel, source, torch.device("cpu"))
        try:
            built = build(model.config)
            built.load_state_dict(converted(model.state_dict()))
        except (UserError, RuntimeError) as error:
            why = " ".join(str(error).split())[:160]
            raise UserError(
                f"{source.place} does not fit open_clip's CLIP ({why}); score with a preset whose clip_backend is hf"
            ) from error
        return cls(built.to(device).eval().requires_grad_(False))

    @property
    def context(self) -> int:
        """See `bench.scoring.models.clip.Clip`."""
        length: int = self._model.context_length
        return length

    def pictures(self, pixels: Tensor) -> Tensor:
        """See `bench.scoring.models.clip.Clip`."""
        features: Tensor = self._model.encode_image(pixels.to(self._model.logit_scale.device))
        return features

    def texts(self, tokens: Tensor) -> Tensor:
        """See `bench.scoring.models.clip.Clip`; open_clip needs full contexts, so the rest is filled with zeros."""
        whole = pad(tokens, (0, self.context - tokens.shape[1]))
        features: Tensor = self._model.encode_text(whole.to(self._model.logit_scale.device))
        return features


def build(config: CLIPConfig) -> nn.Module:
    """open_clip's model of a Hugging Face configuration, with random weights.

    Raises `UserError` for an activation or a number of channels that open_clip's CLIP does not have.
    """
    import open_clip  # noqa: PLC0415 - seconds

    # Any: a configuration's parts are not typed, or as None, which they are not in a model's.
    whole: Any = config
    text, vision = whole.text_config, whole.vision_config
    if vision.num_channels != 3:
        raise UserError(f"pictures of {vision.num_channels} channels")
    model: nn.Module = open_clip.CLIP(
        embed_dim=whole.projection_dim,
        vision_cfg=open_clip.CLIPVisionCfg(**_vision(vision)),
        text_cfg=open_clip.CLIPTextCfg(**_text(text)),
        quick_gelu=_quick_gelu(text.hidden_act, vision.hidden_act),
    )
    return model


def _quick_gelu(text: str, vision: str) -> bool:
    if text != vision or text not in _QUICK_GELU:
        raise UserError(f"activations {text} and {vision}, not {' or '.join(_QUICK_GELU)} in both towers")
    return _QUICK_GELU[text]


def converted(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a Hugging Face `CLIPModel` under open_clip's names and in its shapes.

    Raises `UserError` for a name that no CLIP has.
    """
    found = {_PLAIN[name]: tensor for name, tensor in state.items() if name in _PLAIN}
    found |= {_TRANSPOSED[name]: tensor.T.contiguous() for name, tensor in state.items() if name in _TRANSPOSED}
    for name, tensor in state.items():
        if name not in _PLAIN and name not in _TRANSPOSED:
            found |= _of_layer(name, tensor, state)
    return found


def _of_layer(name: str, tensor: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A layer's weight by its new name; queries, keys and values are joined, at the queries' name."""
    match = _LAYER.fullmatch(name)
    if match is None or match[3] not in {*_PARTS, *_JOINED}:
        raise UserError(f"no CLIP has the weight {name}")
    tower, number, part, kind = match.groups()
    block = f"{_TOWERS[tower]}.resblocks.{number}"
    if part in _PARTS:
        return {f"{block}.{_PARTS[part]}.{kind}": tensor}
    if part != _JOINED[0]:
        return {}
    thirds = [state[f"{tower}.encoder.layers.{number}.{each}.{kind}"] for each in _JOINED]
    return {f"{block}.attn.in_proj_{kind}": torch.cat(thirds)}


def _vision(config: Any) -> dict[str, Any]:
    return {
        **_tower(config),
        "image_size": config.image_size,
        "patch_size": config.patch_size,
        "head_width": config.hidden_size // config.num_attention_heads,
    }


def _text(config: Any) -> dict[str, Any]:
    return {
        **_tower(config),
        "context_length": config.max_position_embeddings,
        "vocab_size": config.vocab_size,
        "heads": config.num_attention_heads,
        "pool_type": "argmax" if config.eos_token_id == _LEGACY_END else "eos",
        "eos_id": config.eos_token_id,
    }


def _tower(config: Any) -> dict[str, Any]:
    """The weights that both towers have."""
    return {
        "width": config.hidden_size,
        "layers": config.num_hidden_layers,
        # open_clip rounds width times ratio down
        "mlp_ratio": (config.intermediate_size + 0.5) / config.hidden_size,
        "norm_kwargs": {"eps": config.layer_norm_eps},
    }
