"""One trial: a command is stopped, once or more, then started again to its end, and compared with an unbroken one."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from commands import Command
from compare import contents, differences
from process import Ended, changes, start
from stops import AtChange, AtTime, Change

from bench.core.leftovers import is_temporary

MOST_KILLS = 3
SCRATCH = "/scenebench-"
"""In the path of what lies in a temporary folder of `bench.core.leftovers`."""
FULL_DISKS = 12
"""Moments per command at which the disk is full: evenly over all that it creates, refused and cut in turn.

Where there are workers, for the command alone, which writes all files: to cut would reach Ray's processes too.
"""


@dataclass(frozen=True)
class Unbroken:
    """What a command does when nothing stops it: what it leaves, its seconds, and the changes it makes."""

    command: Command
    contents: dict[str, Any]
    seconds: float
    changes: Sequence[Change]


@dataclass(frozen=True)
class Trial:
    """A command and how it is stopped, in each of its starts but the last."""

    number: int
    kind: Literal["moments", "changes", "full disk"]
    command: str
    stops: tuple[AtTime | AtChange, ...]

    def __str__(self) -> str:
        return f"{self.command} {', then '.join(map(str, self.stops))}"


def unbroken(command: Command, root: Path, finished: Path) -> Unbroken:
    """Run the command to its end in a folder of its own; raises `RuntimeError` if it fails."""
    folder = root / command.name
    command.prepare(folder, finished)
    ended, made = changes(command.arguments, folder, root / "changes.jsonl")
    if ended.code != 0:
        raise RuntimeError(f"bench {command.name} fails though nothing stops it: {ended.output}")
    return Unbroken(command, contents(folder), ended.seconds, made)


def trials(found: Sequence[Unbroken], seed: int, moments: int) -> list[Trial]:
    """All trials in the order of their numbers: random moments, each change, full disks."""
    made = [*_at_moments(found, seed, moments), *_at_changes(found), *_on_full_disks(found)]
    return [Trial(number, *one) for number, one in enumerate(made)]


_Planned = tuple[Literal["moments", "changes", "full disk"], str, tuple[AtTime | AtChange, ...]]


def _at_moments(found: Sequence[Unbroken], seed: int, count: int) -> Iterator[_Planned]:
    """A command by its share of all their time, killed once to `MOST_KILLS` times."""
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        (one,) = rng.choices(found, [1 + len(each.changes) for each in found])
        kills = rng.randint(1, MOST_KILLS)
        yield "moments", one.command.name, tuple(AtTime(rng.random(), _victim(one, rng)) for _ in range(kills))


def _victim(one: Unbroken, rng: random.Random) -> Literal["driver", "worker", "node"]:
    return rng.choice(("driver", "worker", "node")) if one.command.workers else "driver"


def _at_changes(found: Sequence[Unbroken]) -> Iterator[_Planned]:
    """Killed before each change; every second file that is moved into place is torn (not what is put aside)."""
    for one in (one for one in found if not one.command.workers):
        for number in _different(one.changes):
            change = one.changes[number - 1]
            torn = change.event == "os.rename" and is_temporary(Path(change.path)) and number % 2 == 0
            yield "changes", one.command.name, (AtChange(number, "tear" if torn else "kill"),)


def _different(made: Sequence[Change]) -> list[int]:
    """The numbers of the changes before which the folder differs in more than what is thrown away.

    Before a file that will be moved is created, it is as after the change before; it is stopped at when it is moved.
    Of the files that are removed from a temporary folder, one is as good as another.
    """
    moved = {change.path for change in made if change.event == "os.rename"}
    removed = [
        number for number, change in enumerate(made, 1) if change.event == "os.remove" and SCRATCH in change.path
    ]
    dull = {number for number, change in enumerate(made, 1) if change.event == "open" and change.path in moved}
    dull |= set(removed) - set(removed[:: max(1, len(removed) // 4)])
    return [number for number in range(1, 1 + len(made)) if number not in dull]


def _on_full_disks(found: Sequence[Unbroken]) -> Iterator[_Planned]:
    for one in found:
        ways: tuple[Literal["refuse", "cut"], ...] = ("refuse",) if one.command.workers else ("refuse", "cut")
        created = [number for number, change in enumerate(one.changes, 1) if change.creates]
        if one.command.workers:  # how many there are differs a little from start to start
            created = created[: len(created) * 9 // 10]
        chosen = [created[place * (len(created) - 1) // (FULL_DISKS - 1)] for place in range(FULL_DISKS)]
        for place, number in enumerate(dict.fromkeys(chosen)):
            yield (
                "full disk",
                one.command.name,
                (AtChange(number, ways[place % len(ways)]),),
            )


def run_trial(trial: Trial, of: Unbroken, folder: Path, finished: Path) -> list[str]:
    """What went wrong, a line each; the folder is removed if nothing did."""
    of.command.prepare(folder, finished)
    told = [line for at in trial.stops for line in _stopped(start(of.command.arguments, folder, at, of.seconds), at)]
    again = start(of.command.arguments, folder)
    if again.code != 0:
        told.append(f"the same command again ends with {again.code}: {again.output[-2000:]}")
    told += differences(of.contents, contents(folder))
    if not told:
        shutil.rmtree(folder)
    return told


def _stopped(ended: Ended, at: AtTime | AtChange) -> Iterator[str]:
    """What is wrong with how a start ended that was stopped."""
    if isinstance(at, AtChange) and at.then in ("refuse", "cut"):
        lines = [line for line in ended.output.splitlines() if line.startswith("bench: ")]
        if ended.code != 2 or len(lines) != 1 or "Traceback" in ended.output:
            yield f"{at}: not one line and exit code 2, but {ended.code}: {ended.output[-2000:]}"
    elif isinstance(at, AtChange) and not ended.was_killed:
        yield f"{at}: it ended before, with {ended.code}: {ended.output[-2000:]}"
    elif isinstance(at, AtTime) and at.victim == "node":
        return  # whatever it ends with, the same command goes on
    elif not ended.was_killed and ended.code != 0:
        yield f"{at}: it ended by itself with {ended.code}: {ended.output[-2000:]}"
