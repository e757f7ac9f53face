"""What a killed process left half written is swept by the next start; what a live one writes is not."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bench.cli.main import main
from bench.core.errors import UserError
from bench.core.files import whole_files, whole_folder, whole_replacement, write_bytes
from bench.core.leftovers import (
    is_temporary,
    replaced_name,
    scratch_folder,
    sweep,
    sweep_below,
    sweep_held,
    sweep_scratch,
    temporary_name,
)
from bench.run.lock import hold

ENDED = 2**22 + 1
"""A process number that Linux gives to none."""
KILLED = """
import os, signal, sys
from pathlib import Path
from bench.cli.main import main
from bench.core.files import whole_folder, write_whole
from bench.core.leftovers import scratch_folder

def dies(path):
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

folder = Path(sys.argv[1])
with scratch_folder() as scratch:
    (scratch / "large").touch()
    with whole_folder(folder / "dataset") as building:
        (building / "half").touch()
        write_whole(folder / "fits" / "a.safetensors", dies)
"""


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where a process was killed while it wrote a file, a folder and into the temporary folder."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    folder = tmp_path / "run"
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], env=environment, check=False)
    assert len(list(folder.rglob("*.tmp-*"))) == 2
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    return folder


@pytest.fixture
def live() -> Iterator[int]:
    """The number of a process that runs."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.kill()


def test_the_next_start_sweeps_all_of_it(killed: Path) -> None:
    write_bytes(killed / "fits" / "b.safetensors", b"whole")
    with hold(killed):
        left = sorted(path.relative_to(killed).as_posix() for path in killed.rglob("*") if path.is_file())
    assert left == [".holder", ".lock", "fits/b.safetensors"]


def test_every_command_sweeps_the_temporary_folder(killed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_building_the_dataset_again_sweeps_beside_it(killed: Path) -> None:
    with whole_folder(killed / "dataset") as building:
        assert [path.name for path in killed.iterdir() if is_temporary(path)] == [building.name]
    assert sorted(path.name for path in killed.iterdir()) == ["dataset", "fits"]


def named(path: Path, process: int) -> Path:
    """What another process writes for `path`."""
    return of(temporary_name(path), process)


def of(temporary: Path, process: int) -> Path:
    """The same temporary file, of another process."""
    return temporary.with_name(temporary.name.replace(str(os.getpid()), str(process)))


def test_what_a_live_process_writes_stays(tmp_path: Path, live: int) -> None:
    named(tmp_path / "data", live).mkdir()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f".data.tmp-{live}"]


def test_a_process_with_the_number_of_a_dead_one_keeps_nothing(tmp_path: Path, live: int) -> None:
    """It started after the leftover was last written."""
    leftover = named(tmp_path / "data", live)
    leftover.mkdir()
    os.utime(leftover, (1e9, 1e9))
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_ended_and_is_not_waited_for_keeps_nothing(tmp_path: Path, live: int) -> None:
    """As in a container whose first process waits for no other."""
    leftover = named(tmp_path / "data", live)
    leftover.mkdir()
    os.kill(live, signal.SIGKILL)
    while psutil.Process(live).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_below_a_folder_without_a_lock_the_live_keep_theirs(tmp_path: Path, live: int) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    kept, left = named(tmp_path / "a" / "b" / "kept.png", live), named(tmp_path / "a" / "b" / "left.png", ENDED)
    kept.touch()
    left.touch()
    sweep_below(tmp_path)
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == [kept.name]


def test_under_the_lock_no_process_number_counts(tmp_path: Path, live: int) -> None:
    """The lock says that nobody writes: the number is that of a process elsewhere, or of one that has nothing to do."""
    named(tmp_path / "fits.safetensors", live).touch()
    sweep_held(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_files_that_only_look_alike_stay(tmp_path: Path) -> None:
    names = [".cache.2024", ".a.tmp-x", "a.tmp-99999999", "scenebench-99999999", ".tmp-99999999"]
    for name in names:
        (tmp_path / name).touch()
    sweep(tmp_path)
    sweep_held(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_live_scratch_folder_is_not_swept() -> None:
    with scratch_folder() as scratch:
        sweep_scratch()
        assert scratch.is_dir()
    assert not scratch.exists()


def test_a_leftover_is_no_whole_file(tmp_path: Path) -> None:
    write_bytes(tmp_path / "units" / "a.json", b"{}")
    temporary_name(tmp_path / "units" / "a.json").touch()
    assert [path.name for path in whole_files(tmp_path, "units/*.json")] == ["a.json"]


def test_a_replacement_that_fails_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "page.html").write_text("old")

    def fail() -> None:
        with whole_replacement(tmp_path / "report") as building:
            (building / "page.html").write_text("new")
            raise ValueError("no plot")

    with pytest.raises(ValueError, match="no plot"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (tmp_path / "report" / "page.html").read_text() == "old"


def test_a_replacement_takes_over_what_it_does_not_write(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    for name in ("page.html", "answers.csv"):
        (tmp_path / "report" / name).write_text("old")
    with whole_replacement(tmp_path / "report") as building:
        (building / "page.html").write_text("new")
    found = {path.name: path.read_text() for path in (tmp_path / "report").iterdir()}
    assert found == {"page.html": "new", "answers.csv": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.fixture
def half_replaced(tmp_path: Path) -> Path:
    """A run's folder where a process was killed when its report had been taken away and the new one was not there."""
    former, building = (of(name(tmp_path / "report"), ENDED) for name in (replaced_name, temporary_name))
    for folder in (former, building):
        folder.mkdir()
        (folder / "page.html").write_text("old" if folder == former else "new")
    (former / "answers.csv").write_text("put here by hand")
    return tmp_path


@pytest.mark.parametrize("clear", [sweep, sweep_below, sweep_held])
def test_a_folder_whose_replacement_was_killed_is_put_back(half_replaced: Path, clear: Callable[[Path], None]) -> None:
    clear(half_replaced)
    found = {path.name: path.read_text() for path in (half_replaced / "report").iterdir()}
    assert found == {"page.html": "old", "answers.csv": "put here by hand"}
    assert [path.name for path in half_replaced.iterdir()] == ["report"]


def test_a_folder_that_was_replaced_is_not_put_back(half_replaced: Path) -> None:
    of(temporary_name(half_replaced / "report"), ENDED).rename(half_replaced / "report")
    sweep_held(half_replaced)
    assert {path.name: path.read_text() for path in (half_replaced / "report").iterdir()} == {"page.html": "new"}
    assert [path.name for path in half_replaced.iterdir()] == ["report"]


def test_a_replacement_that_cannot_take_its_place_leaves_the_former(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "page.html").write_text("old")
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path == temporary_name(tmp_path / "report"):
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(UserError, match="Input/output error"), whole_replacement(tmp_path / "report") as building:
        (building / "page.html").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["report"]
    assert (tmp_path / "report" / "page.html").read_text() == "old"
