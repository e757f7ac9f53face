"""A few cases of the mutation campaign, so that it does not rot; `nox -s fuzz` runs all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CAMPAIGN = Path(__file__).with_name("campaign.py")
CASES = 40


@pytest.mark.skipif(not hasattr(os, "fork"), reason="cases run in forked processes")
def test_no_case_is_bad() -> None:
    done = subprocess.run(
        [sys.executable, str(CAMPAIGN), "--seed", "7", "--cases", str(CASES)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *_, total = done.stdout.splitlines()
    name, cases, bad, refused = total.split()[:4]
    assert (name, cases, bad) == ("all", str(CASES), "0")
    assert 0 < int(refused) < CASES  # some inputs are refused, and some damage does not matter


@pytest.fixture
def cases(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The campaign's module of that name: a script finds it beside itself."""
    monkeypatch.syspath_prepend(str(CAMPAIGN.parent))
    import cases

    return cases


ONE = "bench: no such file\n"
BAR = "units: 1 of 4 (25 %), about 9 seconds left · ours on a scene\nediting: (40 %)\nunits: 4 of 4 in 12 seconds\n"


@pytest.mark.parametrize(
    ("code", "error", "faults"),
    [
        (0, "", ()),
        (0, BAR, ()),
        (2, ONE, ()),
        (3, BAR + ONE, ()),
        (2, "", ("not one line of error",)),
        (0, ONE, ("not one line of error",)),
        (2, ONE + ONE, ("not one line of error",)),
        (0, "x.py:3: RuntimeWarning: overflow\n", ("not one line of error",)),
        (2, ONE + "and this\n", ("not one line of error",)),
        (70, "Traceback (most recent call last):\n", ("a traceback", "exit code 70")),
        (-11, "", ("exit code -11",)),
        (-14, "", ("over 10 s",)),
        (-24, "", ("over 10 s",)),
        (2, "bench: there is not enough memory; take less\n", ("over 2 GiB",)),
    ],
)
def test_what_is_bad(cases: ModuleType, code: int, error: str, faults: tuple[str, ...]) -> None:
    case = cases.Case(3, 5, "kind", cases.Attack("what", ("list",)))
    assert cases.Outcome(case, code, 0.1, 10**8, error).faults == faults
    assert case.again == "nox -s fuzz -- --seed 3 --case 5"
