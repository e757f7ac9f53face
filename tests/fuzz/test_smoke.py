"""A few cases of the mutation campaign, so that it does not rot; `nox -s fuzz` runs all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
