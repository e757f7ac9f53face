"""Which units of a plan a start is about, and which the run has been asked for in all its starts."""

from __future__ import annotations

from collections.abc import Sequence

from bench.core.errors import UserError
from bench.plugins.spec import split_specs
from bench.run.plan import Unit
from bench.run.settings import Settings, Start
from bench.run.shards import select_shard

_SHOWN = 12


def select_units(
    plan: Sequence[Unit], scenes: str | None, limit: int | None, shard: str | None = None
) -> tuple[Unit, ...]:
    """The first `limit` units of the scenes: a number of them from the first, or names with commas; None is all.

    Of these, a shard's own (see `bench.run.shards.select_shard`).

    Raises `UserError` for a scene that the dataset does not have, and where no scene is named.
    """
    known = list(dict.fromkeys(unit.scene.name for unit in plan))
    wanted = _scenes(scenes, known)
    return select_shard([unit for unit in plan if unit.scene.name in wanted][:limit], shard)


def scenes_of(method: str, methods: Sequence[str], start: Start, known: Sequence[str]) -> tuple[str, ...]:
    """The scenes of the dataset (`known`) on which a start asks for one of its run's `methods`, as `select_units` says.

    Raises `UserError` as that does.
    """
    wanted = _scenes(start.scenes, known)
    units = [(scene, each) for scene in known if scene in wanted for each in methods][: start.limit]
    return tuple(scene for scene, each in units if each == method)


def asked_units(plan: Sequence[Unit], settings: Settings) -> tuple[Unit, ...]:
    """The units of the plan that a start asked for; all of them if no start was recorded."""
    if not settings.starts:
        return tuple(plan)
    asked: set[str] = set()
    for start in settings.starts:
        of_methods = [unit for unit in plan if unit.method.spec in start.methods]
        asked |= {unit.key for unit in select_units(of_methods, start.scenes, start.limit, start.shard)}
    return tuple(unit for unit in plan if unit.key in asked)


def _scenes(text: str | None, known: Sequence[str]) -> Sequence[str]:
    if text is None:
        return known
    wanted = known[: int(text)] if text.isdecimal() else split_specs(text)
    if not wanted:
        raise UserError(f"--scenes '{text}' names no scene; give a number from 1, or names: {_listed(known)}")
    for name in wanted:
        if name not in known:
            raise UserError(f"the dataset has no scene '{name}'; it has {_listed(known)}")
    return wanted


def _listed(known: Sequence[str]) -> str:
    return ", ".join(known[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
