"""Which process the unpacked contents of a worker end with."""

from __future__ import annotations

import os
from types import SimpleNamespace

import psutil
import pytest

from bench.run.worker import process_of_contents


def _descend_from(monkeypatch: pytest.MonkeyPatch, *parents: tuple[int, str]) -> None:
    found = [SimpleNamespace(pid=number, name=lambda name=name: name) for number, name in parents]
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(parents=lambda: found))


def test_contents_end_with_rays_process(monkeypatch: pytest.MonkeyPatch) -> None:
    _descend_from(monkeypatch, (31, "uv"), (30, "raylet"), (1, "init"))
    assert process_of_contents() == 30


def test_where_rays_process_was_killed_they_end_with_the_worker_and_not_with_init(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _descend_from(monkeypatch, (1, "init"))
    assert process_of_contents() == os.getpid()
