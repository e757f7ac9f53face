"""DenseCRF: aligns a mask with the edges of its picture (Krähenbühl and Koltun 2011)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
from PIL import Image

from bench.core.errors import UserError
from bench.core.scenes import ImageArray, Mask

WIDTHS_SIDE = 480
"""The side in pixels of the pictures that CutLER's widths are meant for; widths scale with the side."""


@dataclass(frozen=True)
class DenseCrf:
    """A fully connected CRF of two labels, with the numbers of CutLER (maskcut/crf.py), which the EM paper takes.

    The smoothness term has a weight and a width in pixels; the appearance term a weight, a width in pixels and
    one in RGB levels. Widths in pixels are for a side of `WIDTHS_SIDE` and scale with the side; the smoothness
    term's is at least one pixel. Larger pictures are shrunk to `most_side` pixels: at 512 one mask takes seconds.
    """

    iterations: int = 10
    smoothness: float = 7.0
    smoothness_pixels: float = 3.0
    appearance: float = 10.0
    appearance_pixels: float = 50.0
    appearance_levels: float = 5.0
    most_side: int = 128

    def on(self, picture: ImageArray) -> Callable[[Mask], Mask]:
        """What `refine` does with masks of one picture, whose pairwise terms, half of the time, are made once.

        Raises `UserError` if pydensecrf2 is not installed.
        """
        side = len(picture)
        small = min(side, self.most_side)
        crf = self._of(_resized(picture, small, Image.Resampling.LANCZOS))

        def refine(mask: Mask) -> Mask:
            probable = self._inferred(crf, _resized(mask, small, Image.Resampling.NEAREST))
            return np.asarray(_resized(probable.argmax(axis=0) == 1, side, Image.Resampling.NEAREST), dtype=np.bool_)

        return refine

    def refine(self, picture: ImageArray, mask: Mask) -> Mask:
        """The mask [side, side] refined on its picture uint8 [side, side, 3]: the likelier label of each pixel.

        Raises `UserError` if pydensecrf2 is not installed.
        """
        return self.on(picture)(mask)

    def probabilities(self, picture: ImageArray, mask: Mask) -> npt.NDArray[np.float32]:
        """Mean-field probabilities [2, height, width] of outside and inside, after all iterations.

        Raises `UserError` if pydensecrf2 is not installed.
        """
        return self._inferred(self._of(picture), mask)

    def _of(self, picture: ImageArray) -> Any:
        """The library's CRF with the pairwise terms of a picture, still without a mask."""
        height, width = picture.shape[:2]
        scale = max(height, width) / WIDTHS_SIDE
        crf: Any = _library().DenseCRF2D(width, height, 2)
        # narrower than a pixel, the smoothness term would tie every pixel to nothing but itself
        crf.addPairwiseGaussian(sxy=max(self.smoothness_pixels * scale, 1.0), compat=self.smoothness)
        crf.addPairwiseBilateral(
            sxy=self.appearance_pixels * scale,
            srgb=self.appearance_levels,
            rgbim=np.array(picture, order="C"),
            compat=self.appearance,
        )
        return crf

    def _inferred(self, crf: Any, mask: Mask) -> npt.NDArray[np.float32]:
        crf.setUnaryEnergy(np.ascontiguousarray(unary_energy(mask).reshape(2, -1)))
        return np.array(crf.inference(self.iterations), dtype=np.float32).reshape(2, *mask.shape)


def unary_energy(mask: Mask) -> npt.NDArray[np.float32]:
    """-log softmax([1 - m, m]), [2, height, width]: a pixel has its own label with probability .731."""
    inside = mask.astype(np.float32)
    return np.asarray(-scipy.special.log_softmax(np.stack([1 - inside, inside]), axis=0), dtype=np.float32)


def check_crf() -> None:
    """Raise `UserError` unless pydensecrf2 is installed; called before a fit, not in the middle of it."""
    _library()


def _library() -> Any:
    try:
        # an extra; a compiled module without stubs
        from pydensecrf import densecrf  # noqa: PLC0415  # pyright: ignore[reportAttributeAccessIssue, reportMissingImports]
    except ImportError as error:
        raise UserError(
            f"DenseCRF needs pydensecrf2 ({error}); install it with `pip install 'scenebench[crf]'` "
            "(builds with a C++ compiler), or take the variant no-crf"
        ) from error
    return densecrf


def _resized(pixels: npt.NDArray[Any], side: int, filter_: Image.Resampling) -> npt.NDArray[Any]:
    if len(pixels) == side:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((side, side), filter_))
