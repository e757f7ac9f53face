"""Handles: new tokens that start from their class word, in a vocabulary that otherwise stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.core.errors import UserError
from bench.core.scenes import Concept, handle
from bench.diffusion.backbone.handles import add_handles, embedding, rows_replaced, spelled_words
from bench.diffusion.backbone.terms import Initialiser
from bench.plugins.backbone import Backbone

MASK = np.ones((4, 4), bool)


def _add(backbone: Backbone, *labels: str, initialiser: Initialiser = "mean") -> Tensor:
    concepts = [Concept(label, MASK, handle(index)) for index, label in enumerate(labels)]
    return add_handles(backbone.tokenizer, backbone.text_encoder, concepts, initialiser)


def _row(backbone: Backbone, text: str) -> Tensor:
    ids = backbone.tokenizer(text, add_special_tokens=False).input_ids
    return embedding(backbone.text_encoder).detach()[ids]


def test_a_word_of_one_token_gives_its_row(backbone: Backbone) -> None:
    expected = _row(backbone, "cat")[0]
    ids = _add(backbone, "cat")
    assert torch.equal(embedding(backbone.text_encoder)[ids[0]], expected)


def test_a_word_of_several_tokens_gives_their_mean_or_the_first(backbone: Backbone) -> None:
    rows = _row(backbone, "umbrella cat")
    assert len(rows) == 2
    mean = _add(backbone, "umbrella cat")
    assert torch.allclose(embedding(backbone.text_encoder)[mean[0]], (rows[0] + rows[1]) / 2)
    backbone.restore()
    first = _add(backbone, "umbrella cat", initialiser="first")
    assert torch.equal(embedding(backbone.text_encoder)[first[0]], rows[0])


def test_two_concepts_of_one_class_get_two_tokens(backbone: Backbone) -> None:
    ids = _add(backbone, "cat", "cat")
    assert ids[0] != ids[1]
    tokens = backbone.tokenize(["a photo of [v2] and [v1]"])[0].tolist()
    assert [token for token in tokens if token in ids.tolist()] == [ids[1], ids[0]]


def test_no_other_row_changes(backbone: Backbone) -> None:
    before = embedding(backbone.text_encoder).detach().clone()
    _add(backbone, "cat", "umbrella")
    after = embedding(backbone.text_encoder)
    assert after.shape[0] == before.shape[0] + 2
    assert torch.equal(after[: len(before)], before)


def test_a_handle_that_is_a_token_already_is_an_error(backbone: Backbone) -> None:
    _add(backbone, "cat")
    with pytest.raises(UserError, match="not yet tokens of the backbone"):
        _add(backbone, "cat")


def test_a_class_word_of_nothing_is_an_error(backbone: Backbone) -> None:
    with pytest.raises(UserError, match="is not a class word"):
        _add(backbone, " ")


def test_replaced_rows_stand_in_for_the_tokens_own_and_get_the_gradient(backbone: Backbone) -> None:
    ids = _add(backbone, "cat", "umbrella")
    text = ["a photo of [v1] and [v2] and [v1]"]
    own = backbone.encode_text(text)
    rows = embedding(backbone.text_encoder).detach()[ids].requires_grad_()
    with rows_replaced(backbone.text_encoder, ids, rows):
        torch.testing.assert_close(backbone.encode_text(text), own, rtol=0, atol=2e-6)  # a kernel with gradients
        backbone.encode_text(["a photo of [v1]"]).square().sum().backward()
        with torch.no_grad():
            rows += 1
        assert not torch.allclose(backbone.encode_text(text), own)
    assert torch.equal(backbone.encode_text(text), own)
    assert rows.grad is not None
    assert rows.grad[0].abs().sum() > 0
    assert rows.grad[1].abs().sum() == 0


def test_words_that_the_vocabulary_has_to_spell_are_unknown(backbone: Backbone) -> None:
    assert spelled_words(backbone.tokenizer, ["cat", "umbrella", "dog kite", "a cat"]) == ("dog", "kite")
