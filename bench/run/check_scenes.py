"""Checks every scene of a start against every method, before anything is fitted. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

from bench.core.errors import UserError, line_in, one_line
from bench.core.text import count
from bench.plugins.backbone import BackboneLimits
from bench.plugins.method import ChecksScenes
from bench.run.plan import Unit

_SHOWN = 3


def check_scenes(units: Sequence[Unit], limits: BackboneLimits) -> None:
    """Raise `UserError`, one line, if methods of these units cannot learn their scenes with such a backbone."""
    faults = [(unit, why) for unit in units if (why := _fault(unit, limits)) is not None]
    if not faults:
        return
    told = "; ".join(f"{unit.method.spec}: {why}" for unit, why in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    methods = ", ".join(dict.fromkeys(unit.method.spec for unit, _ in faults))
    raise UserError(
        f"{len(faults)} of {count(len(units), 'unit')} cannot be learned: {told}{more}. "
        "Nothing was started: mend the dataset, or "
        f"leave out with --methods ({methods}) or --scenes"
    )


def _fault(unit: Unit, limits: BackboneLimits) -> str | None:
    """Why the unit's method cannot learn its scene; None if it can."""
    if not isinstance(unit.method.instance, ChecksScenes):
        return None
    try:
        unit.method.instance.check_scene(unit.scene.for_methods, limits)
    except UserError as error:
        return str(error)
    except Exception as error:
        return f"{line_in(error, unit.method.drop_in.file)}: {one_line(error)}"
    return None
