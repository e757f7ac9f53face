"""Prior-preservation pictures are drawn once, from seeds of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.diffusion import prior
from bench.diffusion.backbone import Backbone
from bench.diffusion.settings import Sampler


def test_they_are_drawn_once_and_a_longer_series_begins_with_a_shorter(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone.settings = replace(backbone.settings, sampler=Sampler(steps=2, guidance=2.0))
    calls: list[int] = []
    draw = prior.draw
    monkeypatch.setattr(
        prior, "draw", lambda backbone, orders, size: calls.append(len(orders)) or draw(backbone, orders, size)
    )
    two = prior.prior_pictures(backbone, "a photo at the snow", 2, batch_size=4)
    assert prior.prior_pictures(backbone, "a photo at the snow", 2, batch_size=1) is two
    three = prior.prior_pictures(backbone, "a photo at the snow", 3, batch_size=4)
    assert calls == [2, 3]
    np.testing.assert_allclose(np.stack(two).astype(int), np.stack(three[:2]).astype(int), atol=1)
    assert not np.array_equal(two[0], two[1])
