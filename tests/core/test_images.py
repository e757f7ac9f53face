"""Pictures of every depth are read as what they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.images import eight_bits, read_picture
from bench.core.scenes import ImageArray
from bench.data.builders.folder import read_upright

RAMP = np.arange(256, dtype=np.uint16).repeat(4).reshape(32, 32)
"""Every level of 8 bits."""


@pytest.mark.parametrize("read", [read_picture, read_upright])
@pytest.mark.parametrize("name", ["grey.png", "grey.tif"])
def test_a_grey_picture_of_16_bits_keeps_the_upper_eight(
    tmp_path: Path, name: str, read: Callable[[Path], ImageArray]
) -> None:
    Image.fromarray(RAMP * 257).save(tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.mode.startswith("I;16")
    assert np.array_equal(read(tmp_path / name), np.stack([RAMP] * 3, axis=-1))


def test_a_picture_of_32_bits_is_taken_for_one_of_16_where_it_is_brighter_than_8() -> None:
    bright, dark = (Image.fromarray(RAMP.astype(np.int32) * gain) for gain in (257, 1))
    assert np.array_equal(eight_bits(bright), RAMP)
    assert eight_bits(dark) is dark


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_a_picture_of_8_bits_stays(mode: str) -> None:
    image = Image.fromarray(RAMP.astype(np.uint8)).convert(mode)
    assert eight_bits(image) is image
