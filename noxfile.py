"""Checks of SceneBench. `nox` runs tests, types, lint and wheel; `nox --list` names the slow ones too."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

PYPROJECT = nox.project.load_toml("pyproject.toml")
ROOT = Path(__file__).parent
PYTHON = sys.executable
"""The one environment that all sessions share (it is 6.5 GB): the virtual environment that nox itself runs in."""
WORKERS = str(min(os.cpu_count() or 1, 4))
"""Of pytest: each takes 10 s to import and 2 GB of memory, so that more than four gain little."""

nox.options.default_venv_backend = "none"
nox.options.sessions = ["tests", "types", "lint", "wheel"]


def install(session: nox.Session, *groups: str) -> None:
    """Install the package, editable, and these dependency groups."""
    if sys.prefix == sys.base_prefix:
        session.error("run nox from a virtual environment: python3 -m venv .venv && .venv/bin/pip install nox")
    wanted = [requirement for group in groups for requirement in PYPROJECT["dependency-groups"][group]]
    session.run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", ".", *wanted)


@nox.session
def tests(session: nox.Session) -> None:
    """The tests (pytest), a worker per core."""
    install(session, "test")
    session.run(PYTHON, "-m", "pytest", "-n", WORKERS, "--dist", "worksteal", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """mypy in strict mode and pyright."""
    install(session, "test", "types")
    session.run(PYTHON, "-m", "mypy")
    examples = [f"docs/examples/{kind}" for kind in ("methods", "datasets", "metrics", "reports")]
    for folder in ("methods", "datasets", "reports", "docs/results", *examples):
        session.run(PYTHON, "-m", "mypy", *sorted(map(str, (ROOT / folder).glob("*.py"))))
    session.run(PYTHON, "-m", "pyright", "--pythonpath", PYTHON)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff: rules and format."""
    install(session, "lint")
    session.run(PYTHON, "-m", "ruff", "check", ".")
    session.run(PYTHON, "-m", "ruff", "format", "--check", ".")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it away from the checkout and look for everything in it."""
    install(session, "test", "wheel")
    session.run(PYTHON, "-m", "pytest", "tests/wheel", "-m", "wheel", *session.posargs)


@nox.session(default=False)
def playroom(session: nox.Session) -> None:
    """Train Playroom's checkpoints again and compare with the committed (30 to 40 hours; `-- --smoke`: minutes)."""
    install(session, "test")
    session.run(PYTHON, "-m", "bench.playroom.reproduce", *session.posargs)


@nox.session(default=False)
def simulations(session: nox.Session) -> None:
    """Measure how often tests and intervals are wrong where nothing differs, into bench/stats/README.md."""
    install(session)
    session.run(PYTHON, "-m", "bench.stats.simulation.null_simulation", *session.posargs)


@nox.session(default=False)
def gpu(session: nox.Session) -> None:
    """The tests that need a CUDA device."""
    install(session, "test")
    session.run(PYTHON, "-m", "pytest", "-m", "gpu", *session.posargs)


@nox.session(default=False)
def cluster(session: nox.Session) -> None:
    """The tests that start Ray again and again (minutes)."""
    install(session, "test")
    session.run(PYTHON, "-m", "pytest", "-m", "cluster", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """10,000 damaged inputs, none of which may end in more than one line of error (an hour; `-- --cases 100`: less)."""
    install(session, "test")
    session.run(PYTHON, str(ROOT / "tests" / "fuzz" / "campaign.py"), *session.posargs)


@nox.session(default=False)
def chaos(session: nox.Session) -> None:
    """Kill commands at random moments and at every file, fill the disk, and compare with unbroken ones (two hours)."""
    install(session)
    session.run(PYTHON, str(ROOT / "tests" / "chaos" / "chaos.py"), *session.posargs)


@nox.session(default=False)
def perf(session: nox.Session) -> None:
    """Speed beside the bare networks; `-- cuda`: on a GPU, `-- cost`: FLOPs and memory of Stable Diffusion 2.1."""
    install(session, "test")
    session.run(PYTHON, str(ROOT / "tests" / "perf" / "run.py"), *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session(default=False)
def results(session: nox.Session) -> None:
    """A part of the published results again: does this machine come to an equivalent one? Minutes."""
    install(session, "yolo", "ray")
    part = session.posargs or ("--methods", "ours,db", "--scenes", "3", "--workers", "auto")
    session.run(PYTHON, "-m", "bench.cli.main", "reproduce", "docs/results/playroom-50", *part)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """The site, into docs/_build; a warning is an error."""
    install(session, "docs")
    session.run(PYTHON, "-m", "sphinx", "-W", "--keep-going", "-b", "html", "docs", "docs/_build", *session.posargs)
