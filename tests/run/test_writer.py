"""What workers send is written by threads, a unit's record last, and what the disk refuses is raised."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.run import writer
from bench.run.writer import FileWriter


def test_a_record_is_written_when_all_else_of_its_unit_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    slow = threading.Event()

    def write(file: Path, content: bytes) -> None:
        if file.name == "a.png":
            slow.wait(0.2)
        written.append(file.name)

    monkeypatch.setattr(writer, "write_bytes", write)
    with FileWriter(tmp_path) as files:
        files.take("u", [("pictures/a.png", b""), ("pictures/b.png", b""), ("units/u.json", b"")])
    assert written == ["b.png", "a.png", "u.json"]


def test_what_is_sent_is_written(tmp_path: Path) -> None:
    sent = [(f"pictures/{number}.png", bytes([number])) for number in range(200)]
    with FileWriter(tmp_path) as files:
        files.take("u", sent)
        files.finish("u")
        assert [(tmp_path / path).read_bytes() for path, _ in sent] == [content for _, content in sent]


def test_what_the_disk_refuses_is_raised(tmp_path: Path) -> None:
    (tmp_path / "pictures" / "a.png").mkdir(parents=True)
    with FileWriter(tmp_path) as files:
        files.take("u", [("pictures/a.png", b"")])
        with pytest.raises(UserError, match="cannot write"):
            files.finish("u")


def test_what_units_share_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.png").write_bytes(b"first")
    with FileWriter(tmp_path) as files:
        files.take("u", [("shared/a.png", b"second")])
    assert (tmp_path / "shared" / "a.png").read_bytes() == b"first"


def test_a_shared_file_that_two_workers_send_at_once_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []
    both = threading.Event()

    def write(file: Path, content: bytes) -> None:
        both.wait(5)
        written.append(content)

    monkeypatch.setattr(writer, "write_bytes", write)
    with FileWriter(tmp_path) as files:
        files.take("u", [("shared/prior/a.png", b"first")])
        files.take("v", [("shared/prior/a.png", b"second")])
        both.set()
    assert written == [b"first"]


@pytest.mark.parametrize("path", ["../a", "/etc/a", "pictures/../../a"])
def test_nothing_is_written_outside_the_folder(path: str, tmp_path: Path) -> None:
    with FileWriter(tmp_path / "run") as files, pytest.raises(UserError, match="none of a run"):
        files.take("u", [(path, b"")])
