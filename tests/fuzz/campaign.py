"""The mutation campaign: thousands of damaged inputs, none of which may end in more than one line of error.

Run by `nox -s fuzz`. Bad is a traceback, an exit code outside 0, 1, 2 and 3, more than one line of error, more than 10
seconds, or more than 2 GiB above what the process has when a case begins.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import pkgutil
import shlex
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import material
import runner
from cases import Case, Outcome
from kinds import KINDS
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import bench
from bench.plugins import discovery

_TOLD = 500
"""Most characters of a bad case's standard error that are printed."""


def main() -> None:
    """Run the campaign; exit code 1 if a case is bad."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of all cases")
    parser.add_argument("--cases", type=int, default=10_000, help="how many")
    parser.add_argument("--case", type=int, help="this one alone, and what it prints")
    parser.add_argument("--kind", choices=list(KINDS), help="those of this kind alone")
    parser.add_argument("--workers", type=int, default=1, help="cases at a time")
    options = parser.parse_args()
    numbers = range(options.cases) if options.case is None else [options.case]
    numbers = [number for number in numbers if options.kind in (None, kind_of(options.seed, number))]
    with tempfile.TemporaryDirectory(prefix="scenebench-fuzz-", ignore_cleanup_errors=True) as scratch:
        found = run(options.seed, numbers, Path(scratch), options.workers)
    if options.case is not None:
        print(f"{told(found[0])}\n{found[0].error}")
    print(summary(found))
    raise SystemExit(any(outcome.faults for outcome in found))


def run(seed: int, numbers: Sequence[int], scratch: Path, workers: int) -> list[Outcome]:
    """The outcomes of the cases of a seed, with a bar on the terminal; bad ones are printed as they come."""
    preload()
    valid = scratch / "valid"
    valid.mkdir()
    if runner.in_child(lambda: material.make(valid)):
        raise SystemExit("the valid inputs could not be made: see above")

    def make(number: int, place: Path) -> Case:
        kind = kind_of(seed, number)
        return Case(seed, number, kind, KINDS[kind](Random(f"{seed} {number}"), place, valid))

    found = []
    columns = (TextColumn("cases"), BarColumn(), MofNCompleteColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, auto_refresh=False) as bar:  # no thread of its own: processes are forked
        task = bar.add_task("", total=len(numbers))
        for outcome in runner.outcomes(numbers, make, scratch, workers):
            found.append(outcome)
            bar.update(task, advance=1, refresh=len(found) % 10 == 0)
            if outcome.faults:
                bar.console.print(told(outcome), markup=False, highlight=False, soft_wrap=True)
    gc.unfreeze()
    return found


def kind_of(seed: int, number: int) -> str:
    """The kind of a case."""
    return Random(f"kind {seed} {number}").choice(list(KINDS))


def preload() -> None:
    """Import everything that a command may import, and every drop-in, so that no case does."""
    for module in pkgutil.walk_packages(bench.__path__, "bench."):
        if not module.name.startswith(("bench.external.drivers", "bench.scoring.models.convert_yolo")):
            importlib.import_module(module.name)
    for kind in discovery.KINDS:
        discovery.discover(kind)
    gc.freeze()  # a child's garbage collection need not look at what all share


def told(outcome: Outcome) -> str:
    """A case as printed: what was mutated, the command, what is bad, and how to repeat it."""
    case = outcome.case
    command = shlex.join(["bench", *case.attack.argv]).encode("ascii", "backslashreplace").decode()
    end = f"exit code {outcome.code}, {outcome.seconds:.1f} s, {outcome.memory / 2**30:.2f} GiB"
    lines = [
        f"case {case.number} ({case.kind}): {case.attack.what}",
        f"  {command if len(command) < _TOLD else command[:_TOLD] + '...'}",
        f"  {end}: {', '.join(outcome.faults) or 'fine'}",
    ]
    if outcome.faults:
        lines += [f"  | {line}" for line in outcome.error[-_TOLD:].splitlines()] + [f"  {case.again}"]
    return "\n".join(lines)


def summary(found: Sequence[Outcome]) -> str:
    """Cases, bad ones, times and memory, in all and by kind."""
    lines = [f"{'kind':20} cases  bad  refused  median s  max s  max GiB"]
    for kind in (*KINDS, "all"):
        some = [outcome for outcome in found if kind in (outcome.case.kind, "all")]
        if some:
            lines.append(_figures(kind, some))
    return "\n".join(lines)


def _figures(kind: str, some: Sequence[Outcome]) -> str:
    seconds = [outcome.seconds for outcome in some]
    bad = sum(bool(outcome.faults) for outcome in some)
    refused = sum(outcome.code != 0 for outcome in some)
    memory = max(outcome.memory for outcome in some) / 2**30
    middle, most = statistics.median(seconds), max(seconds)
    return f"{kind:20} {len(some):5} {bad:4} {refused:8} {middle:9.2f} {most:6.2f} {memory:8.2f}"


if __name__ == "__main__":
    main()
