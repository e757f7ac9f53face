"""A small finished run: scenes of two concepts, coloured pictures, scores that are known."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.core.scenes import Concept, Dataset, Prompt, Scene, handle
from bench.core.table import COLUMNS
from bench.plugins.report import ReportData
from bench.scoring.presets import find_preset
from bench.scoring.selection import compared_columns, standard_metrics

METRICS = compared_columns(standard_metrics(), find_preset("paper"))

MakeData = Callable[..., ReportData]
SIDE = 16


def make_scene(number: int, labels: tuple[str, str]) -> Scene:
    masks = np.zeros((2, SIDE, SIDE), dtype=bool)
    masks[0, 2:8, 2:8], masks[1, 9:14, 9:14] = True, True
    picture = np.full((SIDE, SIDE, 3), 20 * number % 250, dtype=np.uint8)
    concepts = tuple(Concept(label, masks[i], handle(i)) for i, label in enumerate(labels))
    prompts = tuple(Prompt("a photo of {tokens} in the snow", subset) for subset in ((0,), (1,), (0, 1)))
    return Scene(f"scene-{number}", picture, concepts, prompts)


def make_rows(scene: Scene, method: str, folder: Path, rng: np.random.Generator) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for prompt in scene.prompts:
        picture = f"{method}-{scene.name}-{'+'.join(map(str, prompt.subset))}"
        file = Path("pictures") / f"{zlib.crc32(picture.encode()):x}.png"
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8)).save(folder / file)
        similarity = float(rng.uniform(0.2, 0.4))
        for concept in prompt.subset:
            found = not (concept == 1 and len(prompt.subset) == 2)
            rows.append(
                {
                    "dataset": "tiny",
                    "scene": scene.name,
                    "method": method,
                    "seed": 0,
                    "unit": f"{method}-{scene.name}",
                    "picture": picture,
                    "file": file.as_posix(),
                    "template": prompt.template,
                    "subset": "+".join(map(str, prompt.subset)),
                    "sample": 0,
                    "text": scene.text_with_classes(prompt),
                    "concept": concept,
                    "label": scene.concepts[concept].label,
                    "preset": "tiny",
                    "prompt_similarity": similarity,
                    "identity_similarity": float(rng.uniform(0.4, 0.9)) if found else float("nan"),
                    "detected": found,
                    "identity_whole_picture": 0.3,
                    "identity[fill=grey]": float(rng.uniform(0.4, 0.9)) if found else float("nan"),
                    "instances": int(found),
                    "duplicated": False if found else None,
                    "swapped": bool(rng.uniform() < 0.3) if found else None,
                    "similarity_to": [0.8, 0.1] if found else None,
                    "intruded": None if len(prompt.subset) == 2 else bool(rng.uniform() < 0.5),
                    "intruders": "",
                    "background_copy": float(rng.uniform(0.1, 0.3)),
                    "copy_reason": "",
                    "reason": "" if found else "no such thing in the picture",
                    "lpips_diversity": similarity / 2,
                    "diversity_reason": "",
                    "cost_fit_seconds": 1.5,
                    "cost_generate_seconds": 0.25,
                }
            )
    return rows


def make_run(
    folder: Path,
    scenes: int = 6,
    methods: tuple[str, ...] = ("ours", "ti-m"),
    labels: tuple[str, str] = ("cat", "umbrella"),
) -> ReportData:
    """The data of a run of so many scenes and these methods, whose pictures lie in the folder."""
    rng = np.random.default_rng(0)
    dataset = Dataset("tiny", tuple(make_scene(number, labels) for number in range(scenes)))
    units = [(scene, method) for scene in dataset.scenes for method in methods]
    rows = [row for scene, method in units for row in make_rows(scene, method, folder, rng)]
    return ReportData(
        name="tiny-run",
        run_folder=folder,
        table=pd.DataFrame(rows, columns=list(dict.fromkeys([*COLUMNS, *rows[0]]))),
        dataset=dataset,
        facts={"backbone": "none at all"},
        methods={method: {"steps": 3} for method in methods},
        metrics=METRICS,
        preset={"name": "tiny"},
        banners=("Partial: 3 of 9 units are done.",),
        done_units=3,
        planned_units=9,
        command="bench run --methods 'ours,ti-m'",
    )


@pytest.fixture
def make_data(tmp_path: Path) -> MakeData:
    """Make the data of a run of so many scenes and these methods."""
    return partial(make_run, tmp_path)


@pytest.fixture(scope="session")
def make_data_once(tmp_path_factory: pytest.TempPathFactory) -> MakeData:
    """The same for tests that share what they make."""
    return lambda **wanted: make_run(tmp_path_factory.mktemp("run"), **wanted)


class Outline(HTMLParser):
    """Every address that the page names, the anchors it has, and whether its tags are balanced."""

    VOID = ("meta", "img", "br", "link", "input")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.anchors: list[str] = []
        self.without_alt = 0
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.addresses += [address for key in ("src", "href", "action", "poster") if (address := named.get(key))]
        self.anchors += [named["id"]] if named.get("id") else []
        self.without_alt += tag == "img" and not named.get("alt")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def outline() -> type[Outline]:
    """What reads the structure of a page."""
    return Outline


@pytest.fixture(scope="session")
def open_page() -> Iterator[Callable[..., Any]]:
    """Opens a file in headless Chromium (`tests/browser.py`): a context manager of its `Page`; skips without one."""
    spec = importlib.util.spec_from_file_location("browser", Path(__file__).parents[1] / "browser.py")
    assert spec is not None
    assert spec.loader is not None
    browsers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(browsers)
    program = browsers.find_browser()
    if program is None:
        pytest.skip("Chromium is not installed")
    browser = browsers.Browser(program)
    yield partial(browsers.Page, browser)
    browser.close()
