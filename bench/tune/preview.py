"""What a tuning would do: the settings that it would try, and how many fits that takes."""

from __future__ import annotations

from collections.abc import Sequence

from bench.core.progress import console
from bench.core.text import count
from bench.tune.search import Effort
from bench.tune.space import Space


def say_tuning(spaces: Sequence[Space], effort: Effort, held_out: Sequence[str]) -> None:
    """Print what tuning in these spaces would try, with the names of the held-out scenes."""
    for space in spaces:
        ranges = ", ".join(f"{name} from {low:g} to {high:g}" for name, (low, high) in space.ranges.items())
        fits = count(effort.fits(space, held_out), "fit")
        console.print(f"{space.spec}: {fits}; {ranges}", soft_wrap=True, markup=False)
    screening, scenes = len(effort.screening), len(effort.scenes)
    console.print(
        f"each: {count(effort.trials, 'setting')} on {count(screening, 'scene')}, the best {effort.kept} on "
        f"{scenes - screening} more, then half and twice its steps on all {scenes}; the best and the method as it is "
        f"on {len(held_out)} held out. Up to {effort.widening_fits} fits more where a rate is best at an end of its "
        "range. How long one takes: bench run --limit 1",
        soft_wrap=True,
        markup=False,
    )
