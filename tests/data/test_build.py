"""What a builder recommends is kept beside the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from bench.core.errors import UserError
from bench.data.build import RECOMMENDED, build_dataset, builders_budget, recommended_budget
from bench.data.manifest import MANIFEST, read_manifest
from bench.plugins.spec import configure

ENDED = 2**22 + 1
"""A process number that Linux gives to none."""
SMALL = "playroom:quick[scenes=1,formats=1,references=false]"


@dataclass(frozen=True)
class Plain:
    """A builder that recommends nothing."""

    def build(self, out: Path) -> None:
        out.mkdir()


@pytest.mark.parametrize(
    ("spec", "budget"),
    [
        ("playroom:quick", "quick"),
        ("playroom:quick[seed=1]", "quick"),
        ("playroom", "full"),
        ("playroom[seed=1]", "full"),
        ("break-a-scene", None),
    ],
)
def test_the_variant_says_which_budget_it_is_meant_for(spec: str, budget: str | None) -> None:
    assert builders_budget(configure("datasets", spec).instance) == budget


def test_a_built_dataset_still_says_it_and_its_manifest_is_the_same(tmp_path: Path) -> None:
    builder = configure("datasets", SMALL).instance
    builder.build(tmp_path / "alone")
    build_dataset(builder, tmp_path / "out")
    assert recommended_budget(tmp_path / "alone") is None
    assert recommended_budget(tmp_path / "out") == "quick"
    assert (tmp_path / "out" / MANIFEST).read_bytes() == (tmp_path / "alone" / MANIFEST).read_bytes()
    assert "training_budget" not in read_manifest(tmp_path / "out" / MANIFEST).spec.options


def test_building_again_removes_what_a_killed_process_had_begun(tmp_path: Path) -> None:
    builder = configure("datasets", SMALL).instance
    build_dataset(builder, tmp_path / "out")
    whole = sorted(tmp_path.rglob("*"))
    (scene,) = (tmp_path / "out" / "scenes").iterdir()
    for begun in (tmp_path / "out" / RECOMMENDED, scene / "references" / "0.png"):
        begun.parent.mkdir(exist_ok=True)
        begun.with_name(f".{begun.stem}.tmp-{ENDED}{begun.suffix}").touch()
    build_dataset(builder, tmp_path / "out")
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name != "references"] == whole


def test_it_is_there_as_soon_as_the_dataset_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.data.build.write_bytes", killed)
    with pytest.raises(KeyboardInterrupt):
        build_dataset(configure("datasets", SMALL).instance, tmp_path / "out")
    assert read_manifest(tmp_path / "out" / MANIFEST).has_pictures
    assert recommended_budget(tmp_path / "out") == "quick"


def test_building_again_keeps_the_last_word(tmp_path: Path) -> None:
    build_dataset(configure("datasets", SMALL).instance, tmp_path / "out")
    build_dataset(configure("datasets", SMALL.replace("]", ",training_budget=full]")).instance, tmp_path / "out")
    assert recommended_budget(tmp_path / "out") == "full"


def test_a_builder_that_recommends_nothing_leaves_no_word(tmp_path: Path) -> None:
    build_dataset(Plain(), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert builders_budget(Plain()) is None


@pytest.mark.parametrize("content", ['{"schema": 1}', '{"schema": 1, "training_budget": 3}', "{"])
def test_a_damaged_word_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / RECOMMENDED).write_text(content)
    with pytest.raises(UserError, match=RECOMMENDED) as caught:
        recommended_budget(tmp_path)
    assert "\n" not in str(caught.value)
