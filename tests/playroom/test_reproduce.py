"""Training again: the commands that are run, what is written, and how far two cards are apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.playroom import reproduce
from bench.playroom.evaluate import card
from bench.playroom.evaluate.thresholds import LINES
from bench.playroom.reproduce import comparison
from bench.playroom.train.__main__ import PLANS


def figures(value: float, low: float, high: float) -> card.Card:
    return {"clip": {"figures": {"context_first_of_ten": {"value": value, "low": low, "high": high, "n": 20}}}}


def row(text: str) -> list[str]:
    [found] = [line for line in text.splitlines() if line.startswith("| clip: CLIP: context")]
    return [cell.strip() for cell in found.strip("|").split("|")][1:]


def test_two_cards_are_compared_figure_by_figure() -> None:
    text = comparison(figures(0.98, 0.96, 0.99), figures(0.95, 0.92, 0.97))
    assert row(text) == ["0.980 [0.960, 0.990], n = 20", "0.950 [0.920, 0.970], n = 20", "-0.030", "yes"]
    bars = sum(line.bar is not None for line in LINES)
    assert text.endswith(f"1 of 1 figures that both cards have with an interval agree within it; "
                         f"the retrained checkpoints reach 0 of {bars} bars.\n")  # fmt: skip


def test_intervals_apart_and_missing_figures_are_told() -> None:
    assert row(comparison(figures(0.9, 0.88, 0.92), figures(0.99, 0.97, 1)))[2:] == ["+0.090", "no"]
    assert row(comparison({}, figures(0.99, 0.97, 1))) == ["not measured", "0.990 [0.970, 1.000], n = 20", "", ""]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be run; the training of the UNet leaves a folder, the evaluation a card."""
    seen: list[list[str]] = []

    def run(module: str, *arguments: str | Path) -> None:
        seen.append([module, *map(str, arguments)])
        out = Path(seen[-1][seen[-1].index("--out") + 1])
        if arguments[0] == "unet":
            (out / "pipeline").mkdir(parents=True)
        if module.endswith("evaluate"):
            card.put_part(out, "clip", {}, figures(1, 0.9, 1)["clip"]["figures"])

    monkeypatch.setattr(reproduce, "_run", run)
    return seen


def test_all_is_trained_evaluated_and_compared_in_a_folder_of_its_own(
    tmp_path: Path, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    before = card.CARD.read_bytes()
    reproduce.main(smoke=True, folder=tmp_path, minutes=None, seed=3, device="cpu")
    assert [command[1] for command in commands[:-1]] == list(PLANS)
    assert all(command[-4:] == ["--seed", "3", "--device", "cpu"] for command in commands[:-1])
    assert commands[-1][0] == "bench.playroom.evaluate"
    settings = json.loads((tmp_path / "checkpoints" / "pipeline" / "scenebench.json").read_text())
    assert settings["sampler"]["steps"] == 2
    assert (tmp_path / "comparison.md").read_text() == capsys.readouterr().out
    assert card.CARD.read_bytes() == before


def test_the_full_training_uses_the_plans_and_the_committed_settings(tmp_path: Path, commands: list[list[str]]) -> None:
    reproduce.main(smoke=False, folder=tmp_path, minutes=5.0, seed=0, device="cpu")
    assert all("--steps" not in command and "--minutes" in command for command in commands[:-1])
    own, committed = (p / "pipeline" / "scenebench.json" for p in (tmp_path / "checkpoints", reproduce.CHECKPOINTS))
    assert own.read_bytes() == committed.read_bytes()


def test_a_step_that_fails_is_named() -> None:
    with pytest.raises(UserError, match=r"bench\.playroom\.nowhere --seed 3 failed \(status 1\)"):
        reproduce._run("bench.playroom.nowhere", "--seed", "3")
