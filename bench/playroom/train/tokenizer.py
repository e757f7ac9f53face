"""Playroom's vocabulary as a CLIP tokenizer: one token per word, bytes for unknown words."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from transformers import CLIPTokenizer

from bench.playroom.world.captions import VOCABULARY

MAX_LENGTH = 40
"""Context length in tokens, begin and end included."""


def make_tokenizer() -> CLIPTokenizer:
    """CLIP's 512 byte symbols, one chain of merges per word, then begin and end (end has the largest id).

    Every word of the world's captions is one token; any other word falls to its bytes.
    """
    symbols = _byte_symbols()
    vocabulary = [*symbols, *(f"{symbol}</w>" for symbol in symbols)]
    merges: list[tuple[str, str]] = []
    for word in VOCABULARY:
        for pair in _chain(_split(word, merges)):
            merges.append(pair)
            vocabulary.append("".join(pair))
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    ids = {token: index for index, token in enumerate(dict.fromkeys(vocabulary))}
    make: Any = CLIPTokenizer
    tokenizer: CLIPTokenizer = make(vocab=ids, merges=merges, model_max_length=MAX_LENGTH)
    return tokenizer


def special_tokens(tokenizer: CLIPTokenizer) -> dict[str, Any]:
    """The ids of begin, end and padding, as a text encoder's configuration names them."""
    return {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def _split(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """Byte-pair encoding of a word by the merges so far; later merges, being weaker, never change this."""
    pieces = [*word[:-1], f"{word[-1]}</w>"]
    while present := [pair for pair in merges if pair in pairwise(pieces)]:
        index = list(pairwise(pieces)).index(present[0])
        pieces[index : index + 2] = ["".join(present[0])]
    return pieces


def _chain(pieces: list[str]) -> list[tuple[str, str]]:
    """The merges that join the pieces from left to right: c, a, t</w> -> (c, a), (ca, t</w>)."""
    return [("".join(pieces[:index]), pieces[index]) for index in range(1, len(pieces))]


def _byte_symbols() -> list[str]:
    """The 256 printable stand-ins for bytes that CLIP's tokenizer uses (GPT-2's table)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(len(others))]
