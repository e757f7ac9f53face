"""Handles: the placeholder tokens that methods learn, as rows of the text encoder's embedding matrix."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from bench.core.errors import UserError
from bench.core.scenes import Concept
from bench.diffusion.backbone.terms import Initialiser


def add_handles(
    tokenizer: CLIPTokenizer,
    text_encoder: CLIPTextModel,
    concepts: Sequence[Concept],
    initialiser: Initialiser,
    word: str | None = None,
) -> Tensor:
    """Add one token per concept, initialised from `word` or its class word; returns their ids, int64 [N] on the CPU.

    Raises `UserError` for a word without letters and for a handle that is a token already (or a duplicate).
    """
    rows = [_initial_row(tokenizer, text_encoder, word or concept.word, initialiser) for concept in concepts]
    handles = [concept.handle for concept in concepts]
    if tokenizer.add_tokens(handles) != len(handles):
        raise UserError(f"the handles {', '.join(handles)} must be distinct and not yet tokens of the backbone")
    resize_embedding(text_encoder, len(tokenizer))
    ids = torch.tensor(tokenizer.convert_tokens_to_ids(handles))
    set_rows(text_encoder, ids, torch.stack(rows))
    return ids


def embedding(text_encoder: CLIPTextModel) -> nn.Parameter:
    """The embedding matrix, [tokens, width]."""
    weight = text_encoder.get_input_embeddings().weight
    assert isinstance(weight, nn.Parameter)
    return weight


def resize_embedding(text_encoder: CLIPTextModel, rows: int) -> None:
    """Resize the embedding matrix; new rows hold noise that does not advance the global generator."""
    if text_encoder.get_input_embeddings().num_embeddings != rows:
        with torch.random.fork_rng(devices=[]):
            text_encoder.resize_token_embeddings(rows, mean_resizing=False)


@torch.no_grad()
def set_rows(text_encoder: CLIPTextModel, ids: Tensor, rows: Tensor) -> None:
    """Overwrite the embedding rows [N, width] of the tokens `ids` [N]."""
    weight = embedding(text_encoder)
    weight[ids.to(weight.device)] = rows.to(weight)


@contextlib.contextmanager
def rows_replaced(text_encoder: CLIPTextModel, ids: Tensor, rows: Tensor) -> Iterator[None]:
    """While the block runs, `rows` [N, width] stand in for the embedding rows of `ids` [N], with gradients.

    Training these rows alone leaves every other row of the matrix unchanged, bit for bit, which the official
    code achieves by restoring the others after each step (train.py:1248-1257).
    """
    where = ids.to(rows.device)

    def stand_in(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        for identity, row in zip(where, rows, strict=True):
            output = torch.where((inputs[0] == identity)[..., None], row.to(output.dtype), output)
        return output

    hook = text_encoder.get_input_embeddings().register_forward_hook(stand_in)
    try:
        yield
    finally:
        hook.remove()


def spelled_words(tokenizer: CLIPTokenizer, labels: Sequence[str]) -> tuple[str, ...]:
    """The class words that the tokenizer splits into pieces of one or two letters: its vocabulary lacks them."""
    words = sorted({word for label in labels for word in label.split()})
    return tuple(word for word in words if _is_spelled(tokenizer.tokenize(word, verbose=False)))


def _is_spelled(pieces: Sequence[str]) -> bool:
    return len(pieces) > 1 and all(len(piece.removesuffix("</w>")) <= 2 for piece in pieces)


@torch.no_grad()
def _initial_row(tokenizer: CLIPTokenizer, encoder: CLIPTextModel, label: str, initialiser: Initialiser) -> Tensor:
    ids = tokenizer(label, add_special_tokens=False, verbose=False).input_ids
    if not ids:
        raise UserError(f"'{label}' is not a class word: the backbone's tokenizer has no token for it; write a noun")
    rows = embedding(encoder)[torch.tensor(ids if initialiser == "mean" else ids[:1])]
    return rows.float().mean(dim=0)
