"""What the command line calls a drop-in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.core.errors import UserError
from bench.plugins.spec import configure, split_specs


def test_commas_inside_brackets_do_not_split() -> None:
    text = "ours[phase1_steps=0,phase2_steps=3], ti-m ,ours:code"
    assert split_specs(text) == ("ours[phase1_steps=0,phase2_steps=3]", "ti-m", "ours:code")


def test_commas_inside_nested_brackets_do_not_split_either() -> None:
    text = "pareto[methods=ours[a=1,b=2]+db-m,reference=ours[a=1,b=2]],table"
    assert split_specs(text) == ("pareto[methods=ours[a=1,b=2]+db-m,reference=ours[a=1,b=2]]", "table")


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
        ("ours[phase1_steps=many]", "ours[phase1_steps=many]: not a whole number"),
        ("ours[variant=mine]", "'paper' or 'code'"),
        ("ours:no-such", "no variant 'no-such'. Known: ours:code"),
        ("ours:no-phase1", "no variant 'no-phase1'; did you mean no-phase-1?"),
        ("ours[", "not understood"),
        ("theirs", "no method is called 'theirs'"),
    ],
)
def test_bad_texts_get_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as error:
        configure("methods", text)
    assert "\n" not in str(error.value)


def test_a_keyword_and_a_place_as_a_field(tmp_path: Path) -> None:
    """`from` is a field `from_`; where a folder lies is recorded and is in no identity."""
    configured = configure("methods", f"import[from={tmp_path}]")
    assert configured.configuration == {"from": str(tmp_path)}
    assert configured.key_fields == {}


def test_what_has_no_default_must_be_told() -> None:
    with pytest.raises(UserError, match=r"import needs to be told more: import\[from=\.\.\.\]") as error:
        configure("methods", "import")
    assert "\n" not in str(error.value)


def test_a_value_may_be_a_spec_with_settings_of_its_own() -> None:
    report = configure(
        "reports", "pareto[methods=ours[phase1_steps=0,flip=0.5]+db-m:prior,reference=db-m:prior]"
    ).instance
    assert report.methods == "ours[phase1_steps=0,flip=0.5]+db-m:prior"
    assert report.reference == "db-m:prior"
