"""Pictures made elsewhere: every row finds its prompt, every mistake is told in one line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.scenes import Dataset, Scene
from bench.data.imported import expected, read_imported


@pytest.fixture
def dataset(scene: Scene) -> Dataset:
    """Two scenes of two prompts each."""
    return Dataset("d", (scene, replace(scene, name="again")))


@pytest.fixture
def rows(dataset: Dataset) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(expected(dataset))))


def save(folder: Path, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / file)


def write(folder: Path, rows: list[dict[str, str]]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    (folder / "pictures.csv").write_text(text.getvalue(), encoding="utf-8")
    return folder / "pictures.csv"


def test_the_expected_csv_has_a_row_a_prompt_with_its_texts(rows: list[dict[str, str]]) -> None:
    assert [row["file"] for row in rows] == ["pair/000.png", "pair/001.png", "again/000.png", "again/001.png"]
    assert rows[0] == {
        "scene": "pair",
        "subset": "0+1",
        "template": "a photo of {tokens} at the beach",
        "sample": "0",
        "file": "pair/000.png",
        "text": "a photo of a cat and an umbrella at the beach",
        "text_with_handles": "a photo of [v1] and [v2] at the beach",
    }


def test_a_filled_in_csv_gives_every_prompt_its_file(
    dataset: Dataset, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    for number, row in enumerate(rows):
        row["file"] = f"made/{number}.jpg"
    save(tmp_path, *(row["file"] for row in rows))
    found = read_imported(write(tmp_path, list(reversed(rows))), dataset)
    for start, scene in zip((0, 2), dataset.scenes, strict=True):
        wanted = {prompt: tmp_path / f"made/{start + number}.jpg" for number, prompt in enumerate(scene.prompts)}
        assert found[scene.name] == wanted


def test_a_folder_is_read_by_the_names_that_were_proposed(dataset: Dataset, tmp_path: Path) -> None:
    save(tmp_path, "pair/000.png", "pair/001.jpg", "again/000.webp", "again/001.png")
    found = read_imported(tmp_path, dataset)
    assert found["pair"][dataset.scenes[0].prompts[1]] == tmp_path / "pair/001.jpg"
    assert sum(map(len, found.values())) == 4


def refused(source: Path, dataset: Dataset) -> str:
    with pytest.raises(UserError) as error:
        read_imported(source, dataset)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_missing_is_counted_and_named(dataset: Dataset, rows: list[dict[str, str]], tmp_path: Path) -> None:
    save(tmp_path, *(row["file"] for row in rows))
    told = refused(write(tmp_path, rows[3:]), dataset)
    assert "dataset of 4 prompts: 3 prompts without a picture (pair 0+1 'a photo of {tokens} at the beach' 0, " in told
    (tmp_path / "again/000.png").unlink()
    assert "1 prompt without a picture (again 0+1 " in refused(tmp_path, dataset)


def test_what_is_named_twice_is_counted_and_named(dataset: Dataset, rows: list[dict[str, str]], tmp_path: Path) -> None:
    save(tmp_path, *(row["file"] for row in rows))
    assert "1 prompt named twice (pair 1 " in refused(write(tmp_path, [*rows, rows[1]]), dataset)
    (tmp_path / "pictures.csv").unlink()
    save(tmp_path, "pair/001.jpg")
    assert "1 prompt named twice (pair 1 " in refused(tmp_path, dataset)


def test_what_the_dataset_does_not_have_is_counted_and_named(
    dataset: Dataset, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    save(tmp_path, *(row["file"] for row in rows))
    strange = [{**rows[0], "subset": "0"}, {**rows[0], "scene": "elsewhere"}]
    assert "2 prompts unknown to the dataset (pair 0 " in refused(write(tmp_path, [*rows, *strange]), dataset)
    (tmp_path / "pictures.csv").unlink()
    save(tmp_path, "pair/000_old.png")
    assert "1 prompt unknown to the dataset (pair/000_old.png" in refused(tmp_path, dataset)


def test_of_many_faults_the_first_few_are_named(dataset: Dataset, rows: list[dict[str, str]], tmp_path: Path) -> None:
    told = refused(write(tmp_path, [{**rows[0], "scene": f"s{number}"} for number in range(9)]), dataset)
    assert "9 prompts unknown" in told
    assert "4 prompts without a picture" in told
    assert "s2" in told
    assert "s3" not in told


def test_files_columns_and_cells_that_are_not_there(
    dataset: Dataset, rows: list[dict[str, str]], tmp_path: Path
) -> None:
    save(tmp_path, *(row["file"] for row in rows[1:]))
    assert "names 1 file that does not exist (" in refused(write(tmp_path, rows), dataset)
    assert "line 2: a row needs" in refused(write(tmp_path, [{**rows[0], "file": ""}]), dataset)
    assert "has no column subset, sample" in refused(
        write(tmp_path, [{"scene": "a", "template": "b", "file": "c"}]), dataset
    )
    assert "no such folder or CSV" in refused(tmp_path / "nowhere", dataset)
    (tmp_path / "pictures.csv").write_bytes(b"\xff\xfe\x00\x01")
    assert "not a CSV in UTF-8" in refused(tmp_path / "pictures.csv", dataset)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("pair/000.png", "pair/000.png,more,more,more", 1),
            "line 2: more cells than columns",
        ),
        (lambda text: text.replace("text_with_handles", "scene", 1), "has two columns of one name"),
        (lambda text: text + "pair,0,x,0," + "y" * 140_000 + ",,\n", "line .*: field larger than field limit"),
        (lambda text: "x" * 140_000 + text, "line .*: field larger than field limit"),
    ],
)
def test_a_csv_whose_columns_would_shift_is_refused(
    dataset: Dataset, rows: list[dict[str, str]], tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    file = write(tmp_path, rows)
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_imported(file, dataset)


def test_a_csv_that_is_not_utf_8(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "pictures.csv").write_bytes("größe".encode("latin-1"))
    with pytest.raises(UserError, match="not a CSV in UTF-8"):
        read_imported(tmp_path / "pictures.csv", dataset)
