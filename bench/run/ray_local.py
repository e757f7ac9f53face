"""Ray as an extra: a cluster of this machine alone, for the time of one command, or one that is there already.

The local one keeps to itself: no usage statistics, no dashboard, on the loopback interface, a temporary folder and
a token of its own, so that no other user of the machine can join. All its processes are ended with the command; those
of a command that was killed, by the next one.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from bench.core.errors import UserError, one_line
from bench.core.interrupts import interrupt_on_sigterm

INSTALL = "install the extra `ray` (pip install 'scenebench[ray]')"
LONGEST_FOLDER = 40
"""Maximum length of the temporary folder's path: the sockets below it may have 107 characters."""
_OURS = re.compile(r"scenebench-(?P<process>\d+)-ray")
_STORE_BYTES = 256 * 2**20
"""Size of Ray's own store in shared memory, where payloads of more than 100 KiB lie."""
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's switch for clusters of one machine: it then takes 127.0.0.1
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_worker_niceness": "0",  # by default 15: nothing else here is to come first
    "RAY_NUM_REDIS_GET_RETRIES": "120",  # seconds, by default 20: what starting it may take on a busy machine
}


def is_installed() -> bool:
    """Whether Ray can be imported."""
    return find_spec("ray") is not None


def checked_ray() -> Any:
    """Ray; raises `UserError` where it is not installed."""
    if not is_installed():
        raise UserError(f"several workers need Ray: {INSTALL}, or take --workers 1")
    ray = importlib.import_module("ray")
    # what Ray says of dead workers, in paragraphs and on standard output, the dispatcher says in a line
    importlib.import_module("ray._private.worker").__dict__["print_to_stdstream"] = _say_nothing
    return ray


def _say_nothing(*_: object, **__: object) -> None:
    """In place of Ray's own messages."""


@contextlib.contextmanager
def local_ray(workers: int, gpus: int) -> Iterator[Any]:
    """Ray on this machine alone, with so many processors and GPUs, for the time of the block.

    Raises `UserError` where it is not installed, or does not start.
    """
    sweep_ray()
    os.environ.update(_ENVIRONMENT | {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _token()})
    ray = checked_ray()
    folder = _folder()
    try:
        with _starting("Ray does not start on this machine"):
            ray.init(
                address="local",
                num_cpus=workers,
                num_gpus=gpus,
                include_dashboard=False,
                object_store_memory=_STORE_BYTES,
                _temp_dir=str(folder),
                log_to_driver=False,
                logging_level="ERROR",
            )
        yield ray
    finally:
        with contextlib.suppress(Exception):  # what is left is killed
            ray.shutdown()
        _kill(_processes(folder.name))
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def joined_ray(address: str) -> Iterator[Any]:
    """A running Ray cluster, by the address of its head (`auto`: the one of this machine), for the time of the block.

    Raises `UserError` where there is none.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = checked_ray()
    with _starting(f"--ray {address}: no Ray cluster can be joined there (see docs/cluster.md)"):
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    try:
        yield ray
    finally:
        with contextlib.suppress(Exception):
            ray.shutdown()


@contextlib.contextmanager
def _starting(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError, ValueError, TimeoutError, SystemExit) as error:
        raise UserError(f"{what}: {one_line(error)}") from error
    interrupt_on_sigterm()  # Ray has put a handler of its own there, which prints a stack


def sweep_ray() -> None:
    """End the processes of local clusters whose command was killed, and remove their folders."""
    for parent in {Path(tempfile.gettempdir()), Path("/tmp")}:
        with contextlib.suppress(OSError):
            for path in parent.iterdir():
                match = _OURS.fullmatch(path.name)
                if match is not None and not psutil.pid_exists(int(match["process"])):
                    _kill(_processes(path.name))
                    shutil.rmtree(path, ignore_errors=True)


@functools.cache
def _token() -> str:
    """One for this process: Ray reads it once, also where it is started again."""
    return secrets.token_hex(32)


def _folder() -> Path:
    """A new folder with a short path."""
    name = f"scenebench-{os.getpid()}-ray"
    found = Path(tempfile.gettempdir()) / name
    return found if len(str(found)) <= LONGEST_FOLDER else Path("/tmp") / name


def _processes(folder: str) -> list[psutil.Process]:
    """The processes of the cluster with that folder, and all that they started."""
    own = [process for process in psutil.process_iter() if process.pid != os.getpid() and _is_of(process, folder)]
    below = [child for process in own for child in _children(process)]
    return list({process.pid: process for process in (*own, *below)}.values())


def _is_of(process: psutil.Process, folder: str) -> bool:
    """Whether a process belongs to it: Ray's name the folder on their command line, or write their logs into it."""
    try:
        words = process.cmdline()
        if any(f"/{folder}/" in f"{word}/" for word in words) and "ray" in " ".join(words):
            return True
        return words[:1] != [] and words[0].startswith("ray::") and _writes_into(process, folder)
    except (psutil.Error, OSError):
        return False


def _writes_into(process: psutil.Process, folder: str) -> bool:
    return any(f"/{folder}/" in file.path for file in process.open_files())


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=2.0)
