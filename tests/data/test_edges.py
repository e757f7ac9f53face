"""Grey edges of masks: what is written is what is read, and what is wrong with a foreign record is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.core.hashing import scene_digest
from bench.core.scenes import Concept, Scene
from bench.data.edges import EdgeRecord, edge_fault


@given(seed=st.integers(0, 99))
def test_a_soft_mask_is_read_back_as_it_was(seed: int) -> None:
    soft = np.random.default_rng(seed).choice(np.array([0, 1, 127, 128, 254, 255], np.uint8), (7, 7))
    record = EdgeRecord.of(soft)
    assert record is not None
    assert np.array_equal(record.soft(soft >= 128), soft)
    assert edge_fault((record,), 1, 7) is None


def test_black_and_white_has_no_edge() -> None:
    assert EdgeRecord.of(None) is EdgeRecord.of(np.eye(4, dtype=np.uint8) * 255) is None


def test_the_values_go_down_the_columns_as_cocos_run_lengths_do() -> None:
    soft = np.array([[1, 255], [2, 3]], np.uint8)
    record = EdgeRecord.of(soft)
    assert record is not None
    assert record.values == "010203"


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ((), None),
        ((None, None), None),
        ((None,), "one edge per mask"),
        ((EdgeRecord("13", "80"), None), "one value for each pixel of edge 0"),
        ((None, EdgeRecord("04", "80ff8080")), "one value for each pixel of edge 1"),
        ((None, EdgeRecord("04", "8080808")), "one value for each pixel of edge 1"),
        ((None, EdgeRecord("~", "")), "in edge 1"),
    ],
)
def test_what_cannot_be_is_one_line(edges: tuple[EdgeRecord | None, ...], said: str | None) -> None:
    fault = edge_fault(edges, 2, 2)
    assert fault is None if said is None else said in str(fault)


def test_a_scene_with_edges_has_another_digest_than_without(scene: Scene) -> None:
    first, second = scene.concepts
    soft = first.mask.astype(np.uint8) * np.uint8(200)
    edged = Scene(scene.name, scene.picture, (_with(first, soft), second))
    assert len({scene_digest(one) for one in (scene, edged, Scene(scene.name, scene.picture, scene.concepts))}) == 2


def _with(concept: Concept, soft: np.ndarray) -> Concept:
    return Concept(concept.label, concept.mask, concept.handle, soft=soft)
