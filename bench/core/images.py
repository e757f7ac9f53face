"""Crops, sizes, hashes and PNGs of pictures and masks."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bench.core.errors import UserError
from bench.core.geometry import Square
from bench.core.limits import MOST_PIXELS, size_fault
from bench.core.scenes import ImageArray, Mask, SoftMask

Image.MAX_IMAGE_PIXELS = MOST_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
_WHITE, _WHITE_OF_16_BITS = 255, 65_535
_DIMMED = 0.15
"""Brightness of a dimmed picture where there is no light."""


def crop_picture(picture: ImageArray, square: Square, size: int) -> ImageArray:
    """The square of a picture [height, width, 3], resized with Lanczos' filter to [size, size, 3]."""
    cropped = Image.fromarray(picture).crop(square.box)
    return np.asarray(cropped.resize((size, size), Image.Resampling.LANCZOS), dtype=np.uint8)


def crop_mask(mask: Mask, square: Square, size: int) -> Mask:
    """The square of a mask [height, width], resized to [size, size] by nearest neighbour."""
    return crop_soft(mask.astype(np.uint8), square, size).astype(np.bool_)


def crop_soft(mask: SoftMask, square: Square, size: int) -> SoftMask:
    """The square of a soft mask [height, width], resized to [size, size] by nearest neighbour, as `crop_mask` does."""
    cropped = Image.fromarray(mask[square.rows, square.columns])
    return np.asarray(cropped.resize((size, size), Image.Resampling.NEAREST), dtype=np.uint8)


def dimmed(picture: ImageArray, light: NDArray[np.float32]) -> ImageArray:
    """A picture [s, s, 3] dimmed where `light` [s, s] is low; where that is highest the picture stays as it is."""
    share = light / max(float(light.max()), float(np.finfo(np.float32).tiny))
    shown: ImageArray = (picture * (_DIMMED + (1 - _DIMMED) * share[:, :, None])).round().astype(np.uint8)
    return shown


def picture_png(picture: ImageArray, inside: Mapping[str, str] | None = None) -> bytes:
    """A picture [height, width, 3] encoded as PNG, with the texts `inside` it by keyword (PNG's iTXt)."""
    texts = PngInfo()
    for keyword, text in (inside or {}).items():
        texts.add_itxt(keyword, text)
    return _png(Image.fromarray(picture), texts)


def mask_png(mask: Mask) -> bytes:
    """A mask encoded as a grey PNG: 255 inside, 0 outside."""
    return _png(Image.fromarray(mask.astype(np.uint8) * 255))


def _png(image: Image.Image, texts: PngInfo | None = None) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=texts)
    return buffer.getvalue()


@contextlib.contextmanager
def opened(path: Path, content: bytes | None = None) -> Iterator[Image.Image]:
    """The picture file (or its `content`, already read), open; what goes wrong while it is decoded is told in one line.

    Raises `UserError` for a file that is missing, truncated, no picture, or larger than `bench.core.limits` allows;
    the last before a pixel is decoded.
    """
    try:
        with Image.open(path if content is None else io.BytesIO(content)) as image:
            if fault := size_fault(*image.size):
                raise UserError(f"{path} {fault}")
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UserError(
            f"{path} is of more than {MOST_PIXELS:,} pixels, more than the limit; make it smaller"
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, OverflowError, struct.error) as error:
        raise UserError(
            f"cannot read the picture {path}: it is missing, truncated or not a picture ({error})"
        ) from error


def read_picture(path: Path) -> ImageArray:
    """The decoded picture as RGB, as it is stored (COCO's annotations count its pixels so).

    Raises `UserError` for a file that is missing, truncated or not a picture.
    """
    with opened(path) as image:
        return rgb(image)


def rgb(image: Image.Image) -> ImageArray:
    """The pixels of an open picture of any mode as RGB, [height, width, 3]."""
    return np.asarray(eight_bits(image).convert("RGB"), dtype=np.uint8)


def eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits with the upper 8 of them, any other one as it is.

    Pillow's `convert` clips the values at 255, which makes such a picture white.
    """
    if not image.mode.startswith("I"):  # "I;16" and its byte orders; "I" is of 32 bits, and is used for 16
        return image
    values = np.asarray(image)
    if image.mode == "I" and values.max() <= _WHITE:
        return image
    return Image.fromarray((values.clip(0, _WHITE_OF_16_BITS) >> 8).astype(np.uint8))
