"""Errors are one line, whatever names are in them."""

from __future__ import annotations

import errno

import pytest

from bench.core.errors import UserError, refusal, single_line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain, with [brackets]", "plain, with [brackets]"),
        ("größe 東京 a\u00a0b", "größe 東京 a\u00a0b"),
        ("a\nb\rc\td\0", r"a\nb\rc\td\x00"),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f\u2029", r"a\x0bb\x0cc\x1cd\x85e\u2028f\u2029"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_breaks_a_line_is_escaped_and_nothing_else(text: str, line: str) -> None:
    assert single_line(text) == line
    assert str(UserError(text)) == line
    assert len(line.splitlines()) == 1


def test_a_refusal_names_the_file_and_the_next_step() -> None:
    told = refusal(OSError(errno.ENAMETOOLONG, "File name too long", "a\nb"))
    assert told == r"a\nb: File name too long; choose a shorter name"
    assert refusal(OSError("no connection\nat all")) == (
        "OSError: no connection; see `bench doctor`, or name another place"
    )
