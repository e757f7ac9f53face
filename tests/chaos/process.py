"""One start of a command in a process of its own, forked from one that has imported everything."""

from __future__ import annotations

import atexit
import contextlib
import json
import math
import multiprocessing
import os
import select
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import psutil
from stops import AtChange, AtTime, Change, stop, watch

PATIENCE = 1800.0
"""Seconds after which a command that neither ended nor was killed counts as one that hangs."""
_TICK = 0.02
"""Seconds between two looks at what a process has computed; the system counts in hundredths."""
_STARTED = b"started\n"


def preload(modules: Iterable[str]) -> None:
    """Let all starts be forked from a process that has imported these, so that they take no time for it."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(sorted(set(modules)))


@dataclass(frozen=True)
class Ended:
    """How a start ended: its exit code (negative: a signal's number), what it printed, its seconds of computing."""

    code: int | None
    output: str
    seconds: float

    @property
    def was_killed(self) -> bool:
        """Whether it had not come to its end."""
        return self.code is not None and self.code < 0


def start(
    arguments: Sequence[str],
    folder: Path,
    at: AtTime | AtChange | None = None,
    seconds: float = 0.0,
    log: Path | None = None,
) -> Ended:
    """Run `bench` in a folder, whose `tmp` is its temporary folder, until it ends or is stopped.

    `seconds` is what the unbroken command takes: the time that a share of `at` is of. Its changes of the folder are
    written into `log`.
    """
    context = multiprocessing.get_context("forkserver")
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(tuple(arguments), folder, at, log, writing))
    process.start()
    writing.close()
    clock = Clock(process.pid or 0, "--workers" in arguments)
    output, taken = _follow(reading, clock, at.share * seconds if isinstance(at, AtTime) else math.inf)
    if isinstance(at, AtTime) and at.victim != "driver":
        _kill_below(process.pid or 0, at.victim)
        output += _follow(reading, clock, math.inf)[0]
    if not select.select([process.sentinel], [], [], 0.0 if isinstance(at, AtTime) else 5.0)[0]:
        process.kill()
    process.join()
    return Ended(process.exitcode, output.removeprefix(_STARTED).decode(errors="replace"), taken)


def changes(arguments: Sequence[str], folder: Path, log: Path) -> tuple[Ended, list[Change]]:
    """Run the command unbroken; returns every change that it made in the folder, in order."""
    ended = start(arguments, folder, log=log)
    return ended, [Change(*json.loads(line)) for line in log.read_text().splitlines()]


def _kill_below(process: int, victim: str) -> None:
    """Kill one of the workers of a command, or Ray's own process, with which they all end; nothing if there is none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        below = psutil.Process(process).children(recursive=True)
        found = [one for one in below if one.name() == "raylet"]
        if victim == "worker":
            found = [one for one in below if "_RayWorker" in " ".join(one.cmdline())]
        for one in found[:1]:
            one.kill()


def _follow(reading: Connection, clock: Clock, seconds: float) -> tuple[bytes, float]:
    """What a process prints until it ends or has computed for so many seconds since its start, and those seconds.

    They are the processor's: a busy machine shifts no moment.
    """
    output, used, begun = b"", 0.0, math.inf
    until = time.monotonic() + PATIENCE
    while used < seconds and time.monotonic() < until:
        if output and begun == math.inf:
            begun = clock.read()
        if select.select([reading], [], [], clock.tick)[0]:
            if not (some := os.read(reading.fileno(), 1 << 16)):
                break
            output += some
        used = max(used, clock.read() - begun)
    return output, used


@dataclass
class Clock:
    """The processor's seconds of a process; with `workers`, and of all that it started."""

    process: int
    workers: bool
    seconds: dict[int, float] = field(default_factory=dict)

    @property
    def tick(self) -> float:
        """Seconds between two looks: to find what a process started takes longer."""
        return 10 * _TICK if self.workers else _TICK

    def read(self) -> float:
        """What they have computed so far, also those that have ended."""
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self.process)
            for one in [own, *(own.children(recursive=True) if self.workers else ())]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = one.cpu_times()
                    self.seconds[one.pid] = float(times.user + times.system)
        return sum(self.seconds.values())


def _work(
    arguments: tuple[str, ...], folder: Path, at: AtTime | AtChange | None, log: Path | None, output: Connection
) -> None:
    """In the new process: the command in its folder, from its first line to Python's last."""
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    output.close()
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", buffering=1, closefd=False)
    os.chdir(folder)
    os.environ["TMPDIR"], tempfile.tempdir = str(folder / "tmp"), None
    tempfile.gettempdir()  # tries it out with a file of its own, which is no concern here
    sys.dont_write_bytecode = True
    if isinstance(at, AtChange):
        watch(folder, stop(at))
    elif log is not None:
        file = log.open("w", buffering=1)
        watch(folder, lambda change: print(json.dumps(astuple(change)), file=file))
    os.write(1, _STARTED)
    os._exit(_run(arguments))


def _run(arguments: tuple[str, ...]) -> int:
    from bench.cli.main import main

    code: object = 1
    try:
        main(arguments)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()  # a forked process leaves without
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    return code if isinstance(code, int) else 1
