"""Every command in the documents is one that the command line understands."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from bench.cli.main import build_app, main

ROOT = Path(__file__).parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").rglob("README.md")]
QUICK = ("bench list", "bench audit", "bench doctor", "bench run --help")
"""Commands that need neither data nor weights and are run."""


def commands() -> Iterator[str]:
    """The commands of all indented or fenced blocks, one per `&&`."""
    for document in DOCUMENTS:
        fenced = False
        for line in document.read_text(encoding="utf-8").splitlines():
            fenced ^= line.startswith("```")
            if fenced or line.startswith("    "):
                yield from (part.strip() for part in line.split("&&") if is_command(part.strip()))


def is_command(part: str) -> bool:
    return re.match(r"(\.venv/bin/)?(bench|nox|python -m bench\S+)( |$)", part) is not None


def test_there_are_commands_to_check() -> None:
    assert len(set(commands())) >= 8


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_a_command_is_understood(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program.endswith("nox"):
        sessions = re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(arguments[1:2] if arguments[:1] == ["-s"] else []) <= set(sessions)
    elif program.endswith("bench"):
        parse(arguments)
    else:
        assert importlib.util.find_spec(arguments[1]) is not None


def parse(arguments: list[str]) -> None:
    """Let the verb read its arguments without doing anything; files that are placeholders need not exist."""
    verb: click.Command = typer.main.get_command(build_app())
    while isinstance(verb, click.Group) and arguments and arguments[0] in verb.commands:
        verb, arguments = verb.commands[arguments[0]], arguments[1:]
    words = [word for index, word in enumerate(arguments) if "--path" not in arguments[max(0, index - 1) : index + 1]]
    try:
        verb.make_context("bench", words, resilient_parsing=False)
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
        return
    except click.BadParameter as error:
        if "does not exist" not in error.format_message():
            raise


@pytest.mark.parametrize("command", QUICK)
def test_what_needs_nothing_runs(command: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(command)[1:])
    assert ended.value.code == 0
    assert capsys.readouterr().out


def test_the_two_commands_of_the_readme_are_the_ones_that_are_checked() -> None:
    """The continuous integration runs the second word for word."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    install, check = re.findall(r"^    (python3 -m venv .*)$", readme, re.MULTILINE)
    assert check in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    extras = re.search(r"\.\[([\w,]+)\]", install)
    assert extras is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])
