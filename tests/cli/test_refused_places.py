"""Files and folders that the system does not let a user read or write: one line each, by real modes of files."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DROP_FROM_BOUNDS, OVERRIDE, READ_SEARCH = 24, 1, 2
"""Of prctl(2) and capabilities(7): PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH."""
ALL = """
import contextlib, io, json, sys
from bench.cli.main import main
told = []
for line in json.loads(sys.argv[1]):
    error = io.StringIO()
    with contextlib.redirect_stderr(error):
        try:
            main(line)
        except SystemExit as ended:
            told.append([ended.code, error.getvalue()])
print(json.dumps(told))
"""
REFUSED = {
    "scenes of no access": (["build-dataset", "folder", "--folder", "closed", "--out", "o"], "closed"),
    "an unreadable picture": (["build-dataset", "folder", "--folder", "dark", "--out", "o"], "dark/img.jpg"),
    "a folder that cannot be written": (["build-dataset", "folder", "--folder", "own", "--out", "fixed/o"], "fixed/o"),
    "an unreadable table": (["audit", "dark.csv"], "dark.csv"),
    "an unreadable run": (["report", "run"], "run/run.json"),
    "runs that cannot be written": (["run", "--runs", "fixed", "--methods", "real", "--dataset", "data"], "fixed"),
    "an unreadable dataset": (["run", "--dry-run", "--methods", "real", "--dataset", "data"], "data/manifest.json"),
}


def _be_refused() -> None:
    """In a superuser's child: what it executes has no right to read and write whatever a file's mode."""
    if os.geteuid() == 0:
        for capability in (OVERRIDE, READ_SEARCH):
            ctypes.CDLL(None).prctl(DROP_FROM_BOUNDS, capability, 0, 0, 0)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the rights given up are those of Linux")
def test_what_may_not_be_read_or_written_is_named_in_one_line(tmp_path: Path, fixtures: Path) -> None:
    for name in ("closed", "dark", "own"):
        shutil.copytree(fixtures / "break-a-scene" / "bear", tmp_path / name)
    for name in ("fixed", "run", "data"):
        (tmp_path / name).mkdir()
    for name in ("dark.csv", "run/run.json", "data/manifest.json"):
        (tmp_path / name).write_text("{}")
    for name in ("closed", "dark/img.jpg", "dark.csv", "run/run.json", "data/manifest.json"):
        (tmp_path / name).chmod(0)
    (tmp_path / "fixed").chmod(0o500)
    before = sorted(path.name for path in tmp_path.iterdir())

    done = subprocess.run(
        [sys.executable, "-c", ALL, json.dumps([argv for argv, _ in REFUSED.values()])],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_be_refused,
    )
    (tmp_path / "closed").chmod(0o700)  # so that it can be removed
    for (what, (_, place)), (code, error) in zip(
        REFUSED.items(), json.loads(done.stdout.splitlines()[-1]), strict=True
    ):
        lines = error.splitlines()
        assert (code, len(lines)) == (2, 1), f"{what}: {error}"
        assert lines[0].startswith("bench: "), what
        assert place in lines[0], f"{what}: {error}"
        assert re.search(r"[Pp]ermission denied|is not readable", lines[0]), f"{what}: {error}"
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert list((tmp_path / "fixed").iterdir()) == []
