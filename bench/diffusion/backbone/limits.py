"""What a scene must fit, read from a backbone's configuration before its weights are loaded. Imports no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.core.errors import UserError, one_line
from bench.core.scenes import handle
from bench.plugins.backbone import BackboneLimits
from bench.plugins.backbone_settings import BackboneSettings

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

_HANDLES = 64
"""More handles than a scene has."""


def read_limits(folder: Path, settings: BackboneSettings) -> BackboneLimits:
    """The limits of the pipeline in `folder`, whose pictures have the settings' resolution if they name one.

    Raises `UserError` if the configuration or the tokenizer cannot be read.
    """
    try:
        unet, vae, text = (_configuration(folder, part) for part in ("unet", "vae", "text_encoder"))
        factor = 2 ** (len(vae["block_out_channels"]) - 1)
        resolution = settings.resolution or int(unet["sample_size"]) * factor
        length = int(text["max_position_embeddings"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"the configuration of {folder} cannot be read: {one_line(error)}") from error
    tokenizer = read_tokenizer(folder)
    tokenizer.add_tokens([handle(index) for index in range(_HANDLES)])

    def count(words: str) -> int:
        # not verbose: it warns of texts beyond its own maximum, while the text encoder's is what counts
        return len(tokenizer(words, add_special_tokens=False, verbose=False).input_ids)

    return BackboneLimits(resolution, resolution // factor, length, count)


def read_tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer of the pipeline in `folder`; raises `UserError` if it cannot be read."""
    from transformers import CLIPTokenizer  # noqa: PLC0415 - slow to import

    try:
        tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
        float(tokenizer.model_max_length)  # taken from the file as it is, and compared with at every call
    except Exception as error:  # `tokenizers` raises bare ones
        raise UserError(
            f"{folder / 'tokenizer'} cannot be read as CLIP's tokenizer: {' '.join(str(error).split())[:160]}"
        ) from error
    return tokenizer


def _configuration(folder: Path, part: str) -> dict[str, Any]:
    configuration: dict[str, Any] = json.loads((folder / part / "config.json").read_bytes())
    return configuration
