"""What the command line calls a drop-in."""

from __future__ import annotations

import pytest

from bench.errors import UserError
from bench.spec import configure, split_specs


def test_commas_inside_brackets_do_not_split() -> None:
    text = "ours[phase1_steps=0,phase2_steps=3], ti-m ,ours:code"
    assert split_specs(text) == ("ours[phase1_steps=0,phase2_steps=3]", "ti-m", "ours:code")


def test_fields_are_set_and_typed() -> None:
    configured = configure("methods", "ours:code[phase1_steps=0,phase2_learning_rate=1e-3,masked=false]")
    assert configured.configuration["variant"] == "code"
    assert configured.configuration["phase1_steps"] == 0
    assert configured.configuration["phase2_learning_rate"] == 1e-3
    assert configured.configuration["masked"] is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ours[phase1_step=3]", "did you mean phase1_steps"),
        ("ours[phase1_steps=many]", "valid integer"),
        ("ours[variant=mine]", "'paper' or 'code'"),
        ("ours:no-such", "no variant 'no-such'; known: ours:code"),
        ("ours[", "not understood"),
        ("theirs", "no method is called 'theirs'"),
    ],
)
def test_bad_texts_get_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("[", r"\[")) as error:
        configure("methods", text)
    assert "\n" not in str(error.value)
