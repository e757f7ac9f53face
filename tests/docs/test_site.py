"""The generated pages of the site: everything that the command lists is on them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from bench.plugins.discovery import KINDS, discover
from bench.scoring.presets import PRESETS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("reference_pages", DOCS / "reference_pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path_factory.mktemp("site") / "reference"
    module.write_reference(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_drop_in_has_its_section_with_its_settings_and_ledger(reference: Path, kind: str) -> None:
    page = (reference / f"{kind}.md").read_text(encoding="utf-8")
    for name, found in discover(kind).found.items():  # type: ignore[arg-type]
        assert f"## `{name}`\n" in page
        for variant in found.variants:
            assert f"| {name}:{variant} |" in page
        for note in found.ledger:
            assert " ".join(note.here.split())[:20].replace("[", "\\[") in page


def test_every_preset_verb_and_option_is_there(reference: Path) -> None:
    presets = (reference / "presets.md").read_text(encoding="utf-8")
    assert all(f"## `{name}`" in presets for name in PRESETS)
    commands = (reference / "cli.md").read_text(encoding="utf-8")
    assert "## `bench run`" in commands
    assert "* `--retry-failed`" in commands
    assert "### `bench build-dataset break-a-scene`" in commands


def test_every_page_is_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {file.stem for file in DOCS.glob("*.md")} - {"index"}
    assert pages <= set(index.split())
