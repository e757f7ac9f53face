"""The simulation itself; its 2,000 tables at every size run in `nox -s simulations`."""

import numpy as np
import pytest

from bench.stats.simulation import null_simulation as null
from bench.stats.simulation.null_simulation import RejectionRate


def test_tables_have_no_difference_and_scenes_are_clusters() -> None:
    values = null.draw("skewed", 50, 20, 0)[..., 0]
    assert values.shape == (20, 50, 4, 24)
    assert values.mean(axis=(0, 1, 3)) == pytest.approx([0.5] * 4, abs=0.01)
    by_scene = values.mean(axis=3)
    assert by_scene[..., 0].std() == pytest.approx(np.hypot(0.05, 0.02), rel=0.1)
    assert np.corrcoef(by_scene[..., 0].ravel(), by_scene[..., 1].ravel())[0, 1] > 0.6


def test_the_same_block_gives_the_same_tables() -> None:
    assert np.array_equal(null.draw("normal", 6, 2, 3), null.draw("normal", 6, 2, 3))
    assert not np.array_equal(null.draw("normal", 6, 2, 3), null.draw("normal", 6, 2, 4))


def test_the_bound() -> None:
    # 123 of 2,000 is the 99 % quantile of the binomial law with 5 %.
    assert null.bound(2_000) == pytest.approx(0.0615)


def test_tests_by_scene_hold_and_tests_by_picture_do_not() -> None:
    values = null.draw("normal", 20, 200, 0)
    for probe in (null.paired, null.mixed, null.effects, null.agreement, null.choices):
        for check, wrong in probe(values).items():
            assert wrong.mean() <= 0.12, check
    by_picture = {check: wrong.mean() for check, wrong in null.pictures(values).items()}
    assert by_picture["Kruskal-Wallis over pictures"] > 0.25
    assert by_picture["Tukey over pictures, any of 6 pairs"] > 0.25


def test_a_small_run_from_end_to_end() -> None:
    rates = null.measure(10, sizes=(6,))
    table = null.markdown(rates)
    assert "| normal, 6 | skewed, 6 |" in table
    assert {rate.check for rate in rates} > null.trusted_checks()
    for check in null.trusted_checks():
        assert f"| {check} |" in table
    assert null.failures(rates) == [], "only 50 scenes are held to the bound"


def test_failures_name_what_does_not_hold() -> None:
    name = sorted(null.trusted_checks())[0]
    good = RejectionRate(name, "normal", 50, 2_000, 0.06)
    bad = RejectionRate(name, "normal", 50, 2_000, 0.07)
    few = RejectionRate(name, "normal", 6, 2_000, 0.2)
    weak = RejectionRate("Kruskal-Wallis over pictures", "normal", 50, 2_000, 0.04)
    strong = RejectionRate("Kruskal-Wallis over pictures", "normal", 50, 2_000, 0.4)
    assert null.failures([good, few, strong]) == []
    assert len(null.failures([bad, weak])) == 2
