"""The lock of a run's folder."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.run.lock import HELD, hold


def test_a_held_folder_names_its_holder(tmp_path: Path) -> None:
    with hold(tmp_path / "run"), pytest.raises(UserError, match="is held by process") as caught, hold(tmp_path / "run"):
        pass
    assert caught.value.code == HELD
    with hold(tmp_path / "run"):
        pass


def test_a_folder_that_cannot_be_written_is_one_line_and_leaves_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        with (
            pytest.raises(UserError, match=r"cannot write .*Read-only file system; name another --runs"),
            hold(tmp_path),
        ):
            pass
    with hold(tmp_path):
        pass
