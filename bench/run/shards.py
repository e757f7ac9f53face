"""Shards: the parts of a run that a batch system starts as jobs of their own, each with a folder of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.core.errors import UserError
from bench.run.plan import Unit

_SHARD = re.compile(r"(\d{1,6})/(\d{1,6})")


def parse_shard(text: str) -> tuple[int, int]:
    """`3/8` as its number, from 1, and how many there are; raises `UserError` for anything else."""
    match = _SHARD.fullmatch(text)
    number, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= of:
        raise UserError(f"--shard {text} is not understood; write K/N with K from 1 to N, such as 3/8")
    return number, of


def shard_name(name: str, shard: str) -> str:
    """The name of a shard's own run: `big` and `3/8` give `big-3-of-8`."""
    number, of = parse_shard(shard)
    return f"{name}-{number}-of-{of}"


def select_shard(units: Sequence[Unit], shard: str | None) -> tuple[Unit, ...]:
    """Every N-th of the units, in their order; None is all of them. Units whose fits are begun together count as one.

    They are counted method by method, so that each shard has its share of the scenes of every method, and whatever is
    done already: all shards together have each unit once.
    """
    if shard is None:
        return tuple(units)
    number, of = parse_shard(shard)
    methods = dict.fromkeys(unit.method.spec for unit in units)
    counted = dict.fromkeys(_together(unit) for method in methods for unit in units if unit.method.spec == method)
    chosen = set(list(counted)[number - 1 :: of])
    return tuple(unit for unit in units if _together(unit) in chosen)


def _together(unit: Unit) -> tuple[str, ...]:
    """What tells units apart that need not be in one shard."""
    return (unit.method.spec, *unit.cohort) if unit.cohort else (unit.key,)
