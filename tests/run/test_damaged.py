"""The run's own damaged files: one line says which, and deleting it makes it anew."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.run.cost import picture_cost, read_unit_record
from bench.run.fit_files import read_fit
from bench.run.folder import RunFolder
from bench.run.settings import load_settings

DATASET = "playroom[scenes=1,formats=1,mix=1,0,0,samples=1,pool=20]"
RUN = ("run", "--methods", "quick", "--dataset", DATASET, "--name", "r")
DEEP = b"[" * 10_000 + b"]" * 10_000
NOT_JSON = (b"", b"{", b"\xff\xfe", DEEP, b'{"schema": 2, "a": "\\ud800"}')
NO_PICTURE = (b"", b"no picture", b"\x89PNG\r\n\x1a\n")


def damages() -> Iterator[tuple[str, tuple[str, ...], bytes]]:
    """A file of the run, the verb that reads it, and what is in its place."""
    again, report, score = RUN, ("report", "runs/r"), ("score", "runs/r")
    for content in (*NOT_JSON, b'{"schema": 2}', b'{"schema": 2, "methods": 3}'):
        yield "run.json", again, content
    for content in (*NOT_JSON, b'{"schema": 2, "pictures": 3}', b'{"schema": 2, "pictures": {"a": {"sha256": 1}}}'):
        yield "scores/*/*.json", score, content
    for content in (
        *NOT_JSON,
        b'{"schema": 2}',
        b'{"schema": 2, "method": "quick", "pictures": [], "cost_fit_seconds": "x"}',
    ):
        yield "units/*.json", score, content
    for content in (*NOT_JSON, b'{"schema": 2, "models": []}'):
        yield "evaluators.json", report, content
    for content in (b"", b"no table", b"PAR1" + b"\0" * 40 + b"PAR1"):
        yield "scores.parquet", report, content
    for content in NO_PICTURE:
        yield "pictures/*.png", score, content
        yield "dataset/scenes/*/img.png", report, content


def test_each_is_named_in_one_line_and_made_anew(bench: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(*RUN) == 0
    told = []
    for pattern, verb, content in damages():
        file = sorted(Path("runs/r").glob(pattern))[0]
        whole = file.read_bytes()
        file.write_bytes(content)
        capsys.readouterr()
        code = bench(*verb)
        error = capsys.readouterr().err
        lines = [line for line in error.splitlines() if line.startswith("bench: ")]
        if code != 2 or len(lines) != 1 or str(file) not in lines[0] or not ("delete it" in error or "remove" in error):
            told.append((pattern, content[:40], code, error[-300:]))
        file.write_bytes(whole)
    assert told == []
    for pattern in ("scores/*/*.json", "evaluators.json", "scores.parquet", "units/*.json", "pictures/*.png"):
        file = sorted(Path("runs/r").glob(pattern))[0]
        file.unlink()
        assert bench(*RUN) == 0
        assert file.is_file()
    assert len(pd.read_parquet("runs/r/scores.parquet")) > 0


@pytest.mark.parametrize("value", ["bright", [0.5], {}, 10**400, 1e200])
def test_a_score_that_is_no_number_is_damage(
    bench: Callable[..., int], finished: Path, capsys: pytest.CaptureFixture[str], value: object
) -> None:
    file = next(finished.glob("scores/prompt-similarity-*/*.json"))
    content = json.loads(file.read_bytes())
    next(iter(content["pictures"].values()))["values"][0]["prompt_similarity"] = value
    file.write_text(json.dumps(content))
    capsys.readouterr()
    assert bench("score", "runs/r") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{file} is damaged" in line
    assert "prompt_similarity: " in line
    file.unlink()
    assert bench("score", "runs/r") == 0


def test_scores_of_mixed_types_that_nobody_compares_are_one_line(
    bench: Callable[..., int], finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = next(finished.glob("scores/identity-similarity-*/*.json"))
    content = json.loads(file.read_bytes())
    first, *_ = content["pictures"].values()
    first["values"][0]["detected"] = "perhaps"
    file.write_text(json.dumps(content))
    capsys.readouterr()
    assert bench("score", "runs/r") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "detected" in line
    assert "delete" in line


@pytest.mark.parametrize(("column", "value"), [("scene", 3), ("concept", "a"), ("identity_similarity", math.inf)])
def test_a_table_with_cells_of_other_types_is_damaged(
    bench: Callable[..., int], finished: Path, capsys: pytest.CaptureFixture[str], column: str, value: object
) -> None:
    file = finished / "scores.parquet"
    pd.read_parquet(file).assign(**{column: value}).to_parquet(file)
    capsys.readouterr()
    assert bench("report", "runs/r") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{file} is damaged ({column} in row 1: " in line
    assert "`bench score runs/r` makes it anew and draws nothing" in line


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (1, 300)])
def test_a_picture_of_few_pixels_is_scored(
    bench: Callable[..., int], finished: Path, capfd: pytest.CaptureFixture[str], size: tuple[int, int]
) -> None:
    picture = sorted(finished.glob("pictures/*.png"))[0]
    Image.new("RGB", size, (90, 20, 20)).save(picture)
    capfd.readouterr()
    assert bench("score", "runs/r") == 0
    assert "ambiguous" not in capfd.readouterr().err


def test_values_that_do_not_fit_the_record_are_damage(tmp_path: Path) -> None:
    unit = tmp_path / "u.json"
    unit.write_text('{"schema": 2, "method": "m", "pictures": ["a"], "cost_fit_seconds": 2}')
    assert read_unit_record(unit).cost_fit_seconds == 2.0
    unit.write_text('{"schema": 2, "method": "m", "pictures": "a"}')
    with pytest.raises(UserError, match=r"u\.json is damaged \(pictures: .*delete it"):
        read_unit_record(unit)
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    assert picture_cost(tmp_path / "p.png").seconds != picture_cost(tmp_path / "p.png").seconds  # NaN: it says nothing
    for content in NO_PICTURE:
        (tmp_path / "p.png").write_bytes(content)
        with pytest.raises(UserError, match=r"p\.png is damaged .*delete it: `bench run` draws it again"):
            picture_cost(tmp_path / "p.png")


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x02" + b"\0" * 7 + b"{}"])
def test_a_damaged_fit_is_made_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "u.safetensors"
    file.write_bytes(content)
    if content.endswith(b"{}"):
        assert read_fit(file) is not None  # whole, empty and without a word of its costs
        return
    with pytest.raises(UserError, match=r"u\.safetensors is damaged .*delete it: the fit will be computed again"):
        read_fit(file)


def test_an_unknown_setting_is_damage(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": 2, "colour": "red"}')
    with pytest.raises(UserError, match=r"run\.json is damaged"):
        load_settings(RunFolder(tmp_path))
