"""Runs a case in a forked child, in which everything is imported already: it costs milliseconds, not seconds."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from cases import LONGEST_WAIT, MOST_BYTES, MOST_SECONDS, Attack, Case, Outcome

from bench.cli.main import main

MakeCase = Callable[[int, Path], Case]
"""Lays out a case, by its number, in an empty folder."""
_CAPABILITIES_3 = 0x20080522
_READS_ANYTHING = (1 << 1) | (1 << 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""
_CRASHED = 70


@dataclass(frozen=True)
class Running:
    """The number of a case that a child works on, and the folder it works in."""

    number: int
    folder: Path

    @property
    def case_file(self) -> Path:
        return self.folder / "case.json"

    @property
    def error_file(self) -> Path:
        return self.folder / "stderr"


def outcomes(numbers: Iterable[int], make: MakeCase, scratch: Path, workers: int) -> Iterator[Outcome]:
    """The outcomes of the cases, as they end; `workers` of them at a time."""
    waiting, running = iter(numbers), dict[int, Running]()
    while True:
        while len(running) < workers and (number := next(waiting, None)) is not None:
            begun = Running(number, scratch / str(number))
            running[_fork(lambda begun=begun: _work(begun, make))] = begun
        if not running:
            return
        process, status, usage = os.wait4(-1, 0)
        ended = running.pop(process)
        yield _outcome(ended, os.waitstatus_to_exitcode(status), usage)
        _remove(ended.folder)


def in_child(work: Callable[[], None]) -> int:
    """Do something in a child, whose threads do not matter to later ones; returns its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(_fork(work), 0)[1])


def _fork(work: Callable[[], None]) -> int:
    """The process number of a child that does this and ends, whatever happens."""
    if process := os.fork():
        return process
    try:
        work()
    except SystemExit as ended:
        _end(ended.code if isinstance(ended.code, int) else 0)
    except BaseException:
        traceback.print_exc()
        _end(_CRASHED)
    return _end(0)


def _end(code: int) -> NoReturn:
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _work(running: Running, make: MakeCase) -> None:
    place = running.folder / "place"
    place.mkdir(parents=True)
    os.chdir(place)
    os.environ["TMPDIR"] = str(running.folder)
    case = make(running.number, place)
    running.case_file.write_text(json.dumps(asdict(case)))
    for stream, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(running.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    _limit()
    main(case.attack.argv)


def _limit() -> None:
    """Let the system end this process where it takes too long, and refuse memory and other users' files."""
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS + 1))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(LONGEST_WAIT)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MOST_BYTES,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if os.geteuid() == 0:
        _be_refused()


def _be_refused() -> None:
    """Give up the superuser's right to read and write files whatever their mode (capabilities(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0), (ctypes.c_uint32 * 6)()
    libc.capget(header, sets)
    for effective_or_permitted in (0, 1):
        sets[effective_or_permitted] &= ~_READS_ANYTHING
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "cannot give up the superuser's rights")


def _outcome(ended: Running, code: int, usage: resource.struct_rusage) -> Outcome:
    error = ended.error_file.read_text(errors="replace") if ended.error_file.exists() else ""
    return Outcome(_case(ended), code, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, error)


def _case(ended: Running) -> Case:
    """The case as its child wrote it down before the command began."""
    try:
        told: dict[str, Any] = json.loads(ended.case_file.read_text())
    except (OSError, ValueError):  # then the campaign itself is wrong
        return Case(0, ended.number, "", Attack("could not be made: see above", ()))
    attack = told.pop("attack")
    return Case(**told, attack=Attack(attack["what"], tuple(attack["argv"])))


def _remove(folder: Path) -> None:
    """Remove a case's folder, with what cannot be read in it."""
    for place, folders, _ in os.walk(folder):
        for name in folders:
            if not (path := Path(place) / name).is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
