"""What will have no value, or mean little, on a dataset with a backbone and a preset; told before the first fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bench.core.errors import UserError
from bench.core.progress import console
from bench.core.scenes import BACKGROUND
from bench.core.text import count, some
from bench.data.builders.remarks import LABELS, UNLABELLED
from bench.data.manifest import PictureRecord, SceneRecord, square_of
from bench.scoring.models.class_words import known_words, words_unknown_to
from bench.scoring.presets import Preset


def warn(sentences: Iterable[str]) -> None:
    """Print sentences where remarks go, one line each."""
    for sentence in sentences:
        console.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)


def undetectable(scenes: Sequence[SceneRecord], preset: Preset) -> Iterator[str]:
    """A sentence about scenes without class words, and one about words that the preset's segmenter does not know.

    Raises `UserError` if the segmenter's configuration cannot be had.
    """
    unknown = words_unknown_to(preset, (word for scene in scenes for word in scene.classes if word != BACKGROUND))
    if UNLABELLED in unknown:
        yield unlabelled_warning([scene.name for scene in scenes if UNLABELLED in scene.classes], preset)
    if words := [word for word in unknown if word != UNLABELLED]:
        known = f"it knows {some(sorted(known_words(preset)))} (`bench list {preset.name}` lists all)"
        yield f"{unknown_to_segmenter(words, preset)}; {known}."


def unlabelled_warning(scenes: Sequence[str], preset: Preset) -> str:
    """The sentence about scenes without class words."""
    told = f"{count(len(scenes), 'scene')} without class words ({some(scenes)})"
    return (
        f"{told}: {_lost(preset)} there, since no segmenter finds an '{UNLABELLED}'; write {LABELS} and build it again."
    )


def unknown_to_segmenter(words: Sequence[str], preset: Preset) -> str:
    """The start of the sentence about class words that the preset's segmenter does not know."""
    kind = "class word" if len(words) == 1 else "class words"
    told = f"The segmenter of the preset {preset.name} does not know the {kind} {some(words)}"
    return f"{told}, so that their {_lost(preset)}"


def _lost(preset: Preset) -> str:
    """What has no value without a segment; identity has one where whole pictures are compared."""
    if preset.comparison.view.is_whole:
        return "detection has no value"
    return "identity similarity and detection have no value"


def enlarged(scenes: Sequence[SceneRecord], size: int, side: int) -> Iterator[str]:
    """A sentence about scenes with less pixels per side than the backbone's `side`; `size` is the built pictures'."""
    small = {scene.name: least for scene in scenes if (least := min(size, *_sides(scene))) < side}
    if small:
        named = [f"{name} {least} x {least}" for name, least in small.items()]
        told = f"{count(len(small), 'scene')} of {len(scenes)} smaller than the backbone's {side} x {side} pixels"
        yield f"{told}, and enlarged to learn from: {some(named)}."


def _sides(scene: SceneRecord) -> list[int]:
    """The sides of the squares that a scene's pictures were cropped to, in pixels of their sources."""
    pictures: tuple[SceneRecord | PictureRecord, ...] = (scene, *scene.more)
    return [square_of(one.crop).side for one in pictures]


def check_scene_count(scenes: str | None) -> None:
    """Raise `UserError` for a number of scenes below 1, before anything is built."""
    if scenes is not None and scenes.removeprefix("-").isdecimal() and int(scenes) < 1:
        raise UserError(f"--scenes {scenes} names no scene; give a number from 1, or names")
