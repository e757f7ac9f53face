"""DenseCRF: what it solves, spelled out pixel pair by pixel pair, and what it does to a rough mask."""

from __future__ import annotations

import importlib.util
import math
import sys

import numpy as np
import numpy.typing as npt
import pytest

from bench.core.errors import UserError
from bench.core.masks import mask_iou
from bench.core.scenes import ImageArray, Mask
from bench.diffusion.em.crf import WIDTHS_SIDE, DenseCrf, check_crf, unary_energy

needs_crf = pytest.mark.skipif(importlib.util.find_spec("pydensecrf") is None, reason="the extra 'crf' is missing")


def test_it_has_cutlers_numbers() -> None:
    crf = DenseCrf()
    assert (crf.iterations, crf.smoothness, crf.smoothness_pixels) == (10, 7, 3)
    assert (crf.appearance, crf.appearance_pixels, crf.appearance_levels) == (10, 50, 5)


def test_a_pixel_believes_in_its_own_label_with_the_softmax_of_one_and_zero() -> None:
    energy = unary_energy(np.array([[True, False]]))
    likely, unlikely = math.e / (1 + math.e), 1 / (1 + math.e)
    assert round(likely, 3) == 0.731
    np.testing.assert_allclose(np.exp(-energy[:, 0, 0]), [unlikely, likely], rtol=1e-6)
    np.testing.assert_allclose(np.exp(-energy[:, 0, 1]), [likely, unlikely], rtol=1e-6)


def _scene(side: int) -> tuple[ImageArray, Mask, Mask]:
    """A disc of one colour on another, and a rough mask: shifted, with specks."""
    rows, columns = np.mgrid[:side, :side]
    disc = (rows - side / 2) ** 2 + (columns - side / 2) ** 2 < (side / 3.5) ** 2
    picture = np.where(disc[:, :, None], (220, 60, 50), (60, 120, 200)).astype(np.uint8)
    rough = np.roll(disc, side // 12, axis=1)
    rough ^= np.random.default_rng(0).random((side, side)) < 0.05
    return picture, disc, rough


@needs_crf
def test_a_rough_mask_is_pulled_to_the_edges_of_the_picture() -> None:
    picture, disc, rough = _scene(64)
    refined = DenseCrf().refine(picture, rough)
    assert mask_iou(rough, disc) < 0.8
    assert mask_iou(refined, disc) > 0.95


@needs_crf
def test_a_large_picture_is_refined_on_a_smaller_copy() -> None:
    picture, disc, rough = _scene(192)
    refined = DenseCrf(most_side=64).refine(picture, rough)
    assert refined.shape == (192, 192)
    assert mask_iou(refined, disc) > 0.85 > mask_iou(rough, disc) + 0.2


@needs_crf
def test_it_is_deterministic() -> None:
    picture, _, rough = _scene(48)
    np.testing.assert_array_equal(DenseCrf().refine(picture, rough), DenseCrf().refine(picture, rough))


def _mean_field(crf: DenseCrf, picture: ImageArray, mask: Mask) -> npt.NDArray[np.float64]:
    """Krähenbühl and Koltun, algorithm 1, with every pair of pixels, Potts compatibility, symmetric normalisation.

    k(i, j) = w1 exp(-|p|^2 / 2 a^2) + w2 exp(-|p|^2 / 2 b^2 - |I|^2 / 2 c^2), each kernel normalised as
    D^-1/2 K D^-1/2 (the library's default); Q is proportional to exp(-unary + the kernels' sum over all pixels).
    """
    height, width = mask.shape
    scale = max(height, width) / WIDTHS_SIDE
    places = np.stack(np.mgrid[:height, :width], axis=-1).reshape(-1, 2).astype(float)
    levels = picture.reshape(-1, 3) / crf.appearance_levels

    def kernel(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        squared = ((features[:, None] - features[None]) ** 2).sum(-1)
        raw = np.exp(-squared / 2)
        root = 1 / np.sqrt(raw.sum(1))
        return np.asarray(root[:, None] * raw * root)

    near = kernel(places / (crf.smoothness_pixels * scale))
    alike = kernel(np.concatenate([places / (crf.appearance_pixels * scale), levels], axis=1))
    unary = unary_energy(mask).reshape(2, -1).astype(float)
    believed = np.exp(-unary) / np.exp(-unary).sum(0)
    for _ in range(crf.iterations):
        message = crf.smoothness * believed @ near + crf.appearance * believed @ alike
        believed = np.exp(-unary + message)
        believed /= believed.sum(0)
    return believed.reshape(2, height, width)


@needs_crf
def test_it_agrees_with_mean_field_over_all_pairs_of_pixels() -> None:
    """The library filters on a permutohedral lattice, an approximation: labels agree, probabilities nearly."""
    picture, _, rough = _scene(24)
    crf = DenseCrf(smoothness_pixels=30, appearance_pixels=120, appearance_levels=40)
    exact = _mean_field(crf, picture, rough)
    found = crf.probabilities(picture, rough)
    assert (found.argmax(0) == exact.argmax(0)).mean() > 0.97
    assert np.abs(found - exact).mean() < 0.05


@needs_crf
def test_masks_of_one_picture_do_not_leave_traces_in_each_other() -> None:
    picture, disc, rough = _scene(64)
    refine = DenseCrf().on(picture)
    first, second = refine(rough), refine(~disc)
    np.testing.assert_array_equal(first, DenseCrf().refine(picture, rough))
    np.testing.assert_array_equal(second, DenseCrf().refine(picture, ~disc))


def test_without_the_library_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydensecrf", None)
    with pytest.raises(UserError, match=r"pydensecrf2.*scenebench\[crf\].*no-crf") as caught:
        check_crf()
    assert "\n" not in str(caught.value)
