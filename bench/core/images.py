"""Crops, sizes, hashes and PNGs of pictures and masks."""

from __future__ import annotations

import hashlib
import io

import numpy as np
from PIL import Image

from bench.core.geometry import Square
from bench.core.scenes import Mask, Picture


def crop_picture(picture: Picture, square: Square, size: int) -> Picture:
    """The square of a picture [height, width, 3], resized with Lanczos' filter to [size, size, 3]."""
    cropped = Image.fromarray(picture).crop(square.box)
    return np.asarray(cropped.resize((size, size), Image.Resampling.LANCZOS), dtype=np.uint8)


def crop_mask(mask: Mask, square: Square, size: int) -> Mask:
    """The square of a mask [height, width], resized to [size, size] by taking the nearest pixel."""
    cropped = Image.fromarray(mask[square.rows, square.columns].astype(np.uint8))
    return np.asarray(cropped.resize((size, size), Image.Resampling.NEAREST), dtype=np.bool_)


def pixel_hash(picture: Picture) -> str:
    """The SHA-256 of a decoded picture: its height, width and RGB pixels."""
    height, width = picture.shape[:2]
    return hashlib.sha256(f"{height}x{width}:".encode() + picture.tobytes()).hexdigest()


def picture_png(picture: Picture) -> bytes:
    """The picture as a PNG file."""
    return _png(Image.fromarray(picture))


def mask_png(mask: Mask) -> bytes:
    """The mask as a grey PNG file: 255 inside, 0 outside."""
    return _png(Image.fromarray(mask.astype(np.uint8) * 255))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
