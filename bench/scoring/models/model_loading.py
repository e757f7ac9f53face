"""Loads evaluator models and processors with `from_pretrained`: safetensors only, without missing weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from transformers import AutoImageProcessor, CLIPTokenizer, PreTrainedModel
from transformers.utils import logging

from bench.core.errors import UserError
from bench.core.text import count
from bench.scoring.models.availability import loading_options
from bench.scoring.models.sources import ModelSource
from bench.scoring.models.weights import check_folder, not_had

Model = TypeVar("Model", bound=PreTrainedModel)


def load_model(kind: type[Model], source: ModelSource, device: torch.device, **options: Any) -> Model:
    """The model in float32, ready to evaluate.

    Raises `UserError` if it is not available, has no safetensors or lacks weights (they would be random).
    """
    load: Any = kind.from_pretrained
    with _loading(source) as found:
        model, report = load(
            source.place,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            **found,
            **options,
        )
    if report["missing_keys"]:
        first = min(report["missing_keys"])
        raise UserError(
            f"{source.place} is not a whole {kind.__name__}: it lacks {count(len(report['missing_keys']), 'weight')}, "
            f"{first} among them; give a checkpoint of that architecture"
        )
    loaded: Model = model.to(device).eval().requires_grad_(False)
    return loaded


AS_STORED: dict[str, Any] = {"input_data_format": "channels_last", "return_tensors": "pt"}
"""What a processor is told of pictures [H, W, 3]: it would mistake one of few pixels for channels that come first."""


def load_processor(source: ModelSource) -> Any:
    """The model's own image processor, on Pillow as in the papers; raises `UserError` if it is not available."""
    with _loading(source) as found:
        load: Any = AutoImageProcessor.from_pretrained
        return load(source.place, backend="pil", **found)


def load_tokenizer(source: ModelSource) -> Any:
    """The CLIP tokenizer beside the model; raises `UserError` if it is not available."""
    with _loading(source) as found:
        load: Any = CLIPTokenizer.from_pretrained
        return load(source.place, **found)


def load_own_processor(kind: Any, source: ModelSource) -> Any:
    """The processor of this class beside the model, which also takes texts, points or boxes.

    Raises `UserError` if it is not available.
    """
    with _loading(source) as found:
        return kind.from_pretrained(source.place, **found)


@contextmanager
def _loading(source: ModelSource) -> Iterator[dict[str, Any]]:
    """Yield `loading_options` as keywords; errors inside become a `UserError` naming the model and the next step."""
    if source.folder is not None:
        check_folder(source.folder)
    # Any: partly untyped. Part of a checkpoint, as CLIP's image half, is loaded on purpose: no report of the rest.
    library: Any = logging
    shown, verbosity = library.is_progress_bar_enabled(), library.get_verbosity()
    library.disable_progress_bar()
    library.set_verbosity_error()
    try:
        yield loading_options(source)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise UserError(not_had(source, error)) from error
    finally:
        library.set_verbosity(verbosity)
        if shown:
            library.enable_progress_bar()
