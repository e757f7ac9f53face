"""`bench edit` with a method that fills regions itself: an inpainting model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.core.errors import UserError
from bench.core.images import read_picture
from bench.core.scenes import ImageArray
from bench.diffusion.inpainting.fill import fill
from bench.edit.engine import edit
from bench.edit.inputs import read_target
from bench.edit.options import EditOptions, EditPaths
from bench.plugins.backbone import Backbone
from bench.plugins.method import FillsHoles, Hole
from bench.plugins.spec import configure
from bench.run.options import BackboneOptions

METHOD = "realfill-clic"
Made = Callable[..., EditPaths]


def test_each_region_is_filled_on_the_result_of_the_one_before(
    two_regions: EditOptions, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    holes: list[Hole] = []

    def watched(backbone: Backbone, hole: Hole, on_step: Callable[[int, int], None]) -> ImageArray:
        holes.append(hole)
        return fill(backbone, hole, on_step)

    monkeypatch.setattr("bench.diffusion.inpainting.fill.fill", watched)
    folder = edit(replace(two_regions, method=METHOD), setup, places())
    target = read_target(two_regions.target, two_regions.masks, 32)
    assert [hole.text for hole in holes] == list(two_regions.prompts)
    np.testing.assert_array_equal(holes[0].picture, target.picture)
    np.testing.assert_array_equal(holes[1].picture, read_picture(folder / "region-1-step-size-0.png"))
    result = read_picture(folder / "step-size-0.png")
    outside = ~(target.masks[0] | target.masks[1])
    np.testing.assert_array_equal(result[outside], target.picture[outside])
    assert (result[~outside] != target.picture[~outside]).mean() > 0.5
    record = json.loads((folder / "edit.json").read_text())
    assert (record["method"], record["blending"], record["start"]) == (METHOD, None, 0)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"start": 0.5}, "--start"),
        ({"blending": "from-target"}, "--blending"),
        ({"guidance_step_sizes": (0.0,), "start": 0.0}, "--start, --guidance-step-size"),
    ],
)
def test_options_of_blending_are_refused(
    change: dict[str, Any], named: str, options: EditOptions, setup: BackboneOptions, places: Made
) -> None:
    with pytest.raises(UserError, match=f"without blending: leave out {named}$"):
        edit(replace(options, method=METHOD, **change), setup, places())
    assert not places().outputs.exists()


def test_only_an_inpainting_method_fills() -> None:
    assert isinstance(configure("methods", METHOD).instance, FillsHoles)
    assert not isinstance(configure("methods", "clic").instance, FillsHoles)
