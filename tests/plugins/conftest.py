"""Every test of this folder has a `BENCH_PATH` and a discovery of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.plugins.discovery import ENVIRONMENT, refresh


@pytest.fixture(autouse=True)
def _own_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(ENVIRONMENT, "")
    refresh()
    yield
    monkeypatch.undo()
    refresh()
