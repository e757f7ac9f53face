"""Masks by pycocotools: rasterisation, pixel counts inside a crop, and upper bounds of these."""

from __future__ import annotations

import re
from array import array
from functools import lru_cache
from typing import Any, TypedDict, cast

import numpy as np
import numpy.typing as npt
from pycocotools import mask as pycoco

from bench.core.geometry import Square
from bench.core.scenes import Mask
from bench.data.coco.index import Segmentation

_LEAST_NUMBERS = 6
"""A polygon of fewer than three points covers nothing; pycocotools takes one of four numbers for a box."""
_COMPRESSED = re.compile(rb"([0-o]*[0-O])?")
"""Characters carry 6 bits from '0' on; one with bit 32 set ('P' to 'o') is continued by the next."""
_LONGEST = 7
"""More characters than a run length of 32 bits can need."""


class Rle(TypedDict):
    """A compressed run-length encoding; `size` is [height, width]."""

    size: list[int]
    counts: str | bytes


def rasterise(shape: Segmentation, height: int, width: int) -> Rle:
    """The pixels of a segmentation, as COCO's own API draws them (the union of its polygons).

    Raises ValueError, saying why, for coordinates far outside the picture and for damaged run lengths.
    """
    if isinstance(shape, dict):
        return _from_runs(shape["counts"], height, width)
    outlines = [outline for outline in shape if len(outline) >= _LEAST_NUMBERS]
    if not outlines:
        return encode(np.zeros((height, width), dtype=np.bool_))
    for outline in outlines:
        xs, ys = outline[0::2], outline[1::2]
        if min(xs) < -width or max(xs) > 2 * width or min(ys) < -height or max(ys) > 2 * height:
            raise ValueError("has a polygon far outside its image")
    # The stubs declare lists of integers; sequences of any numbers are accepted.
    return pycoco.merge(pycoco.frPyObjects(cast("list[list[int]]", outlines), height, width))


def pixels_inside(rle: Rle, square: Square) -> int:
    """The number of the mask's pixels in the crop; exact, computed on run lengths."""
    height, width = rle["size"]
    return int(pycoco.area(pycoco.merge([rle, _window(height, width, square)], intersect=True)))


def area(rle: Rle) -> int:
    """The number of the mask's pixels."""
    return int(pycoco.area(rle))


def most_pixels(shape: Segmentation, square: Square) -> float:
    """An upper bound on the pixels of a segmentation inside the crop, many times cheaper than drawing it.

    Polygons: the parts inside the crop of the boxes around them, a pixel wider; pycocotools rounds outlines
    to a fifth of a pixel and then to pixels, so none lies farther out. Run lengths: all pixels of the mask
    (if damaged, all of the image, so that rasterising reports it).
    """
    if isinstance(shape, dict):
        return _pixels_of_runs(shape["counts"], *shape["size"])
    return sum(_pixels_of_box(outline, square) for outline in shape if len(outline) >= _LEAST_NUMBERS)


def checked_area(rle: Rle) -> int:
    """The number of pixels of a mask with untrusted run lengths, without rasterising it.

    Raises ValueError for damaged run lengths.
    """
    return int(_lengths(rle)[1::2].sum())


def decode(rle: Rle) -> Mask:
    """The mask as an array [height, width].

    Raises ValueError for damaged run lengths.
    """
    height, width = rle["size"]
    lengths = _lengths(rle)
    inside = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return np.asarray(inside.reshape((width, height)).T)


def encode(mask: Mask) -> Rle:
    """The compressed run-length encoding of an array [height, width]."""
    return pycoco.encode(np.asfortranarray(mask, dtype=np.uint8))


def counts_text(mask: Mask) -> str:
    """The compressed run lengths of a mask as text, as JSON files hold them."""
    counts = encode(mask)["counts"]
    return counts if isinstance(counts, str) else counts.decode("ascii")


@lru_cache(maxsize=4096)
def _window(height: int, width: int, square: Square) -> Rle:
    window = np.zeros((height, width), dtype=np.bool_)
    window[square.rows, square.columns] = True
    return encode(window)


def _from_runs(counts: str | list[Any], height: int, width: int) -> Rle:
    if isinstance(counts, str):
        code = counts.encode("ascii", "replace")
        _checked_lengths(code, height, width)
        return {"size": [height, width], "counts": code}
    if not all(isinstance(run, int) and run >= 0 for run in counts) or sum(counts) != height * width:
        raise ValueError(f"has run lengths that do not add up to {height} x {width} pixels")
    uncompressed = cast("Rle", {"size": [height, width], "counts": counts})
    return pycoco.frPyObjects(uncompressed, height, width)


def _pixels_of_box(outline: array[float], square: Square) -> float:
    xs, ys = outline[0::2], outline[1::2]
    wide = min(max(xs) + 1, square.right) - max(min(xs) - 1, square.left)
    high = min(max(ys) + 1, square.bottom) - max(min(ys) - 1, square.top)
    return wide * high if wide > 0 and high > 0 else 0.0


def _pixels_of_runs(counts: str | list[int], height: int, width: int) -> float:
    code = counts.encode("ascii", "replace") if isinstance(counts, str) else b""
    if not code or _COMPRESSED.fullmatch(code) is None:
        return height * width
    return area({"size": [height, width], "counts": code})


def _lengths(rle: Rle) -> npt.NDArray[np.int64]:
    counts = rle["counts"]
    code = counts.encode("ascii", "replace") if isinstance(counts, str) else counts
    return _checked_lengths(code, *rle["size"])


def _checked_lengths(counts: bytes, height: int, width: int) -> npt.NDArray[np.int64]:
    """Refuse run lengths that pycocotools' C code would read or draw beyond the end of the buffer."""
    lengths = run_lengths(counts)
    if lengths is None or (lengths < 0).any() or int(lengths.sum()) != height * width:
        raise ValueError(f"has damaged run lengths (they do not add up to {height} x {width} pixels)")
    return lengths


def run_lengths(counts: bytes) -> npt.NDArray[np.int64] | None:
    """The lengths of a compressed encoding's runs, background first; None if it is not such an encoding.

    Each number is little-endian in groups of 5 bits with sign; from the fourth run on it is the difference to
    the run before the last (pycocotools' `rleToString`).
    """
    if not counts or _COMPRESSED.fullmatch(counts) is None:
        return None
    bits = np.frombuffer(counts, dtype=np.uint8).astype(np.int64) - 48
    last = np.flatnonzero(bits < 32)
    first = np.concatenate([[0], last[:-1] + 1])
    groups = last - first + 1
    if groups.max() > _LONGEST:
        return None
    shifts = 5 * (np.arange(len(bits)) - np.repeat(first, groups))
    numbers = np.add.reduceat((bits & 31) << shifts, first)
    numbers -= np.where(bits[last] & 16, np.int64(1) << (5 * groups), 0)
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers
