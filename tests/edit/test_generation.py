"""`bench generate` from options to files: any text with handles, nothing drawn twice, settings inside each picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.core.errors import UserError
from bench.core.images import read_picture
from bench.core.scenes import Scene, with_background
from bench.edit.generation import Picture, expanded, generate
from bench.edit.options import EditPaths, GenerateOptions
from bench.run.options import BackboneOptions

Made = Callable[..., EditPaths]
ALONE, BOTH = "a photo of [v1]", "a photo of [v1] and [v2] at the beach"


@pytest.fixture
def texts(source: Path) -> GenerateOptions:
    """Two samples of one concept alone and of both together, with `ours`."""
    return GenerateOptions("ours", source, (ALONE, BOTH), samples=2, batch_size=3)


def pixels(file: Path) -> np.ndarray:
    return read_picture(file)


def test_each_text_gives_its_samples_and_a_sheet(texts: GenerateOptions, setup: BackboneOptions, places: Made) -> None:
    sheet, *pictures = generate(texts, setup, places())
    assert sheet.name == "sheet.png"
    assert [file.name.rpartition("-")[2] for file in pictures] == ["1.png", "2.png", "1.png", "2.png"]
    assert [file.name.startswith("a-photo-of-v1-and-v2-at-the-beach-") for file in pictures] == [False] * 2 + [True] * 2
    assert len({pixels(file).tobytes() for file in pictures}) == 4
    assert all(pixels(file).shape == (32, 32, 3) for file in pictures)
    # a row for the source and one for each text, two cells each
    assert pixels(sheet).shape[1] == 2 * 256 + 3 * 10
    assert pixels(sheet).shape[0] > 3 * 256


@pytest.mark.parametrize(("method", "told"), [("ours", False), ("clic", True)])
def test_a_method_that_draws_in_a_way_of_its_own_is_told_of(
    method: str,
    told: bool,
    texts: GenerateOptions,
    setup: BackboneOptions,
    places: Made,
    capsys: pytest.CaptureFixture[str],
) -> None:
    generate(replace(texts, method=method, texts=(ALONE,), samples=1), setup, places())
    assert ("clic draws in a way of its own in bench run" in capsys.readouterr().err) == told


def test_nothing_unfinished_is_left(texts: GenerateOptions, setup: BackboneOptions, places: Made) -> None:
    generate(texts, setup, places())
    assert [path.name for path in places().outputs.iterdir() if path.name == "unfinished"] == []


def test_a_picture_says_how_it_was_made(texts: GenerateOptions, setup: BackboneOptions, places: Made) -> None:
    file = generate(texts, setup, places())[3]
    with Image.open(file) as image:
        inside = dict(image.text)  # type: ignore[attr-defined]
    assert inside["prompt"] == BOTH
    told = json.loads(inside["scenebench"])
    assert (told["method"], told["source"], told["sample"], told["seed"]) == ("ours", "pair", 1, 0)
    assert told["handles"] == {"[v1]": "cat", "[v2]": "umbrella"}
    assert told["noise_seed"] == Picture(BOTH, 1).noise_seed(0)
    assert told["sampling_steps"] == 3


def test_texts_and_samples_are_added_and_nothing_is_drawn_twice(
    texts: GenerateOptions, setup: BackboneOptions, places: Made
) -> None:
    first = generate(texts, setup, places("mine"))
    before = {file.name: file.stat().st_mtime_ns for file in first[1:]}
    more = generate(replace(texts, texts=(BOTH, "[v2] in the snow"), samples=3), setup, places("mine"))
    assert len(more) == 1 + 2 * 3
    folder = first[0].parent
    assert len(list(folder.glob("*.png"))) == 1 + 2 + 3 + 3
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before
    assert json.loads((folder / "generated.json").read_text())["texts"] == {ALONE: 2, BOTH: 3, "[v2] in the snow": 3}


def test_what_was_drawn_alone_is_what_is_drawn_in_company(
    texts: GenerateOptions, setup: BackboneOptions, places: Made
) -> None:
    together = generate(texts, setup, places("a"))[1:]
    alone = generate(replace(texts, texts=(BOTH,), batch_size=1), setup, places("b"))[1:]
    for one, other in zip(together[2:], alone, strict=True):
        assert np.abs(pixels(one).astype(int) - pixels(other)).max() <= 1


def test_an_interrupted_one_goes_on(
    texts: GenerateOptions, setup: BackboneOptions, places: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("bench.edit.generation.contact_sheet", stopped)
        with pytest.raises(KeyboardInterrupt):
            generate(texts, setup, places("mine"))
    with monkeypatch.context() as patch:
        patch.setattr("bench.diffusion.training.trainer.fit_recipe", stopped)
        assert generate(texts, setup, places("mine"))[0].is_file()


def test_without_a_name_the_folder_is_called_after_method_source_and_key(
    texts: GenerateOptions, setup: BackboneOptions, places: Made
) -> None:
    folder = generate(replace(texts, method="ours[phase1_steps=0]"), setup, places())[0].parent
    key = json.loads((folder / "generated.json").read_text())["key"]
    assert folder.name == f"ours-phase1_steps-0-pair-{key[:6]}"


def test_a_folder_of_something_else_is_left_alone(texts: GenerateOptions, setup: BackboneOptions, places: Made) -> None:
    generate(texts, setup, places("mine"))
    with pytest.raises(UserError, match="of another method, source, sampler or seed; give these another --name"):
        generate(texts, replace(setup, seed=1), places("mine"))
    (places().outputs / "theirs").mkdir()
    with pytest.raises(UserError, match="holds something else; give these another --name"):
        generate(texts, setup, places("theirs"))


def test_a_handle_that_the_source_lacks_is_told_before_anything_is_written(
    texts: GenerateOptions, setup: BackboneOptions, places: Made
) -> None:
    with pytest.raises(UserError, match=r"has no \[v3\]; it has \[v1\] \(cat\), \[v2\] \(umbrella\)"):
        generate(replace(texts, texts=("a [v3]",)), setup, places())
    assert not places().outputs.exists()


def test_a_method_without_handles_is_refused(texts: GenerateOptions, setup: BackboneOptions, places: Made) -> None:
    with pytest.raises(UserError, match=r"real learns no handles in the backbone; these do: .*ours"):
        generate(replace(texts, method="real"), setup, places())


def test_the_background_is_a_handle_like_any_other(
    texts: GenerateOptions, setup: BackboneOptions, places: Made
) -> None:
    folder = generate(
        replace(texts, method="ours:background", texts=("a photo of a chicken at [v3]",), samples=1), setup, places()
    )[0].parent
    told = json.loads((folder / "generated.json").read_text())["settings"]
    assert told["handles"] == {"[v1]": "cat", "[v2]": "umbrella", "[v3]": "background"}


def test_a_template_stands_for_every_concept_alone_and_all_together(scene: Scene) -> None:
    assert expanded("a photo of {tokens} in the snow", scene) == (
        "a photo of [v1] in the snow",
        "a photo of [v2] in the snow",
        "a photo of [v1] and [v2] in the snow",
    )
    assert expanded("{tokens}", replace(scene, concepts=scene.concepts[:1])) == ("[v1]",)
    assert expanded("{tokens} at [v3]", with_background(scene))[2] == "[v1] and [v2] at [v3]"


def test_each_adds_its_texts_to_those_given_and_draws_none_twice(
    texts: GenerateOptions, setup: BackboneOptions, places: Made
) -> None:
    asked = replace(texts, texts=(ALONE,), samples=1, each=("a photo of {tokens}",))
    sheet, *pictures = generate(asked, setup, places())
    assert len(pictures) == 3
    drawn = json.loads((sheet.parent / "generated.json").read_text())["texts"]
    assert drawn == {ALONE: 1, "a photo of [v2]": 1, "a photo of [v1] and [v2]": 1}
