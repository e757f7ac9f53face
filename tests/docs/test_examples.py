"""The page of the public interface is complete, and its examples are the files that run."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from bench import api
from bench.cli.main import main
from bench.plugins.discovery import refresh

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
PAGE = ROOT / "docs" / "api.md"


def code_blocks(page: Path) -> dict[str, str]:
    """The Python on a page by the file that its first line names."""
    blocks = re.findall(r"```python\n# (.*?)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return {Path(file).name: code for file, code in blocks}


def test_every_public_name_has_its_line() -> None:
    told = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name, _ in told] == api.__all__
    assert all(line.endswith((".", ")")) for _, line in told)


def test_the_page_shows_every_example_as_it_is() -> None:
    assert code_blocks(PAGE) == {file.name: file.read_text(encoding="utf-8") for file in EXAMPLES.rglob("*.py")}


def test_the_readme_shows_two_of_them() -> None:
    shown = code_blocks(ROOT / "README.md")
    assert shown.keys() == {"my_method.py", "saturation.py"}
    assert shown.items() <= code_blocks(PAGE).items()


def test_examples_import_the_public_door_alone() -> None:
    imported = re.findall(r"^\s*(?:from|import) (bench\S*)", "".join(code_blocks(PAGE).values()), re.MULTILINE)
    assert set(imported) == {"bench.api"}


def test_the_metric_of_concepts_has_values_where_the_evaluators_know_the_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control `real` shows the scene itself, where every object is most like its own concept."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_PATH", "")
    dataset = "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]"
    command = ["run", "--path", str(EXAMPLES), "--dataset", dataset, "--methods", "real", "--name", "r"]
    try:
        with pytest.raises(SystemExit) as end:
            main([*command, "--metrics", "playroom,margin"])
    finally:
        monkeypatch.undo()
        refresh()
    assert end.value.code == 0
    scores = pd.read_parquet(tmp_path / "runs" / "r" / "scores.parquet")
    detected = scores["detected"].eq(True)
    assert detected.any()
    assert scores.loc[detected, "margin"].between(0, 2, inclusive="neither").all()
    assert scores.loc[~detected, "margin_reason"].str.contains("found").all()


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's command, with few scenes and steps."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_PATH", "")
    command = [
        *("run", "--path", str(EXAMPLES), "--dataset", "squares[scenes=1,formats=1]", "--sampling-steps", "2"),
        *("--methods", "my-method[steps=1],near-class[steps=1],mean-colour"),
        *("--metrics", "playroom,saturation", "--report", "means"),
    ]
    try:
        with pytest.raises(SystemExit) as end:
            main([*command, "--name", "r"])
    finally:
        monkeypatch.undo()
        refresh()
    assert end.value.code == 0
    run = tmp_path / "runs" / "r"
    scores = pd.read_parquet(run / "scores.parquet")
    assert set(scores["method"]) == {"my-method[steps=1]", "near-class[steps=1]", "mean-colour"}
    assert scores["saturation"].between(0, 1).all()
    means = pd.read_csv(run / "report" / "means" / "means.csv", index_col="method")
    assert {"saturation", "prompt-similarity", "identity-similarity"} <= set(means.columns)
    assert list(means.index) == ["my-method[steps=1]", "near-class[steps=1]", "mean-colour"]
