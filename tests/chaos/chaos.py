"""Stops commands at random moments, at every change of a file, and by full disks, and compares what they come to.

Run by `nox -s chaos`. Each trial is repeated by its number: `nox -s chaos -- --seed N --trial K`.
"""

from __future__ import annotations

import argparse
import collections
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from commands import COMMANDS, RUN, WORKERS, Command
from process import preload
from trial import Trial, Unbroken, run_trial, trials, unbroken

from bench.core.progress import console, progress_bar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--moments", type=int, default=100, help="how many trials have random moments")
    parser.add_argument("--trial", type=int, action="append", help="only the trial of this number (repeatable)")
    parser.add_argument("--part", default="1/1", help="2/3: the second of every three trials")
    parser.add_argument(
        "--commands", default=",".join(one.name for one in COMMANDS), help="which to stop; also: workers"
    )
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no trial after that")
    parser.add_argument("--cluster", action="store_true", help="instead: what may befall a Ray cluster (needs Ray)")
    parser.add_argument("--folder", type=Path, help="where failed trials stay; by default they are removed too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as scratch:
        root = (options.folder or Path(scratch)).resolve()
        root.mkdir(parents=True, exist_ok=True)
        os.environ["TMPDIR"] = str(root)
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # a forked process has none of its parent's threads
        if options.cluster:
            import cluster

            sys.exit(min(1, cluster.main(root)))
        commands = _needed(options.commands.split(","))
        preload(module for command in commands for module in command.imports)
        found = [one for one in _unbroken(root, commands) if one.command.name in options.commands.split(",")]
        chosen = _chosen(trials(found, options.seed, options.moments), options)
        until = time.monotonic() + 60 * options.minutes
        made, failed = _run(chosen, {one.command.name: one for one in found}, root, options.seed, until)
    _summarise(made, failed)
    sys.exit(1 if failed else 0)


def _needed(names: list[str]) -> list[Command]:
    """The commands of these names, and first the run that others start from."""
    named = [command for command in (*COMMANDS, WORKERS) if command.name in names]
    return [RUN, *named] if RUN not in named and any(one.without is not None for one in named) else named


def _unbroken(root: Path, commands: list[Command]) -> Iterator[Unbroken]:
    with progress_bar("unbroken", len(commands)) as progress:
        for command in commands:
            progress.say(f"unbroken {command.name}")
            one = unbroken(command, root, root / RUN.name)
            progress.advance()
            console.print(f"{command.name}: {one.seconds:.1f} s, {len(one.changes)} changes")
            yield one


def _chosen(every: list[Trial], options: argparse.Namespace) -> list[Trial]:
    part, parts = map(int, options.part.split("/"))
    wanted = every if options.trial is None else [every[number] for number in options.trial]
    return wanted[part - 1 :: parts]


def _run(
    chosen: list[Trial], of: dict[str, Unbroken], root: Path, seed: int, until: float
) -> tuple[list[Trial], list[Trial]]:
    """Run trials, none after a time, and say of each that fails what is wrong; returns those run, and those failed."""
    made, failed = [], []
    with progress_bar("trials", len(chosen)) as progress:
        for trial in chosen:
            if time.monotonic() > until:
                break
            made.append(trial)
            progress.say(f"trial {trial.number}, failed {len(failed)}")
            told = run_trial(trial, of[trial.command], root / f"trial-{trial.number}", root / RUN.name)
            if told:
                failed.append(trial)
                again = f"nox -s chaos -- --seed {seed} --trial {trial.number}"
                lines = "\n  ".join(told)
                console.print(f"{trial}:\n  {lines}\n  again: {again}", soft_wrap=True, markup=False, highlight=False)
            progress.advance()
    return made, failed


def _summarise(made: list[Trial], failed: list[Trial]) -> None:
    counts, bad = (collections.Counter((one.kind, one.command) for one in ones) for ones in (made, failed))
    for (kind, command), count in counts.items():
        print(f"{kind:10} {command:15} {count:4} trials, {bad[kind, command]} failed")
    print(f"{len(made)} trials, {len(failed)} failed")


if __name__ == "__main__":
    main()
