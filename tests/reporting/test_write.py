"""What a report is told besides scores: how to start the run again, and which contexts are no news to a method."""

from __future__ import annotations

import shlex
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from bench.core.scenes import Prompt
from bench.plugins.spec import configure
from bench.reporting.write import command, controls, templates_seen_in_prior
from bench.run.settings import Settings

SETTINGS = Settings(
    dataset="playroom[scenes=3,formats=2]",
    dataset_hash="0" * 64,
    backbone="playroom",
    revision=None,
    fingerprint="sha256:0",
    precision="fp32",
    budget="quick",
    sampling_steps=20,
    guidance=7.0,
    seed=3,
    preset="playroom",
    methods=("ours[phase1_steps=0,flip=0.5]", "ti-m"),
)


def test_the_command_is_ready_for_a_shell_and_leaves_nothing_out() -> None:
    words = shlex.split(command("three scenes", SETTINGS))
    assert words[:2] == ["bench", "run"]
    options = dict(zip(words[2::2], words[3::2], strict=True))
    assert options["--methods"] == "ours[phase1_steps=0,flip=0.5],ti-m"
    assert options["--dataset"] == "playroom[scenes=3,formats=2]"
    assert options["--name"] == "three scenes"
    assert (options["--guidance"], options["--seed"], options["--budget"]) == ("7", "3", "quick")
    assert "--revision" not in options
    assert "--revision abc" in command("x", replace(SETTINGS, revision="abc"))


def unit(text: str) -> Any:
    templates = ("a photo of {tokens} at the beach", "a photo of {tokens} in the snow")
    pictures = [SimpleNamespace(request=SimpleNamespace(prompt=Prompt(template, (0,)))) for template in templates]
    return SimpleNamespace(method=configure("methods", text), pictures=pictures)


def test_a_context_of_prior_pictures_is_familiar() -> None:
    """The official Break-A-Scene code preserves "a photo at the beach"."""
    found = templates_seen_in_prior([unit("ours:code"), unit("ours"), unit("db-m:prior"), unit("real")])
    assert found == {"ours:code": ("a photo of {tokens} at the beach",)}


def test_methods_say_of_themselves_that_they_are_controls() -> None:
    texts = ["real:redrawn", "ours", "copy-paste", "base-model", "other-scene", "real:redrawn"]
    assert controls([unit(text) for text in texts]) == ("real:redrawn", "copy-paste", "base-model", "other-scene")
