"""The wheel, installed away from the checkout, has everything. Run by `nox -s wheel` (`-m wheel`)."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def bench(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of a virtual environment with the wheel; the libraries are those of this environment."""
    folder = tmp_path_factory.mktemp("away")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    with zipfile.ZipFile(wheel) as content:
        content.extractall(site)
    (Path(site) / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return [str(python), "-P", "-c", "from bench.cli.main import main; main()"]


def test_it_holds_drop_ins_templates_and_checkpoints(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "bench/methods/__init__.py",
        "bench/methods/ours.py",
        "bench/methods/ti_m.py",
        "bench/datasets/break_a_scene.py",
        "bench/reports/pareto.py",
        "bench/playroom/checkpoints/pipeline/model_index.json",
        "bench/playroom/checkpoints/pipeline/scenebench.json",
    } <= names
    assert any(name.startswith("bench/reports/") and name.endswith(".j2") for name in names)
    assert sum(name.endswith(".safetensors") for name in names) >= 6
    assert not [name for name in names if name.startswith(("methods/", "datasets/", "reports/", "tests/"))]


def test_everything_is_listed_away_from_the_checkout(bench: list[str], tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([*bench, "list"], cwd=tmp_path, capture_output=True, text=True, check=True, env=environment)
    assert all(name in done.stdout for name in ("ours", "ti-m", "break-a-scene", "playroom", "pareto"))
    where = [bench[0], "-P", "-c", "import bench.methods.ours as m; print(m.__file__)"]
    file = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment).stdout
    assert not Path(file.strip()).is_relative_to(ROOT)


def test_a_run_away_from_the_checkout(bench: list[str], tmp_path: Path) -> None:
    arguments = ["run", "--methods", "ti-m[steps=5]", "--limit", "1", "--sampling-steps", "2"]
    done = subprocess.run([*bench, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "playroom-quick" / "scores.parquet").is_file()
