"""Concepts that a method learns besides its scene's, and that no prompt of the run asks for."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from bench.core.console import say
from bench.core.errors import UserError
from bench.core.scenes import Concept
from bench.plugins.method import ExtendsScene
from bench.run.plan import Unit


def warn_of_undrawn(units: Sequence[Unit]) -> None:
    """Print one line per method that learns more concepts than its scenes have: no prompt can name them."""
    for unit in {unit.method.spec: unit for unit in reversed(units)}.values():
        if more := _undrawn(unit):
            named = ", ".join(f"{concept.handle} ({concept.label})" for concept in more)
            say(
                f"{unit.method.spec} learns {named}, which no prompt of this dataset asks for; build one with "
                "the background as a concept (bench build-dataset ... --background), or use bench edit"
            )


def _undrawn(unit: Unit) -> tuple[Concept, ...]:
    if isinstance(unit.method.instance, ExtendsScene):
        with contextlib.suppress(UserError):  # such a scene fails when it is fitted
            return unit.method.instance.training_scene(unit.scene).concepts[len(unit.scene.concepts) :]
    return ()
