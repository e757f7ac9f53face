"""One's own prompts: which lines count, and every mistake by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.data.templates import (
    MOST_BYTES,
    MOST_TEMPLATES,
    own_templates,
    read_templates,
    template_options,
    templates_of_folder,
)

MOON, SEA = "a photo of {tokens} on the moon", "{tokens} unter dem Meer, über Wasser"


def file_of(folder: Path, content: str | bytes) -> str:
    file = folder / "words.txt"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


@pytest.mark.parametrize(
    "content",
    [
        f"{MOON}\n{SEA}\n",
        f"# where they are\n\n  {MOON}  \r\n\t\n#{{tokens}} no more\n{SEA}",
        b"\xef\xbb\xbf" + f"{MOON}\n{SEA}".encode(),
    ],
)
def test_a_line_is_a_template_but_for_blanks_and_comments(tmp_path: Path, content: str | bytes) -> None:
    assert read_templates(file_of(tmp_path, content)) == (MOON, SEA)


def test_a_text_with_tokens_is_the_lines_themselves() -> None:
    assert read_templates(MOON) == (MOON,)
    assert read_templates(f"{MOON}\n# and\n{SEA}\n") == (MOON, SEA)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"{MOON}\na photo of {{token}}\n", "line 2: 'a photo of {token}' has {tokens} 0 times; it must have it once"),
        (f"# x\n\n{MOON} {{tokens}}", f"line 3: '{MOON} {{tokens}}' has {{tokens}} 2 times"),
        (f"{MOON}\n\n {MOON}", f"line 3: '{MOON}' is already in line 1"),
        ("{tokens}\x1b[31m", r"line 1: '{tokens}\x1b[31m' has a character that cannot be printed"),
        ("{tokens}\u202e", "has a character that cannot be printed"),
        ("{tokens} at {background}", "line 1: '{tokens} at {background}' has {background}, which a dataset with a"),
        ("# nothing\n\n", "has no template; --templates takes a file with one template per line"),
        ("", "has no template"),
        (b"a photo of {tokens} \xff", "is not a text in UTF-8 (invalid start byte at byte 20)"),
        ("x" * (MOST_BYTES + 1), "has more than 1,000,000 bytes"),
        ("\n".join(f"{{tokens}} {n}" for n in range(MOST_TEMPLATES + 1)), "has 1,001 templates; at most 1,000"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, content: str | bytes, told: str) -> None:
    file = file_of(tmp_path, content)
    with pytest.raises(UserError) as error:
        read_templates(file)
    assert str(error.value).startswith(file)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_lines_on_the_command_line_are_told_by_their_number() -> None:
    with pytest.raises(UserError, match=r"^--templates, line 2: 'no place' has \{tokens\} 0 times"):
        read_templates(f"{MOON}\nno place")


@pytest.mark.parametrize("name", ["nowhere.txt", "."])
def test_what_is_no_file_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"cannot read the templates .*one template per line"):
        read_templates(str(tmp_path / name))


def test_own_templates_take_the_place_of_all_formats(capsys: pytest.CaptureFixture[str]) -> None:
    assert own_templates("", "3") == ()
    assert own_templates(f"{MOON}\n{SEA}", "10") == (MOON, SEA)
    assert own_templates(MOON, "2", ("10", "2")) == (MOON,)
    assert "prompts of 2 templates of your own, in place of the formats" in capsys.readouterr().out
    for formats in ("2", "beach,snow"):
        with pytest.raises(UserError, match=rf"formats {formats} are of Break-A-Scene's ten.*leave --formats out"):
            own_templates(MOON, formats)


def test_contents_are_recorded_and_nothing_where_there_are_none() -> None:
    assert template_options((MOON, SEA), "10") == {"templates": f"{MOON}\n{SEA}"}
    assert template_options((), "2") == {"formats": "2"}


def test_a_folders_file_is_for_all_of_its_scenes(tmp_path: Path) -> None:
    (tmp_path / "scene").mkdir()
    assert templates_of_folder(tmp_path) == ""
    (tmp_path / "templates.txt").touch()
    assert templates_of_folder(tmp_path) == str(tmp_path / "templates.txt")
    (tmp_path / "scene" / "templates.txt").touch()
    with pytest.raises(UserError, match=r"scene/templates.txt would be of one scene.*put it into"):
        templates_of_folder(tmp_path)
