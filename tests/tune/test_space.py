"""What is tried of a method: fields, ranges, and the specs of trials."""

from __future__ import annotations

import math

import pytest

from bench.core.errors import UserError
from bench.plugins.spec import configure
from bench.tune.space import Space, rounded, spec_with

SPACE = Space("m", {"rate": (1e-6, 1e-4)}, {"rate": 1e-5}, {"steps": 800, "none": 0})


def test_the_first_trials_are_the_default_and_evenly_spaced_values_on_a_log_scale() -> None:
    default, *others = SPACE.first(4)
    assert default == {"rate": 1e-5}
    logs = sorted(math.log10(values["rate"]) for values in others)
    # of four cells' centres, -5.75, -5.25, -4.75 and -4.25, one of those next to the default is left out
    assert logs[0] == pytest.approx(-5.75, abs=0.02)
    assert logs[1] in (pytest.approx(-5.25, abs=0.02), pytest.approx(-4.75, abs=0.02))
    assert logs[2] == pytest.approx(-4.25, abs=0.02)


def test_no_value_is_tried_twice() -> None:
    space = Space("m", {"a": (1.0, 100.0), "b": (0.01, 1.0)}, {"a": 10.0, "b": 0.1})
    points = space.first(8)
    assert len({values["a"] for values in points}) == len({values["b"] for values in points}) == 8


def test_trials_repeat() -> None:
    assert SPACE.first(8) == SPACE.first(8)


def test_beyond_an_end_lies_half_of_the_range_on_a_log_scale() -> None:
    upwards = [values["rate"] for values in SPACE.beyond({"rate": 1e-4}, "rate", True, 2)]
    downwards = [values["rate"] for values in SPACE.beyond({"rate": 1e-6}, "rate", False, 2)]
    assert upwards == pytest.approx([3.2e-4, 1e-3])
    assert downwards == pytest.approx([3.2e-7, 1e-7])


def test_steps_are_scaled_together_and_none_stays_none() -> None:
    assert SPACE.scaled_steps({"rate": 1e-5}, 0.5) == {"rate": 1e-5, "steps": 400}


def test_values_have_two_digits() -> None:
    assert rounded(3.456e-6) == 3.5e-6


@pytest.mark.parametrize(
    ("spec", "tried"),
    [
        ("ours", "ours[phase1_steps=10]"),
        ("ours:code", "ours:code[phase1_steps=10]"),
        ("ours[]", "ours[phase1_steps=10]"),
        ("ours[masked=False]", "ours[masked=False,phase1_steps=10]"),
    ],
)
def test_a_trial_is_a_spec(spec: str, tried: str) -> None:
    assert spec_with(spec, {"phase1_steps": 10}) == tried
    assert configure("methods", tried).instance.phase1_steps == 10


def test_every_trainable_method_declares_what_can_be_tuned() -> None:
    names = ("ours", "ti-m", "db-m", "cd-m", "ti", "db", "cd", "em", "clic")
    for name in names:
        space = Space.of(configure("methods", name))
        for field, (low, high) in space.ranges.items():
            assert high / low == pytest.approx(64)
            assert space.default[field] == pytest.approx(math.sqrt(low * high))
        assert all(space.steps.values())


def test_a_control_cannot_be_tuned() -> None:
    with pytest.raises(UserError, match="declares nothing to be tuned"):
        Space.of(configure("methods", "base-model"))


def test_a_value_outside_its_range_is_told() -> None:
    with pytest.raises(UserError, match=r"learning_rate=0.5 is outside its range"):
        Space.of(configure("methods", "ti-m[learning_rate=0.5]"))
