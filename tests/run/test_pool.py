"""What the driver makes of what workers say, with a stand-in for the workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.core.device import resolve
from bench.run.dispatch import Listener, Task
from bench.run.engine import reopen
from bench.run.failures import failure_file
from bench.run.folder import RunFolder
from bench.run.options import ExecutionOptions
from bench.run.plan import Unit
from bench.run.pool import Pool
from bench.run.worker import FAILED
from bench.run.worker_options import WorkerOptions


def test_a_unit_that_is_done_again_and_fails_is_not_done(
    bench: Callable[..., int], finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = reopen(RunFolder(finished), None)
    unit = session.plan[0]
    session.folder.picture(unit.pictures[0].key).unlink()
    done: list[Unit] = []
    execution = ExecutionOptions(batch_size=8, keep_weights=False, on_done=done.append)
    log = failure_file(session.folder, unit)

    def fail(_stage: str, tasks: Sequence[Task], listener: Listener) -> None:
        for task in tasks:
            listener.on_begin("1", task)
            files = [(log.relative_to(session.folder.path).as_posix(), b"a traceback")]
            listener.on_parcel("1", task, (f"{FAILED}{task.key} it broke", files, {}))
            listener.on_end("1", task)

    monkeypatch.setattr(Pool, "_dispatcher", SimpleNamespace(run=fail))
    hardware = resolve("cpu", "auto")
    monkeypatch.setattr("bench.run.worker_options.is_installed", lambda: True)
    with session.pool(hardware, execution, WorkerOptions(workers="2")) as pool:
        session.generate([unit], hardware, execution, pool)
    assert session.failed([unit]) == (unit,)
    assert log.read_bytes() == b"a traceback"
    assert done == []
