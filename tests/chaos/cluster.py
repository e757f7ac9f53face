"""What may befall a Ray cluster while a run works on it: `nox -s chaos -- --cluster`.

The cluster is this machine's, by `ray start`: a head without a processor of its own, and nodes with one each.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from commands import CLUSTER
from compare import contents, differences

from bench.core.progress import console

BENCH = (sys.executable, "-m", "bench.cli.main")
RAY = str(Path(sys.executable).parent / "ray")
PATIENCE = 1200.0
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
    "RAY_worker_niceness": "0",
}
LEFT, GREEDY = 5 * 2**30, 8 * 2**30
"""Bytes that Ray lets the machine use beyond what it does, and those that a unit asks for."""
METHOD = """
import time
from pathlib import Path

from bench.methods.base_model import Method as BaseModel


class Method(BaseModel):
    summary = "asks for too much memory, once"

    def fit(self, scene, context):
        asked = Path({asked!r})
        if not asked.exists():
            asked.touch()
            held = bytearray({greedy})
            held[::4096] = b"1" * len(held[::4096])
            time.sleep(60)
        return super().fit(scene, context)
"""


@dataclass
class Cluster:
    """The processes of `ray start`: the head first."""

    port: int
    folder: Path
    environment: dict[str, str]
    nodes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where a command joins it."""
        return f"127.0.0.1:{self.port}"

    def add(self, *arguments: str) -> None:
        """Start a node and wait for it."""
        command = (RAY, "start", "--block", "--node-ip-address", "127.0.0.1", "--disable-usage-stats", *arguments)
        log = self.folder / f"node-{len(self.nodes)}.log"
        with log.open("w") as file:
            node = subprocess.Popen(command, env=self.environment, stdout=file, stderr=file, text=True)
        self.nodes.append(node)
        _wait(lambda: "Ray runtime started" in log.read_text(), str(log), node)

    def start(self) -> None:
        """Start the head and two nodes."""
        self.add(
            "--head",
            "--port",
            str(self.port),
            "--num-cpus",
            "0",
            "--include-dashboard",
            "false",
            "--temp-dir",
            str(self.folder),
        )
        for _ in range(2):
            self.grow()

    def grow(self) -> None:
        """One node more."""
        self.add("--address", self.address, "--num-cpus", "1")

    def kill(self, *numbers: int) -> None:
        """Kill nodes, with all of their processes; 0 is the head."""
        for number in numbers:
            node = self.nodes[number]
            for one in [*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            node.wait()

    def stop(self) -> None:
        """Kill all that is left."""
        self.kill(*(number for number, node in enumerate(self.nodes) if node.poll() is None))


@contextmanager
def started(folder: Path, environment: dict[str, str]) -> Iterator[Cluster]:
    """A cluster of a head and two nodes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    cluster = Cluster(port, folder, {**os.environ, **QUIET, **environment})
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@dataclass(frozen=True)
class Fault:
    """What happens to the cluster once `after` units are done, and in which words the command tells of it.

    `environment` is that of Ray's processes. Where the command `may_end` of it, the cluster is started anew and the
    same command goes on, whatever it has come to.
    """

    name: str
    happen: Callable[[Cluster], None]
    words: str = ""
    after: int = 2
    may_end: bool = False
    environment: Callable[[], dict[str, str]] = dict


def shrink(cluster: Cluster) -> None:
    """No worker is left; after a while there is a machine again."""
    cluster.kill(1, 2)
    time.sleep(20)
    cluster.grow()


def become_greedy(cluster: Cluster) -> None:
    """The first unit of the method `greedy` asks for more memory than Ray allows: its worker is killed."""
    asked(cluster.folder.parent).unlink()


def little_memory() -> dict[str, str]:
    """Ray kills workers where the machine uses `LEFT` bytes more than now."""
    memory = psutil.virtual_memory()
    if memory.available < LEFT + GREEDY:
        raise RuntimeError(f"this needs {(LEFT + GREEDY) / 2**30:.0f} GiB of free memory")
    return {"RAY_memory_usage_threshold": str((memory.total - memory.available + LEFT) / memory.total)}


FAULTS = (
    Fault("one of two nodes is killed", lambda cluster: cluster.kill(2)),
    Fault("both are killed, and one comes back", shrink, "done again"),
    Fault("a worker is out of memory", become_greedy, "out of memory", after=0, environment=little_memory),
    Fault("the head is killed", lambda cluster: cluster.kill(0), may_end=True),
)


def asked(root: Path) -> Path:
    """The file that is there once a unit has asked for too much."""
    return root / "asked"


def main(root: Path) -> int:
    """Try all faults; returns how many went wrong."""
    drop_in = root / "drop-ins" / "methods" / "greedy.py"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(METHOD.format(asked=str(asked(root)), greedy=GREEDY))
    asked(root).touch()
    expected = root / "unbroken"
    CLUSTER.prepare(expected, root)
    subprocess.run(_words(root), cwd=expected, env=os.environ | _scratch(expected), check=True, capture_output=True)
    failed = 0
    for fault in FAULTS:
        told = try_fault(fault, root / fault.name.replace(" ", "-"), expected)
        failed += bool(told)
        console.print(f"{fault.name}: {'; '.join(told) or 'equal to the unbroken run'}", soft_wrap=True, markup=False)
    return failed


def try_fault(fault: Fault, folder: Path, expected: Path) -> list[str]:
    """What went wrong, a line each."""
    CLUSTER.prepare(folder, expected)
    ray = folder.parent / "ray"
    ray.mkdir(exist_ok=True)
    with started(ray, fault.environment()) as cluster:
        told = list(_disturbed(fault, cluster, folder))
    if fault.may_end:
        with started(ray, {}) as cluster:
            code, output = _ended(_command(cluster, folder))
            if code:
                told.append(f"the same command again ends with {code}: {output[-2000:]}")
    return told + differences(contents(expected), contents(folder))


def _disturbed(fault: Fault, cluster: Cluster, folder: Path) -> Iterator[str]:
    command = _command(cluster, folder)
    _wait(lambda: len(list(folder.glob("runs/r/units/*.json"))) >= fault.after, "units", command)
    fault.happen(cluster)
    code, output = _ended(command)
    well = code == 0 and fault.words in output
    if not (well or fault.may_end) or "Traceback" in output:
        yield f"it ended with {code}, without '{fault.words}' or with a traceback: {output[-2000:]}"


def _ended(command: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code and the output of a command, which is killed if it hangs."""
    with suppress(subprocess.TimeoutExpired):
        output, _ = command.communicate(timeout=PATIENCE)
        return command.returncode, output
    command.kill()
    return -1, f"it hangs: {command.communicate()[0]}"


def _words(root: Path) -> tuple[str, ...]:
    return (*BENCH, *CLUSTER.arguments, "--workers", "2", "--path", str(root / "drop-ins"))


def _scratch(folder: Path) -> dict[str, str]:
    return {"TMPDIR": str(folder / "tmp")}


def _command(cluster: Cluster, folder: Path) -> subprocess.Popen[str]:
    arguments = (*_words(folder.parent), "--ray", cluster.address)
    environment = cluster.environment | _scratch(folder)
    return subprocess.Popen(
        arguments, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _wait(until: Callable[[], bool], what: str, process: subprocess.Popen[str]) -> None:
    """Wait until it is so; raises `TimeoutError`, also if the process ends first."""
    end = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > end or process.poll() is not None:
            process.kill()
            raise TimeoutError(f"no {what}: {process.communicate()[0] or ''}")
        time.sleep(0.1)
