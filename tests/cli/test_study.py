"""`bench study` from a run to its report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.cli.main import main
from bench.study.record import read_study

DATASET = "playroom[scenes=2,formats=1,mix=1,0,0,samples=1,pool=20]"


def bench(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_a_study_of_a_run_is_built_and_analysed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert bench("run", "--dataset", DATASET, "--methods", "real,other-scene,copy-paste", "--name", "r") == 0
    (tmp_path / "hello.txt").write_text("Please consent.\n\nThank you.", encoding="utf-8")
    build = ("study", "build", "runs/r", "--methods", "copy-paste,real", "--questions", "2", "--raters", "2")
    assert bench(*build, "--introduction", "hello.txt") == 0
    study = tmp_path / "studies" / "r-likert"
    record = read_study(study)
    assert "Please consent." in (study / "page" / "questions.js").read_text()
    for rater, own in record.plan.items():
        rows = [
            {
                "question": one.question,
                "option": token,
                "value": record.by_id[one.question].expected.get(token, 5 if shown.method == "real" else 2),
                "place": 1,
                "seconds": 1,
            }
            for one in own
            for token, shown in record.by_id[one.question].pictures.items()
        ]
        content = {"schema": 1, "study": record.study, "rater": rater, "rows": rows}
        (tmp_path / f"{rater}.json").write_text(json.dumps(content))
    files = [str(file) for file in tmp_path.glob("*.json")]
    assert bench("study", "analyse", "studies/r-likert", *files) == 0
    assert "8 answers of 2 raters" in capsys.readouterr().out
    page = tmp_path / "runs" / "r" / "report" / "user-study" / "user-study.html"
    assert "2 raters of 2 count; nobody was left out." in page.read_text()
    assert "joined by picture" in page.read_text()
    assert "real,True,5.0" in (page.parent / "human_pareto.csv").read_text()
    assert bench(*build) == 2  # the folder is not empty
    assert bench("study", "analyse", "studies/r-likert", "nothing.json") == 2
    assert "cannot read nothing.json" in capsys.readouterr().err


def test_what_no_study_can_be_built_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("study", "build", str(tmp_path), "--design", "likrt") == 2
    assert "did you mean likert?" in capsys.readouterr().err
    assert bench("study", "build", str(tmp_path)) == 2
    assert "is not a run" in capsys.readouterr().err
    assert bench("study", "analyse", str(tmp_path), "results") == 2
    assert "key.json" in capsys.readouterr().err
