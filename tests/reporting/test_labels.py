"""Labels of points: none touches another or a point, none leaves the plot."""

from __future__ import annotations

import numpy as np
import pytest

from bench.reporting.labels import Box, edge_towards, leader, place_labels

PLOT = Box(0, 0, 400, 300)


@pytest.mark.parametrize("spread", [1.0, 0.1, 0.0])
@pytest.mark.parametrize("count", [1, 4, 20])
def test_no_label_touches_another_or_a_point_or_leaves_the_plot(count: int, spread: float) -> None:
    rng = np.random.default_rng(count)
    points = [(200 + spread * 190 * x, 150 + spread * 140 * y) for x, y in rng.uniform(-1, 1, (count, 2))]
    sizes = [(float(width), 12.0) for width in rng.uniform(20, 90, count)]
    boxes = [box for box in place_labels(points, sizes, PLOT, 6.0) if box]
    assert len(boxes) == count
    assert np.allclose([(box.right - box.left, box.high - box.low) for box in boxes], sizes)
    dots = [Box.around(x, y, 11.9, 11.9) for x, y in points]
    for index, box in enumerate(boxes):
        assert box.within(PLOT)
        assert not any(box.touches(other) for other in [*boxes[:index], *dots])


def test_a_lone_label_stands_beside_its_point_and_off_its_error_bars() -> None:
    bars = [Box(100, 148, 300, 152), Box(198, 50, 202, 250)]
    (box,) = place_labels([(200, 150)], [(40, 12)], PLOT, 6.0, bars)
    assert box is not None
    assert not any(map(box.touches, bars))
    assert np.hypot(*np.subtract(edge_towards(box, (200, 150)), (200, 150))) < 20


def test_where_there_is_no_room_there_is_no_label() -> None:
    assert place_labels([(5, 5), (6, 6)], [(9, 9), (9, 9)], Box(0, 0, 10, 10), 1.0) == (None, None)
    assert place_labels([(5, 5)], [(11, 2)], Box(0, 0, 10, 10), 1.0) == (None,)


def test_boxes_that_share_an_edge_do_not_touch() -> None:
    assert not Box(0, 0, 1, 1).touches(Box(1, 0, 2, 1))
    assert Box(0, 0, 1.1, 1).touches(Box(1, 0, 2, 1))


def test_a_label_that_could_be_taken_for_another_points_has_a_line() -> None:
    box, point = Box(10, 0, 50, 12), (4.0, 6.0)
    assert leader(box, point, [point], 6.0) is None
    assert leader(box, point, [point, (55.0, 6.0)], 6.0) == (10, 6), "the other point is nearer"
    assert leader(box, point, [point, (90.0, 6.0)], 6.0) is None
    assert leader(box, (-9.0, 6.0), [(-9.0, 6.0)], 6.0) == (10, 6), "far from its point"
