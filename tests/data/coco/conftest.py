"""Small COCO files, and real ones: the records of the fixtures, and a larger sample where it is present."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]

RECORDS = Path("annotations") / "instances_sample.json"


@pytest.fixture(scope="session")
def records(fixtures: Path) -> Path:
    """The annotation file of the fixtures."""
    return fixtures / "coco" / RECORDS


@pytest.fixture(scope="session", params=["fixtures", "611 images"])
def real_records(request: pytest.FixtureRequest, records: Path, shared_data: Callable[[str], Path]) -> Path:
    """An annotation file of COCO's own records: the small one, then the large one."""
    return records if request.param == "fixtures" else shared_data("coco") / RECORDS


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes `annotations/instances_<split>.json`, by default with one image of 100 x 60, cat and dog."""

    def write_file(split: str = "train", **content: Any) -> Path:
        images = [{"id": 1, "file_name": "1.jpg", "width": 100, "height": 60, "license": 1}]
        categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
        licences = [{"id": 1, "name": "CC BY", "url": "https://example.org/by"}]
        full = {
            "images": images,
            "categories": categories,
            "licenses": licences,
            "annotations": [],
            **content,
        }
        file = tmp_path / "annotations" / f"instances_{split}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(full))
        return file

    return write_file


@pytest.fixture
def rectangle() -> Callable[..., dict[str, Any]]:
    """An annotation whose mask is a rectangle of whole pixels: left, top, right, bottom."""

    def annotation(number: int, box: tuple[int, int, int, int], category: int = 1, **more: Any) -> dict[str, Any]:
        left, top, right, bottom = box
        outline = [left, top, right, top, right, bottom, left, bottom]
        return {"id": number, "image_id": 1, "category_id": category, "segmentation": [outline], **more}

    return annotation
