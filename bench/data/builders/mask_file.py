"""Reads the mask files of one's own pictures, in the form of the official Break-A-Scene code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.core.errors import UserError
from bench.core.images import eight_bits, opened
from bench.core.scenes import Mask, SoftMask

_HALF = 128


def read_mask(path: Path) -> Mask:
    """The mask in a picture's channel 0, as the official code reads it, at least half white.

    Grey, RGB, RGBA and palette pictures; a palette's colours count, not its indices. The official code does
    not read the alpha channel, so a mask that is only there is refused.

    Raises `UserError` for an empty mask, and for a file that is missing, truncated or not a picture.
    """
    with opened(path) as image:
        pixels = _channels(image)
    mask = pixels[:, :, 0] >= _HALF
    if not mask.any():
        raise UserError(f"{path}: the mask is empty{_hint(pixels)}")
    return np.asarray(mask, dtype=np.bool_)


def read_soft(path: Path) -> SoftMask:
    """The mask in a picture's channel 0 as it is, with its grey edges, 0..255 (official train.py:505-507).

    Raises `UserError` for a file that is missing, truncated or not a picture.
    """
    with opened(path) as image:
        return _channels(image)[:, :, 0]


def _channels(image: Image.Image) -> npt.NDArray[np.uint8]:
    """The pixels as uint8 [height, width, channels], with palette indices replaced by their colours."""
    image = eight_bits(image)
    known = {"L": "L", "1": "L", "LA": "LA", "RGB": "RGB"}
    pixels = np.asarray(image.convert(known.get(image.mode, "RGBA")), dtype=np.uint8)
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


def _hint(pixels: npt.NDArray[np.uint8]) -> str:
    """A likely cause of an empty mask, for the error message."""
    highest = int(pixels[:, :, 0].max())
    alpha = pixels[:, :, -1] if pixels.shape[2] in (2, 4) else None
    if highest:
        return f": its brightest pixel is {highest} of 255; save it with 255 inside"
    if alpha is not None and alpha.any() and not alpha.all():
        return ": it seems to lie in the alpha channel; save it as white on black instead"
    if pixels.shape[2] >= 3 and pixels[:, :, 1:3].any():
        return ": its red channel, which counts, is black; save it as white on black instead"
    return ": all of it is black; paint the concept white"
